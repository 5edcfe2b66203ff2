# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The learning rate of each step: linear warm-up, then steps down, as MLPerf ssd-v1 train.py and its lr_warmup.

On request a half cosine down to 0 (Loshchilov and Hutter 2016, arXiv 1608.03983, without restarts) instead of steps.
"""

import bisect
import dataclasses
import math

DECAY_FACTOR = 0.1


@dataclasses.dataclass(frozen=True)
class Schedule:
    """The rule; `learning_rate` applies it.

    Attributes:
      base: learning rate between warm-up and the first decay.
      decay_steps: at each of these steps the rate is multiplied by 0.1, ascending.
      warmup_steps: W; 0 for none.
      warmup_factor: F; the first step has base * (1 - 2**-F), so 0 with F = 0.
      mlperf_warmup_quirk: keep the last warm-up value until the first decay, as the reference does by mistake.
      cosine_steps: T; above 0, the rate falls from base after warm-up to 0 at step T, and decay_steps are not used.
    """

    base: float
    decay_steps: tuple[int, ...] = ()
    warmup_steps: int = 0
    warmup_factor: int = 0
    mlperf_warmup_quirk: bool = False
    cosine_steps: int = 0


def learning_rate(schedule: Schedule, step: int) -> float:
    """The rate that the update of `step` (0, 1, ...) uses."""
    if step < schedule.warmup_steps:
        remaining = (schedule.warmup_steps - step) / (schedule.warmup_steps * 2**schedule.warmup_factor)
        base = schedule.base if schedule.cosine_steps else _decayed(schedule, step)
        return base * (1.0 - remaining)
    if schedule.cosine_steps:
        return _cosine(schedule, step)
    decayed_since = any(schedule.warmup_steps <= boundary <= step for boundary in schedule.decay_steps)
    if schedule.mlperf_warmup_quirk and schedule.warmup_steps and not decayed_since:
        return learning_rate(schedule, schedule.warmup_steps - 1)
    return _decayed(schedule, step)


def _decayed(schedule: Schedule, step: int) -> float:
    return schedule.base * DECAY_FACTOR ** bisect.bisect_right(schedule.decay_steps, step)


def _cosine(schedule: Schedule, step: int) -> float:
    length = max(schedule.cosine_steps - schedule.warmup_steps, 1)
    done = min((step - schedule.warmup_steps) / length, 1.0)
    return schedule.base * 0.5 * (1.0 + math.cos(math.pi * done))

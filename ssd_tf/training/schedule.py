# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The learning rate of each step: linear warm-up, then steps down, as MLPerf ssd-v1 train.py and its lr_warmup."""

import bisect
import dataclasses

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
    """

    base: float
    decay_steps: tuple[int, ...] = ()
    warmup_steps: int = 0
    warmup_factor: int = 0
    mlperf_warmup_quirk: bool = False


def learning_rate(schedule: Schedule, step: int) -> float:
    """The rate that the update of `step` (0, 1, ...) uses."""
    if step < schedule.warmup_steps:
        remaining = (schedule.warmup_steps - step) / (schedule.warmup_steps * 2**schedule.warmup_factor)
        return _decayed(schedule, step) * (1.0 - remaining)
    decayed_since = any(schedule.warmup_steps <= boundary <= step for boundary in schedule.decay_steps)
    if schedule.mlperf_warmup_quirk and schedule.warmup_steps and not decayed_since:
        return learning_rate(schedule, schedule.warmup_steps - 1)
    return _decayed(schedule, step)


def _decayed(schedule: Schedule, step: int) -> float:
    return schedule.base * DECAY_FACTOR ** bisect.bisect_right(schedule.decay_steps, step)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Data and hardware -> the settings of a run for a few hundred images of one's own, each with its reason.

A pure function; the settings are TrainConfig's, by their names. docs/training.md has what was measured.
"""

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Any

# The learning rate of a batch of 16; it grows with the batch.
_RATE, _RATE_BATCH = 1e-3, 16
_CPU_BATCH, _GPU_BATCH = 16, 32
_WARMUP_STEPS = 50
# So many evaluations in a run, and as many without a better AP end it.
EVALUATIONS, _PATIENCE = 12, 5
# The weights are averaged over about this part of the run, and over so many steps at the most.
_AVERAGED_PART, _LONGEST_AVERAGE = 0.1, 500
# A run of fewer leaves nothing worth having.
LEAST_STEPS = 20
# Words of a class name that a mirrored image would contradict, such as left_turn.
_SIDES = re.compile(r"(?<![a-z])(left|right)(?![a-z])", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the choices depend on.

    Attributes:
      images: those to train on, that have boxes.
      classes: the names.
      gpus: how many GPUs there are.
    """

    images: int
    classes: Sequence[str]
    gpus: int = 0


@dataclasses.dataclass(frozen=True)
class Choice:
    """A setting by its name, and why it has this value."""

    name: str
    value: Any
    why: str

    @property
    def flag(self) -> str:
        """As `train` takes it."""
        if isinstance(self.value, bool):
            return f"--{'' if self.value else 'no'}{self.name}"
        return f"--{self.name}={self.value:g}" if isinstance(self.value, float) else f"--{self.name}={self.value}"


def choose(facts: Facts) -> list[Choice]:
    """The settings that do not depend on the length of the run.

    Raises:
      ValueError: there is nothing to train on.
    """
    if facts.images < 1:
        raise ValueError(f"images: expected at least 1 with boxes. Received: {facts.images}")
    usual, where = (_GPU_BATCH, "a GPU") if facts.gpus else (_CPU_BATCH, "a CPU")
    batch = min(usual * max(1, facts.gpus), 2 ** int(math.log2(facts.images)))
    why_batch = f"for {where}" if batch >= usual else f"no more than the {facts.images} images"
    found = [
        Choice("batch_size", batch, why_batch),
        Choice("optimizer", "adamw", "few steps: it needs no tuning of the rate"),
        Choice("learning_rate", _RATE * batch / _RATE_BATCH, f"{_RATE:g} for {_RATE_BATCH} images a step"),
        Choice("weight_decay", 0.02, "decoupled, of the kernels alone"),
        Choice("decay_bias_and_norm", False, "biases and batch norm have nothing to shrink"),
        Choice("clip_gradient_norm", 10.0, "a batch with odd boxes must not undo the rest"),
        Choice("augmentation", "ssdlite", "crops that keep a box, and mirroring"),
    ]
    sided = [name for name in facts.classes if _SIDES.search(name)]
    if sided:
        found.append(Choice("random_flip", False, f"a mirrored image contradicts class {sided[0]!r}"))
    return found


def choose_length(steps: int, epoch_steps: int, minutes: float) -> list[Choice]:
    """The settings that follow from the length of the run.

    Args:
      steps: of the whole run, at least 1.
      epoch_steps: of an epoch.
      minutes: the budget that `steps` fill, for the reason.
    """
    epochs = steps / epoch_steps
    every = max(1, round(epochs / EVALUATIONS))
    fits = f"what fits into {minutes:g} minutes" if steps > LEAST_STEPS else f"the least; {minutes:g} minutes are short"
    why = f"{epochs:.3g} epochs: {fits}"
    averaged = min(_LONGEST_AVERAGE, max(1.0, _AVERAGED_PART * steps))
    decay = round(1 - 1 / (1 + averaged), 4)
    return [
        Choice("steps", steps, why),
        Choice("lr_schedule", "cosine", "down to 0 at the end"),
        Choice("lr_warmup_steps", min(_WARMUP_STEPS, steps // 10), "the heads are new"),
        Choice("ema_decay", decay, f"the mean of the weights of about {averaged:.0f} steps"),
        Choice("eval_every_epochs", every, f"about {math.ceil(epochs / every)} evaluations"),
        Choice("patience", _PATIENCE, "so many evaluations without a better AP end the run"),
        Choice("checkpoint_every_epochs", every, "to resume from"),
    ]

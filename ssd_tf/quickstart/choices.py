# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Data and hardware -> the settings of a run for a few hundred images of one's own, each with its reason.

A pure function; the settings are TrainConfig's, by their names. docs/training.md has what was measured.
"""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ssd_tf.settings import CROPPED_EPOCHS

# Of a run whose length nobody asked for.
MINUTES = 10.0
# The learning rate of a batch of 16, which grows with the batch, and the weight decay, by the optimizer.
_RATES, _RATE_BATCH = {"adamw": 1e-3, "sgd": 2e-2}, 16
_DECAYS = {"adamw": 0.02, "sgd": 5e-4}
_CPU_BATCH, _GPU_BATCH = 16, 32
_WARMUP_STEPS = 50
# So many evaluations in a run at the most. Half of them in a row without a better AP end it, though not fewer than
# _PATIENCE: a cosine gains most at its end.
_EVALUATIONS, _PATIENCE = 12, 3
# The weights are averaged over about this part of the run, and over so many steps at the most.
_AVERAGED_PART, _LONGEST_AVERAGE = 0.1, 500
# Settings that say the same in another way.
_INSTEAD = {"lr_warmup_steps": "lr_warmup_epochs", "eval_every_epochs": "eval_epochs"}
# A run of fewer leaves nothing worth having.
LEAST_STEPS = 20
# Words of a class name that a mirrored image would contradict, such as left_turn.
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
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


def choose(facts: Facts, given: Mapping[str, Any] | None = None) -> list[Choice]:
    """The settings that do not depend on the length of the run.

    Args:
      given: settings that are settled; those that go with them follow.

    Raises:
      ValueError: there is nothing to train on.
    """
    given = given or {}
    if facts.images < 1:
        raise ValueError(f"images: expected at least 1 with boxes. Received: {facts.images}")
    usual, where = (_GPU_BATCH, "a GPU") if facts.gpus else (_CPU_BATCH, "a CPU")
    replicas = max(1, facts.gpus)
    batch = max(replicas, min(usual * replicas, 2 ** int(math.log2(facts.images))))
    why_batch = f"for {where}" if batch >= usual else f"no more than the {facts.images} images"
    batch, optimizer = given.get("batch_size", batch), given.get("optimizer", "adamw")
    rate = _RATES.get(optimizer, 0.0)
    found = [
        Choice("batch_size", batch, why_batch),
        Choice("optimizer", "adamw", "few steps: it needs no tuning of the rate"),
        Choice("learning_rate", rate * batch / _RATE_BATCH, f"{rate:g} for {_RATE_BATCH} images a step"),
        Choice("weight_decay", _DECAYS.get(optimizer, 0.0), f"usual for {optimizer}; of the kernels alone"),
        Choice("decay_bias_and_norm", False, "biases and batch norm have nothing to shrink"),
        Choice("clip_gradient_norm", 10.0, "a batch with odd boxes must not undo the rest"),
        Choice("augmentation", "ssdlite", "crops that keep a box, in runs of many epochs, and mirroring"),
    ]
    sided = [name for name in facts.classes if _SIDES.search(_CAMEL.sub("_", name))]
    if sided:
        found.append(Choice("random_flip", False, f"a mirrored image contradicts class {sided[0]!r}"))
    return _open_ones(found, given)


def choose_length(steps: int, epoch_steps: int, minutes: float, given: Mapping[str, Any] | None = None) -> list[Choice]:
    """The settings that follow from the length of the run.

    Args:
      steps: of the whole run, at least 1.
      epoch_steps: of an epoch.
      minutes: the budget that `steps` fill, for the reason.
      given: as `choose` takes it.
    """
    epochs, every = steps / epoch_steps, _every(steps, epoch_steps)
    evaluations = evaluations_in(steps, epoch_steps)
    fits = f"what fits into {minutes:g} minutes" if steps > LEAST_STEPS else f"the least; {minutes:g} minutes are short"
    averaged = min(_LONGEST_AVERAGE, max(1.0, _AVERAGED_PART * steps))
    found = [
        Choice("steps", steps, f"{epochs:.3g} epochs: {fits}"),
        Choice("lr_schedule", "cosine", "down to 0 at the end"),
        Choice("lr_warmup_steps", min(_WARMUP_STEPS, steps // 10), "the heads are new"),
        Choice("ema_decay", round(1 - 1 / (1 + averaged), 4), f"the mean of the weights of about {averaged:.0f} steps"),
        Choice("eval_every_epochs", every, f"{evaluations} evaluations"),
        Choice("patience", max(_PATIENCE, math.ceil(evaluations / 2)), "evaluations without a better AP end the run"),
        Choice("checkpoint_every_epochs", every, "to resume from"),
    ]
    if epochs < CROPPED_EPOCHS:
        found.append(Choice("random_crop", False, f"{epochs:.3g} epochs: too few for crops to raise AP"))
    return _open_ones(found, given or {})


def evaluations_in(steps: int, epoch_steps: int) -> int:
    """How many there are in a run of that length, the one at its end too."""
    return math.ceil(steps / epoch_steps / _every(steps, epoch_steps))


def _every(steps: int, epoch_steps: int) -> int:
    return max(1, math.ceil(steps / epoch_steps / _EVALUATIONS))


def _open_ones(choices: Sequence[Choice], given: Mapping[str, Any]) -> list[Choice]:
    """Those that nothing given settles."""
    return [choice for choice in choices if not {choice.name, _INSTEAD.get(choice.name)} & {*given}]

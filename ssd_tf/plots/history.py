# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a run reported (metrics.jsonl) as curves: read, smoothed, and thinned to what a chart can show."""

import json
import pathlib
from typing import Any, NamedTuple

import numpy as np

from ssd_tf.utils.errors import UserError

# More points than a chart has pixels show nothing more.
MAX_POINTS = 300
# A smoothed point looks back over about this part of the run.
SMOOTHING = 1 / 25


class Curve(NamedTuple):
    """A number along a run: steps int [N], epochs float [N], values float [N]."""

    steps: np.ndarray
    epochs: np.ndarray
    values: np.ndarray


class History(NamedTuple):
    """Curves by name: `training` as reported every few steps (loss, lr ...), `evaluations` (AP, AP50 ...)."""

    training: dict[str, Curve]
    evaluations: dict[str, Curve]

    def epoch_of(self, step: int) -> float | None:
        """The epoch at a step that was reported; None where none was."""
        for curve in (*self.evaluations.values(), *self.training.values()):
            if (found := np.flatnonzero(curve.steps == step)).size:
                return float(curve.epochs[found[-1]])
        return None


def read_history(path: pathlib.Path) -> History:
    """The curves in a metrics.jsonl; both parts are empty where there is no such file.

    A line that is not finished, of a run that is writing it, is left out.

    Raises:
      ValueError: a line is not what a run writes.
    """
    training: list[dict[str, Any]] = []
    evaluations: list[dict[str, Any]] = []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            break
        try:
            report = json.loads(line)
            report = {**report, "step": int(report["step"]), "epoch": float(report["epoch"])}
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}:{number}: expected a line of a run's reports. Received: {line[:80]!r}") from error
        if "AP" in report:  # what is not defined is null there, and -1 here, as COCO has it
            evaluations.append({name: -1.0 if value is None else value for name, value in report.items()})
        else:
            training.append(report)
    return History(_curves(training), _curves(evaluations))


def smoothed(values: np.ndarray, part: float = SMOOTHING) -> np.ndarray:
    """The exponential moving average of float [N], over about `part` of it; the beginning is not pulled to zero."""
    decay = 1 - 1 / max(1.0, part * len(values))
    averages, total, weight = np.empty(len(values)), 0.0, 0.0
    for k, value in enumerate(values.tolist()):
        total, weight = decay * total + (1 - decay) * value, decay * weight + (1 - decay)
        averages[k] = total / weight
    return averages


def thinned(values: np.ndarray, most: int = MAX_POINTS) -> np.ndarray:
    """Ascending indices into float [N], about `most`: of each stretch the lowest and the highest."""
    count = len(values)
    if count <= most:
        return np.arange(count)
    stretches = np.array_split(np.arange(count), most // 2)
    lows, highs = ([s[pick(values[s])] for s in stretches] for pick in (np.argmin, np.argmax))
    return np.unique(np.concatenate([[0], lows, highs, [count - 1]]))


def _curves(reports: list[dict[str, Any]]) -> dict[str, Curve]:
    names = {name for report in reports for name, value in report.items() if isinstance(value, int | float)}
    return {name: _curve(reports, name) for name in sorted(names - {"step", "epoch"})}


def _curve(reports: list[dict[str, Any]], name: str) -> Curve:
    having = [report for report in reports if isinstance(report.get(name), int | float)]
    steps = np.array([report["step"] for report in having])
    epochs, values = (np.array([report[key] for report in having], np.float64) for key in ("epoch", name))
    return Curve(steps, epochs, values)

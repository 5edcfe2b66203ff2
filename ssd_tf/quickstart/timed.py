# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A number of minutes -> all settings of a run, and the file in its folder that keeps them for when it is resumed."""

import dataclasses
import json
import math
import os
import pathlib
import shlex
import time
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from ssd_tf.data.manifest import load_manifest
from ssd_tf.quickstart.budget import measure, steps_within
from ssd_tf.quickstart.choices import Choice, Facts, choose, choose_length
from ssd_tf.settings import TrainConfig, flat_settings, train_config
from ssd_tf.specs import DetectorSpec
from ssd_tf.training.config import check_config, complete
from ssd_tf.training.plan import make_plan
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import make_folder, parse_json, write_atomically
from ssd_tf.weights.model_info import CONFIG

STATE = "quickstart.json"
ASKED_FOR = "asked for"
# Settings that say how long a run is.
LENGTHS = {"steps", "epochs"}
# What to do about a STATE that was edited. Not to delete it: a run that has begun would be taken for one of `train`'s.
_MEND = "Correct it, or choose another folder"


def choose_all(
    given: Sequence[Choice],
    data_dir: pathlib.Path,
    model_dir: pathlib.Path,
    minutes: float,
    begin: float,
    say: Callable[[str], None],
) -> list[Choice] | None:
    """The settings of a run on prepared data: those that are given, and the others by data, hardware and time.

    A few steps are timed for it, in a folder of the run's that is removed.

    Args:
      minutes: from `begin`, as time.monotonic() gave it, to the end of the training.
      say: is given each line of what is done.

    Returns:
      All settings; None where a signal came.

    Raises:
      ValueError, FileNotFoundError, OSError: as `ssd_tf.train`.
    """
    require_minutes(minutes)
    settled = {choice.name: choice.value for choice in given}
    places = {"data_dir": str(data_dir), "model_dir": str(model_dir)}
    train_part = load_manifest(data_dir, settled.get("train_split", TrainConfig.train_split))
    names = [count.category.name for count in train_part.classes]
    facts = Facts(train_part.num_images_with_boxes, names, len(tf.config.list_physical_devices("GPU")))
    chosen = [*given, *choose(facts, settled)]
    run = complete(train_config(**{choice.name: choice.value for choice in chosen}, **places, steps=1))
    check_config(run)
    epoch_steps = make_plan(run).epoch_steps
    make_folder(model_dir)
    say("timing a few steps, in a run that is thrown away")
    speed = measure(run, model_dir)
    if speed.interrupted:
        return None
    seconds = 60 * minutes - (time.monotonic() - begin)
    val_images = load_manifest(data_dir, run.val_split).num_images
    steps = steps_within(seconds, speed, run.batch_size, val_images, epoch_steps)
    say(f"a step of {run.batch_size} images takes {speed.step:.2g} s here")
    return chosen + choose_length(steps, epoch_steps, minutes, settled)


def require_minutes(minutes: float) -> None:
    if not 0 < minutes < math.inf:
        raise UserError(f"minutes: expected a finite number above 0. Received: {minutes}")


def timed_settings(
    spec: DetectorSpec, settings: dict[str, Any], data_dir: pathlib.Path, model_dir: pathlib.Path, minutes: float
) -> dict[str, Any] | None:
    """Those of a run with this detector that ends after so many minutes; of a run that is there already, its own.

    Args:
      settings: those that are given; none of LENGTHS is among them.

    Returns:
      All but the detector; None where a signal came.

    Raises:
      ValueError, FileNotFoundError, OSError: as `choose_all` and `kept`.
    """
    begin = time.monotonic()
    if lengths := LENGTHS & {*settings}:
        raise UserError(f"minutes: expected no {' or '.join(sorted(lengths))} with it")
    settings = _by_name(settings)
    asked = {"detector": spec.name, "minutes": minutes, **settings}
    found = kept(model_dir, asked, has_detector=False)
    if found is not None:
        return found
    given = [Choice(name, value, ASKED_FOR) for name, value in {"detector": spec, **settings}.items()]
    chosen = choose_all(given, data_dir, model_dir, minutes, begin, logging.info)
    return keep(model_dir, asked, chosen[1:]) if chosen else None


def _by_name(settings: dict[str, Any]) -> dict[str, Any]:
    """Each setting by the name of its flag, those of groups that are given whole too, and paths as text."""
    flat = flat_settings(train_config(**settings))
    names = [
        inner
        for name, value in settings.items()
        for inner in (
            [field.name for field in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else [name]
        )
    ]
    return {name: os.fspath(flat[name]) if isinstance(flat[name], os.PathLike) else flat[name] for name in names}


def keep(model_dir: pathlib.Path, asked: dict[str, Any], chosen: Sequence[Choice]) -> dict[str, Any]:
    """Writes what a run was asked for and its settings into its folder, and returns the settings by name."""
    settings = {choice.name: choice.value for choice in chosen}
    write_atomically(model_dir / STATE, json.dumps({"asked": asked, "settings": settings}, indent=1) + "\n")
    return settings


def kept(model_dir: pathlib.Path, asked: dict[str, Any], has_detector: bool) -> dict[str, Any] | None:
    """The settings of a run that was asked for the same, as `train_config` takes them; None where there is none.

    Args:
      has_detector: whether the detector is one of the settings; otherwise it is the caller's.

    Raises:
      ValueError: the run was asked for something else or is none of quickstart's, or the file is damaged: a setting
        that the run needs is missing, or one is unknown or of a wrong type.
    """
    path = model_dir / STATE
    if not path.is_file():
        if (model_dir / CONFIG).is_file():
            raise UserError(
                f"{model_dir}: expected a new folder, or one of a run that was planned by minutes. Received: another "
                f"run's, which goes on with its own epochs or steps"
            )
        return None
    try:
        content = parse_json(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: expected what quickstart wrote. Received: {error}. {_MEND}") from error
    before, settings = (_part(content, name, path) for name in ("asked", "settings"))
    now = json.loads(json.dumps(asked))
    if changed := [name for name in {**before, **now} if now.get(name) != before.get(name)]:
        name = changed[0]
        raise UserError(
            f"{model_dir}: holds a quickstart with {name}={before.get(name)}. Received: {name}={now.get(name)}. "
            f"Choose another folder; train's --init_from={shlex.quote(str(model_dir))} starts from its weights"
        )
    try:
        _check_kept(settings, has_detector)
    except UserError as error:
        raise UserError(f"{path}: {error}. {_MEND}") from error
    return settings


def _part(content: Any, name: str, path: pathlib.Path) -> dict[str, Any]:
    part = content.get(name) if isinstance(content, dict) else content
    if not isinstance(part, dict):
        received = "none" if part is None else f"{part!r:.80}"
        raise UserError(f"{path}: expected what quickstart wrote, an object {name!r}. Received: {received}. {_MEND}")
    return part


def _check_kept(settings: dict[str, Any], has_detector: bool) -> None:
    """Raises ValueError where no run can go on with these settings."""
    callers = {"data_dir", "model_dir"} if has_detector else {"data_dir", "model_dir", "detector"}
    if given := sorted(callers & {*settings}):
        raise UserError(f"{given[0]}: expected none in this file. Received: {settings[given[0]]!r}")
    if has_detector and settings.get("detector", "") in (None, ""):
        raise UserError("expected a setting 'detector', a name or a .json file. Received: none")
    if not any(settings.get(name) for name in LENGTHS):
        received = next((value for name in LENGTHS if (value := settings.get(name)) is not None), "none")
        raise UserError(f"expected a setting 'steps', the length of the run. Received: {received}")
    train_config(**settings)

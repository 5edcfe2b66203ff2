# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Trains a detector on a prepared data set; run again with the same --model_dir, it resumes where it stopped.

python train.py --flagfile=flags/mlperf.cfg --data_dir=data --model_dir=runs/mlperf
"""

import dataclasses
import signal
import typing
from typing import Any

from absl import flags, logging

from ssd_tf.apps import cli
from ssd_tf.settings import TrainConfig, setting_fields, train_config
from ssd_tf.specs import DETECTORS
from ssd_tf.utils.errors import UserError


def define_flags(values: flags.FlagValues) -> None:
    """A flag for each setting of TrainConfig, with its default, range and help."""
    for name, field in setting_fields().items():
        _define(values, name, field)


def check_flags(args: flags.FlagValues) -> None:
    config_from_flags(args)


def main(args: flags.FlagValues) -> int:
    from ssd_tf.distributed.workers import WorkerLostError
    from ssd_tf.evaluation.coco_metrics import value_text
    from ssd_tf.training.loop import train

    # Until there are steps to save; a handler in Python would wait as long as TensorFlow waits for other machines.
    cli.set_signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        outcome = train(config_from_flags(args))
    except WorkerLostError as error:
        cli.leave(cli.EXIT_INTERRUPTED, error)
    if outcome.interrupted:
        how = "the same command without --mlperf_log" if args.mlperf_log else "the same command"
        logging.warning("interrupted at step %d; run %s to resume", outcome.step, how)
        return cli.EXIT_INTERRUPTED
    if not outcome.trained:
        print(f"nothing left to do at step {outcome.step}; model in {args.model_dir}")
    if outcome.metrics:
        shown = [f"{key} {value_text(outcome.metrics[key])}" for key in ("AP", "AP50")]
        print(f"{'  '.join(shown)}  model in {args.model_dir}")
    return cli.EXIT_OK


def config_from_flags(args: flags.FlagValues) -> TrainConfig:
    """The TrainConfig that the flags make.

    Raises:
      ValueError: a list of numbers holds something else.
    """
    return train_config(**{name: _value(args, name, field) for name, field in setting_fields().items()})


def _define(values: flags.FlagValues, name: str, field: dataclasses.Field) -> None:
    meta, common = field.metadata, {"flag_values": values, "required": field.metadata["required"]}
    help_text = f"One of: {', '.join(DETECTORS)}; or a .json file with a spec." if name == "detector" else meta["help"]
    default: Any = None if meta["required"] else field.default
    kinds = {kind for kind in (typing.get_args(field.type) or (field.type,)) if kind is not type(None)}
    if meta["choices"]:
        flags.DEFINE_enum(name, default, meta["choices"], help_text, **common)
    elif typing.get_origin(field.type) is tuple:
        flags.DEFINE_list(name, [str(number) for number in default], help_text, **common)
    elif bool in kinds:
        flags.DEFINE_bool(name, default, help_text, **common)
    elif int in kinds:
        flags.DEFINE_integer(name, default, help_text, meta["lower"], meta["upper"], **common)
    elif float in kinds:
        flags.DEFINE_float(name, default, help_text, meta["lower"], meta["upper"], **common)
    elif meta["path"]:
        cli.define_path(name, default, help_text, **common)
    else:
        flags.DEFINE_string(name, default, help_text, **common)


def _value(args: flags.FlagValues, name: str, field: dataclasses.Field) -> Any:
    value = args[name].value
    if typing.get_origin(field.type) is not tuple:
        return value
    number = typing.get_args(field.type)[0]
    try:
        return tuple(number(text) for text in value or ())
    except ValueError:
        kind = "whole numbers" if number is int else "numbers"
        raise UserError(f"--{name}: expected {kind}. Received: {value}") from None


if __name__ == "__main__":
    cli.run("train")

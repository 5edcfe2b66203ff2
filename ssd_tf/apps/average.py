# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Makes a model of the mean of a run's checkpoints.

python train.py --keep_checkpoints=5 ...
python -m ssd_tf.apps.average --model=runs/mlperf --output=models/averaged
"""

import pathlib

from absl import flags, logging

from ssd_tf.apps import cli
from ssd_tf.utils.errors import UserError


def define_flags(values: flags.FlagValues) -> None:
    cli.define_path(
        "model",
        None,
        "A model_dir: the mean of all checkpoints in its checkpoints/.",
        required=True,
        flag_values=values,
    )
    cli.define_path(
        "output", None, "The folder to make; --model and --init_from take it.", required=True, flag_values=values
    )
    flags.DEFINE_integer("last", 0, "How many of the last checkpoints; 0: all.", lower_bound=0, flag_values=values)


def main(args: flags.FlagValues) -> None:
    from ssd_tf.models.ssd import build_model
    from ssd_tf.weights.model_dir import average_checkpoints, list_checkpoints, save_model
    from ssd_tf.weights.model_info import load_info

    info = load_info(pathlib.Path(args.model))
    found = list_checkpoints(pathlib.Path(args.model))
    if len(found) < max(args.last, 1):
        raise UserError(f"{args.model}: expected {max(args.last, 1)} checkpoints or more. Received: {len(found)}")
    prefixes = found[-args.last :]
    model = build_model(info.spec, len(info.categories))
    for prefix in prefixes:
        logging.info("averaging %s", prefix)
    average_checkpoints(model, prefixes)
    save_model(pathlib.Path(args.output), info, model, prefixes)
    print(f"the mean of {len(prefixes)} checkpoints in {args.output}")


if __name__ == "__main__":
    cli.run("average")

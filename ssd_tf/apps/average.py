# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Makes a model of the mean of a run's checkpoints.

python train.py --keep_checkpoints=5 ...
python -m ssd_tf.apps.average --model=runs/mlperf --output=models/averaged
"""

import pathlib

from absl import flags, logging

from ssd_tf.apps import cli

FLAGS = flags.FLAGS
flags.DEFINE_string("model", None, "A model_dir: the mean of all checkpoints in its checkpoints/.", required=True)
flags.DEFINE_string("output", None, "The folder to make; --model and --init_from take it.", required=True)
flags.DEFINE_integer("last", 0, "Take so many, the newest ones; 0: all.", lower_bound=0)


def main() -> None:
    from ssd_tf.models.ssd import build_model
    from ssd_tf.weights.average import average_checkpoints
    from ssd_tf.weights.model_dir import list_checkpoints, load_info, save_model

    info = load_info(pathlib.Path(FLAGS.model))
    found = list_checkpoints(pathlib.Path(FLAGS.model))
    if len(found) < max(FLAGS.last, 1):
        raise ValueError(f"{FLAGS.model}: expected {max(FLAGS.last, 1)} checkpoints or more. Received: {len(found)}")
    prefixes = found[-FLAGS.last :]
    model = build_model(info.detector, len(info.categories))
    for prefix in prefixes:
        logging.info("averaging %s", prefix)
    average_checkpoints(model, prefixes)
    save_model(pathlib.Path(FLAGS.output), info, model, prefixes)
    print(f"the mean of {len(prefixes)} checkpoints in {FLAGS.output}")


if __name__ == "__main__":
    cli.run(main)

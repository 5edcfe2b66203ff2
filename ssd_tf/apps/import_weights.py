# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Turns other people's weights into a model_dir, which every program here takes; with --reverse, a model into theirs.

python -m ssd_tf.apps.import_weights --source=ssd_r34.pth --output=models/ssd_r34
python -m ssd_tf.apps.import_weights --source=resnet34-333f7ec4.pth --annotations=instances.json --output=models/start
python -m ssd_tf.apps.import_weights --reverse --source=runs/mlperf --output=mlperf.safetensors
"""

import pathlib

from absl import flags

from ssd_tf.apps import cli
from ssd_tf.specs import DETECTORS

FLAGS = flags.FLAGS
flags.DEFINE_string("source", None, "A .pth, .pt, .safetensors or .npz file; with --reverse a model.", required=True)
flags.DEFINE_string("output", None, "The folder to make; with --reverse a .safetensors or .npz file.", required=True)
flags.DEFINE_string("detector", "ssd300_resnet34", f"One of: {', '.join(DETECTORS)}. Not used with --reverse.")
flags.DEFINE_string(
    "annotations",
    "",
    "A COCO instances JSON file that lists the classes; by default the file's own, or COCO's where there are 80. For a "
    "backbone alone give this or --num_classes.",
)
flags.DEFINE_integer(
    "num_classes", 0, "How many classes, without background; 0: as many as the file has.", lower_bound=0
)
flags.DEFINE_bool("reverse", False, "Write a model as MLPerf's state_dict, which PyTorch loads.")


def main() -> None:
    source, output = pathlib.Path(FLAGS.source), pathlib.Path(FLAGS.output)
    if FLAGS.reverse:
        export(source, output)
        return
    from ssd_tf.data.formats.coco import read_coco
    from ssd_tf.specs import detector
    from ssd_tf.weights.convert import import_model

    categories = read_coco(FLAGS.annotations, images="").categories if FLAGS.annotations else ()
    if FLAGS.num_classes and categories and FLAGS.num_classes != len(categories):
        raise ValueError(f"--num_classes={FLAGS.num_classes}, but --annotations lists {len(categories)} classes")
    info = import_model(source, detector(FLAGS.detector), output, categories, FLAGS.num_classes)
    print(f"{info.detector} for {len(info.categories)} classes in {output}")


def export(source: pathlib.Path, output: pathlib.Path) -> None:
    """The other way: a model of ours -> MLPerf's tensors."""
    from ssd_tf.inference.predictor import load_model
    from ssd_tf.weights.convert import require_writable, write_tensors

    if FLAGS.annotations or FLAGS.num_classes:
        raise ValueError("--reverse: expected neither --annotations nor --num_classes: the model has its classes")
    require_writable(output)
    _, model = load_model(source)
    write_tensors(output, model)
    print(f"{source} as MLPerf's state_dict in {output}")


if __name__ == "__main__":
    cli.run(main)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Turns an annotated data set into TFRecord shards for training and evaluation, and reports what it found.

python -m ssd_tf.apps.prepare --annotations=instances_train2017.json --images=train2017 --output_dir=data --split=train
"""

from absl import flags

from ssd_tf.apps import cli

FLAGS = flags.FLAGS
flags.DEFINE_enum("format", "coco", ["coco"], "What the annotations are.")
flags.DEFINE_string("annotations", None, "The annotations: a COCO instances JSON file.", required=True)
flags.DEFINE_string("images", None, "The folder that the annotations' file names are relative to.", required=True)
flags.DEFINE_string("output_dir", None, "Where shards and manifest go.", required=True)
flags.DEFINE_string("split", "train", "Name of the split, such as train, val or test.")
flags.DEFINE_integer("num_shards", 0, "Number of files; 0 chooses by the number of images.", lower_bound=0)
flags.DEFINE_integer("num_workers", 0, "Threads; 0 takes one for each CPU core.", lower_bound=0)
flags.DEFINE_integer("limit", 0, "Take only the first so many images that have boxes; 0 takes all.", lower_bound=0)
flags.DEFINE_bool("allow_missing", False, "Leave out images whose files are missing, instead of refusing to start.")


def main() -> None:
    from ssd_tf.data.coco import read_coco
    from ssd_tf.data.prepare import prepare, report

    dataset = read_coco(FLAGS.annotations, FLAGS.images)
    manifest = prepare(
        dataset,
        FLAGS.output_dir,
        FLAGS.split,
        source={"format": FLAGS.format, "annotations": FLAGS.annotations, "images": FLAGS.images},
        num_shards=FLAGS.num_shards,
        num_workers=FLAGS.num_workers,
        limit=FLAGS.limit,
        allow_missing=FLAGS.allow_missing,
    )
    print(report(manifest))


if __name__ == "__main__":
    cli.run(main)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Turns an annotated data set into TFRecord shards for training and evaluation, and reports what it found.

python -m ssd_tf.apps.prepare --annotations=instances_train2017.json --images=train2017 --output_dir=data --split=train
python -m ssd_tf.apps.prepare --download=coco2017 --output_dir=data --split=val

The second form fetches COCO 2017 into $SSD_TF_HOME/coco2017, or ~/.cache/ssd_tf/coco2017, and goes on where an
interrupted download stopped. Train is 19.6 GB, val 1.1 GB, and about twice that with the unpacked files.

A preparation that was stopped goes on when the same command is run again: finished shards are kept.
"""

from absl import flags, logging

from ssd_tf.apps import cli

FLAGS = flags.FLAGS
flags.DEFINE_enum("format", "coco", ["coco"], "What the annotations are.")
flags.DEFINE_enum("download", "", ["", "coco2017"], "A data set to download, instead of --annotations and --images.")
flags.DEFINE_string("annotations", None, "The annotations: a COCO instances JSON file.")
flags.DEFINE_string("images", None, "The folder that the annotations' file names are relative to.")
flags.DEFINE_string("output_dir", None, "Where shards and manifest go.", required=True)
flags.DEFINE_string("split", "train", "Name of the split, such as train, val or test.")
flags.DEFINE_integer("num_shards", 0, "Number of files; 0 chooses by the number of images.", lower_bound=0)
flags.DEFINE_integer("num_workers", 0, "Threads of the local runner; 0 takes one for each CPU core.", lower_bound=0)
flags.DEFINE_enum("runner", "local", ["local", "beam"], "Threads of this machine, or an Apache Beam pipeline.")
flags.DEFINE_multi_string("beam_option", [], "An option of Beam's, such as --runner=FlinkRunner; may be repeated.")
flags.DEFINE_integer("limit", 0, "Take only the first so many images that have boxes; 0 takes all.", lower_bound=0)
flags.DEFINE_bool("allow_missing", False, "Leave out images whose files are missing, instead of refusing to start.")


def main() -> int:
    from ssd_tf.data.formats.coco import read_coco
    from ssd_tf.data.formats.coco_download import download_coco2017
    from ssd_tf.data.preparation.prepare import prepare, report
    from ssd_tf.utils.download import cache_dir

    if FLAGS.download and (FLAGS.annotations or FLAGS.images):
        raise ValueError("expected either --download, or --annotations and --images. Received: both")
    if not FLAGS.download and not (FLAGS.annotations and FLAGS.images):
        raise ValueError("expected --annotations and --images, or --download=coco2017")
    if FLAGS.download:
        annotations, images = download_coco2017(FLAGS.split, cache_dir() / FLAGS.download)
    else:
        annotations, images = FLAGS.annotations, FLAGS.images
    dataset = read_coco(annotations, images)
    try:
        manifest = prepare(
            dataset,
            FLAGS.output_dir,
            FLAGS.split,
            source={"format": FLAGS.format, "annotations": str(annotations), "images": str(images)},
            num_shards=FLAGS.num_shards,
            num_workers=FLAGS.num_workers,
            limit=FLAGS.limit,
            allow_missing=FLAGS.allow_missing,
            runner=FLAGS.runner,
            beam_options=FLAGS.beam_option,
        )
    except KeyboardInterrupt:
        logging.warning("interrupted; run the same command to go on")
        return cli.EXIT_INTERRUPTED
    print(report(manifest))
    return cli.EXIT_OK


if __name__ == "__main__":
    cli.run(main)

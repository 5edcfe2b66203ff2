# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Turns an annotated data set into TFRecord shards for training and evaluation, and reports what it found.

python -m ssd_tf.apps.prepare --annotations=instances_train2017.json --images=train2017 --output_dir=data --split=train
python -m ssd_tf.apps.prepare --annotations=VOC2012 --output_dir=data --split=train
python -m ssd_tf.apps.prepare --download=coco2017 --output_dir=data --split=val

The format is found by what lies there, and said. Classes are those of the data, unless --classes names others. The last
form fetches COCO 2017 into $SSD_TF_HOME/coco2017, or ~/.cache/ssd_tf/coco2017, and resumes where an
interrupted download stopped. Train is 19.6 GB, val 1.1 GB, and about twice that with the unpacked files.

A preparation that was stopped continues when the same command is run again: finished shards are kept.
"""

from absl import flags, logging

from ssd_tf.apps import cli
from ssd_tf.utils.errors import UserError


def define_flags(values: flags.FlagValues) -> None:
    cli.define_annotations(values)
    cli.define_subset(values)
    flags.DEFINE_enum(
        "download",
        "",
        ["", "coco2017"],
        "A data set to download, instead of --annotations and --images.",
        flag_values=values,
    )
    flags.DEFINE_bool("difficult", True, "Keep the objects that VOC marks as difficult.", flag_values=values)
    cli.define_path("output_dir", None, "Where shards and manifest go.", required=True, flag_values=values)
    flags.DEFINE_string("split", "train", "Name of the split, such as train, val or test.", flag_values=values)
    flags.DEFINE_integer(
        "num_shards", 0, "Number of files; 0 chooses by the number of images.", lower_bound=0, flag_values=values
    )
    flags.DEFINE_integer(
        "num_workers",
        0,
        "Threads of the local runner; 0 takes one for each CPU core.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_enum(
        "runner", "local", ["local", "beam"], "Threads of this machine, or an Apache Beam pipeline.", flag_values=values
    )
    flags.DEFINE_multi_string(
        "beam_option", [], "An option of Beam's, such as --runner=FlinkRunner; may be repeated.", flag_values=values
    )
    cli.define_exif(values)
    flags.DEFINE_integer(
        "max_images",
        0,
        "Take only the first so many images that have boxes, for a trial; 0 takes all.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_alias("limit", "max_images", flag_values=values)
    flags.DEFINE_bool(
        "allow_missing",
        False,
        "Leave out images whose files are missing, instead of refusing to start.",
        flag_values=values,
    )


def check_flags(args: flags.FlagValues) -> None:
    if args.download and (args.annotations or args.images):
        raise UserError("expected either --download, or --annotations and --images. Received: both")
    if not args.download and not args.annotations:
        raise UserError("expected --annotations, or --download=coco2017")


def main(args: flags.FlagValues) -> int:
    from ssd_tf.data.formats.coco_download import download_coco2017
    from ssd_tf.data.formats.readers import AUTO, read_dataset
    from ssd_tf.data.preparation.prepare import prepare, report
    from ssd_tf.utils.download import cache_dir

    annotations, images = args.annotations, args.images
    if args.download:
        annotations, images = download_coco2017(args.split, cache_dir() / args.download)
    dataset, source = read_dataset(
        annotations, images, args.format, args.subset or args.split, args.classes, difficult=args.difficult
    )
    if args.format == AUTO:
        logging.info("%s is read as %s", source["annotations"], source["format"])
    try:
        manifest = prepare(
            dataset,
            args.output_dir,
            args.split,
            source=source,
            num_shards=args.num_shards,
            num_workers=args.num_workers,
            limit=args.max_images,
            allow_missing=args.allow_missing,
            runner=args.runner,
            beam_options=args.beam_option,
            exif=args.exif,
        )
    except KeyboardInterrupt:
        logging.warning("interrupted; run the same command to resume")
        return cli.EXIT_INTERRUPTED
    print(report(manifest))
    return cli.EXIT_OK


if __name__ == "__main__":
    cli.run("prepare")

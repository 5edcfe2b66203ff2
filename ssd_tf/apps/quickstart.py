# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""From images and their boxes to a detector in one command: looks, prepares, chooses, trains, reports, exports.

ssd_tf quickstart --annotations=BCCD --output=runs/cells --minutes=10
ssd_tf quickstart --annotations=train.json --images=images --val_annotations=val.json --val_images=images

It finds the format, puts a fifth of the images aside to evaluate on where there are no others, starts from the best
weights that can be had, and prints every setting with its reason, as flags for `train`. Interrupted, it exits with
status 75, and the same command goes on.
"""

import functools

from absl import flags, logging

from ssd_tf.apps import cli
from ssd_tf.quickstart.choices import MINUTES
from ssd_tf.utils.errors import UserError


def define_flags(values: flags.FlagValues) -> None:
    cli.define_annotations(values, required=True)
    cli.define_path(
        "val_annotations",
        "",
        "The annotations of the images to evaluate on; without them, those of the data set, or a fifth of it.",
        values,
    )
    cli.define_path("val_images", "", "The folder of their images; without it, --images.", values)
    flags.DEFINE_bool("allow_missing", False, "Leave images out whose files are missing.", flag_values=values)
    cli.define_exif(values)
    cli.define_path("output", "runs/quickstart", "The folder of the run.", values)
    flags.DEFINE_float(
        "minutes",
        MINUTES,
        "Until the detector is trained, preparation and all; the report and the files take about one more.",
        lower_bound=0.1,
        flag_values=values,
    )
    cli.define_path("detector", "", "A name or a .json file; without it, that of the best weights to be had.", values)
    flags.DEFINE_integer(
        "image_size",
        0,
        "Side of its input in pixels, for the ssdlite320 detectors, such as 512 for small objects; 0: the detector's.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_integer("seed", 0, "Of the training.", lower_bound=0, flag_values=values)


def check_flags(args: flags.FlagValues) -> None:
    if args.val_images and not args.val_annotations:
        raise UserError("--val_images: expected --val_annotations with it. Received: none")


def main(args: flags.FlagValues) -> int:
    from ssd_tf.quickstart.run import QuickstartConfig, quickstart

    config = QuickstartConfig(
        annotations=args.annotations,
        images=args.images,
        format=args.format,
        classes=args.classes,
        val_annotations=args.val_annotations,
        val_images=args.val_images,
        allow_missing=args.allow_missing,
        exif=args.exif,
        output=args.output,
        minutes=args.minutes,
        detector=args.detector,
        image_size=args.image_size,
        seed=args.seed,
    )
    try:
        finished = quickstart(config, functools.partial(print, flush=True))
    except KeyboardInterrupt:
        finished = None
    if finished is None:
        logging.warning("interrupted; run the same command to resume")
        return cli.EXIT_INTERRUPTED
    return cli.EXIT_OK


if __name__ == "__main__":
    cli.run("quickstart")

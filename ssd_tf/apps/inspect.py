# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Looks at a data set before it is trained on: classes, boxes, which detector fits, what is odd, copies of images.

python -m ssd_tf.apps.inspect --data_dir=data
python -m ssd_tf.apps.inspect --annotations=VOC2012 --subset=train,val
python -m ssd_tf.apps.inspect --annotations=train.json --annotations=val.json --images=images

Writes one page, inspect.html, for any browser, and prints a short table. Where no detector's default boxes fit well, a
detector with default boxes of its own is written beside the page, for train --detector. Nothing else is written.
Several --annotations are splits of one data set, and so are several subsets.
"""

from absl import flags

from ssd_tf.apps import cli


def define_flags(values: flags.FlagValues) -> None:
    cli.define_path("data_dir", "", "The folder that `prepare` wrote, with all its splits.", flag_values=values)
    cli.define_annotations(values)
    cli.define_subset(values)
    cli.define_path("output", "inspect.html", "The page.", flag_values=values)
    cli.define_path(
        "detector",
        "",
        "Whose default boxes and input the page is about: a name or a JSON file. Without it, the one that fits best.",
        flag_values=values,
    )


def main(args: flags.FlagValues) -> None:
    from ssd_tf.inspection.build import InspectConfig, inspect

    subsets = [name.strip() for name in args.subset.split(",") if name.strip()]
    done = inspect(
        InspectConfig(
            data_dir=args.data_dir,
            annotations=args.annotations,
            images=args.images,
            format=args.format,
            subsets=subsets,
            classes=args.classes,
            detector=args.detector,
            output=args.output,
        )
    )
    print(done.table)
    print(f"page: {done.page}")
    if done.proposal:
        print(f"proposed detector: {done.proposal}\n  {done.command}")


if __name__ == "__main__":
    cli.run("inspect")

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Draws the embedded data set: synthetic images of textured shapes, with annotations as COCO JSON.

python -m ssd_tf.apps.shapes --output_dir=shapes/train --num_images=2000 --seed=0
"""

from absl import flags

from ssd_tf.apps import cli
from ssd_tf.data.formats.shapes import MIN_SIDE
from ssd_tf.utils.text import counted

STARTS_TENSORFLOW = False


def define_flags(values: flags.FlagValues) -> None:
    cli.define_path("output_dir", None, "Where images/ and annotations.json go.", required=True, flag_values=values)
    flags.DEFINE_integer("num_images", 1000, "How many images.", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("seed", 0, "Another seed draws other images.", lower_bound=0, flag_values=values)
    flags.DEFINE_integer("width", 320, "Width of an image in pixels.", lower_bound=MIN_SIDE, flag_values=values)
    flags.DEFINE_integer("height", 240, "Height of an image in pixels.", lower_bound=MIN_SIDE, flag_values=values)


def main(args: flags.FlagValues) -> None:
    from ssd_tf.data.formats.shapes import draw_shapes

    path = draw_shapes(args.output_dir, args.num_images, args.seed, (args.width, args.height))
    print(f"{counted(args.num_images, 'image')}, annotations in {path}")


if __name__ == "__main__":
    cli.run("shapes")

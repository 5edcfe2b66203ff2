# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Draws the embedded data set: pictures of textured shapes, with annotations as COCO JSON.

python -m ssd_tf.apps.shapes --output_dir=shapes/train --num_images=2000 --seed=0
"""

from absl import flags

from ssd_tf.apps import cli

FLAGS = flags.FLAGS
flags.DEFINE_string("output_dir", None, "Where images/ and annotations.json go.", required=True)
flags.DEFINE_integer("num_images", 1000, "How many pictures.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Another seed draws other pictures.", lower_bound=0)
flags.DEFINE_integer("width", 320, "Width of a picture in pixels.", lower_bound=1)
flags.DEFINE_integer("height", 240, "Height of a picture in pixels.", lower_bound=1)


def main() -> None:
    from ssd_tf.data.formats.shapes import draw_shapes

    path = draw_shapes(FLAGS.output_dir, FLAGS.num_images, FLAGS.seed, (FLAGS.width, FLAGS.height))
    print(f"{FLAGS.num_images} pictures, annotations in {path}")


if __name__ == "__main__":
    cli.run(main)

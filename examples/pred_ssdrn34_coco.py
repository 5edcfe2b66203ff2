# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Finds objects in some images of val2017, and shows them in TensorBoard.

python examples/pred_ssdrn34_coco.py --model=runs/ssdrn34 --images=coco2017/val2017 --logdir=runs/val2017
tensorboard --logdir=runs/val2017
"""

import argparse
import pathlib
import random

import tensorflow as tf

import ssd_tf


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a model_dir, a checkpoint, or any saved or exported form")
    parser.add_argument("--images", type=pathlib.Path, required=True, help="a folder of JPEG files")
    parser.add_argument("--logdir", required=True, help="for TensorBoard")
    parser.add_argument("--count", type=int, default=16, help="how many images, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other images")
    parser.add_argument("--score_threshold", type=float, default=0.3)
    options = parser.parse_args(argv)

    files = sorted(options.images.glob("*.jpg"))
    if not files:
        parser.error(f"no JPEG files in {options.images}")
    chosen = random.Random(options.seed).sample(files, min(options.count, len(files)))
    detector = ssd_tf.Detector.load(options.model)
    with tf.summary.create_file_writer(options.logdir).as_default(step=0):
        for file, found in zip(chosen, detector.predict(chosen, options.score_threshold), strict=True):
            tf.summary.image(file.stem, found.plot()[None])
            print(file.name, *(f"{name} {score:.2f}" for name, score in zip(found.names, found.scores, strict=True)))
    print(f"{len(chosen)} images for tensorboard --logdir={options.logdir}")


if __name__ == "__main__":
    main()

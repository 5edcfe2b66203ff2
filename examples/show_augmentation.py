# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Draws images of a prepared split as a detector is trained on them, side by side, with their boxes.

python examples/show_augmentation.py --data_dir=data --augmentation=ssd --mosaic=1 --output=mosaic.png

Another seed draws other images and other augmentation.
"""

import argparse

import cv2
import numpy as np

import ssd_tf
from ssd_tf.data.augmentation import augmentation_of
from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.pipeline import train_dataset
from ssd_tf.drawing.detections import draw_detections
from ssd_tf.models.preprocessing import pixels_of
from ssd_tf.settings import AugmentConfig
from ssd_tf.training.step import augment_batch


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", default="data", help="where `prepare` wrote the split")
    parser.add_argument("--split", default="train")
    parser.add_argument("--detector", default="ssd300_resnet34", help="whose input the images are")
    parser.add_argument("--augmentation", default="mlperf", help="as that of train.py; so are mosaic and mixup")
    parser.add_argument("--mosaic", type=float, default=0.0)
    parser.add_argument("--mixup", type=float, default=0.0)
    parser.add_argument("--count", type=int, default=3, help="of images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="augmented.png")
    options = parser.parse_args(argv)
    spec, manifest = ssd_tf.spec(options.detector), load_manifest(options.data_dir, options.split)
    augment = AugmentConfig(augmentation=options.augmentation, mosaic=options.mosaic, mixup=options.mixup)
    batch = next(iter(train_dataset(options.data_dir, manifest, spec, options.count, options.seed, augment)))
    images, boxes = augment_batch(batch, augmentation_of(augment).colors, spec)
    names = {number: category.name for number, category in enumerate(manifest.categories, start=1)}
    drawn = []
    for image, boxes_g4, classes_g in zip(pixels_of(images, spec).numpy(), boxes.numpy(), batch.classes, strict=True):
        real = classes_g.numpy() > 0
        tile = draw_detections(image, boxes_g4[real], classes_g.numpy()[real], None, names)
        drawn += [tile, np.full((len(tile), 8, 3), 255, np.uint8)]  # and a white line between them
    cv2.imwrite(options.output, cv2.cvtColor(np.concatenate(drawn[:-1], axis=1), cv2.COLOR_RGB2BGR))
    print(f"{options.count} images in {options.output}")


if __name__ == "__main__":
    main()

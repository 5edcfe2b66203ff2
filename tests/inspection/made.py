# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Data sets as the page about one sees them: parts made by hand, and small files of images that look alike or not."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from ssd_tf.data.annotations import AnnotatedImage, Category, plain_image
from ssd_tf.inspection.splits import Split

# Height and width.
SIZE = (60, 80)
# Names that break pages that do not expect them.
CLASSES = ("<script>cat</script>", "dog & co", "猫")
BOX = (0.1, 0.2, 0.5, 0.9)


def annotated(name: str, classes: Sequence[int], box: Sequence[float] = BOX, crowds: int = 0) -> AnnotatedImage:
    """An image of SIZE with one box for each of the class ids; the last `crowds` of them are crowds."""
    boxes = np.array([box] * len(classes)).reshape(-1, 4)
    image = plain_image(len(name), pathlib.Path("images") / name, SIZE, boxes, classes)
    is_crowd = np.arange(len(classes)) >= len(classes) - crowds
    return dataclasses.replace(image, is_crowd=is_crowd)


def split(
    images: Sequence[AnnotatedImage],
    name: str = "train",
    findings: Mapping[str, Sequence[str]] | None = None,
    readable: bool = True,
    hashes: Sequence[int] | None = None,
    classes: Sequence[str] = CLASSES,
) -> Split:
    """A part with class ids 1, 2, ...; its images have no files."""
    count = len(images)
    return Split(
        name,
        tuple(Category(k, text) for k, text in enumerate(classes, start=1)),
        tuple(images),
        np.full(count, readable),
        np.array(range(count) if hashes is None else hashes, np.uint64),
        findings or {},
        is_prepared=False,
    )


def pattern(seed: int) -> np.ndarray:
    """uint8 RGB of SIZE: a coarse pattern that is another one for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.repeat(np.repeat(coarse, SIZE[0] // 6, axis=0), SIZE[1] // 8, axis=1)


def write_coco(
    folder: pathlib.Path, images: Mapping[str, np.ndarray], boxes: Mapping[str, Sequence], name: str = "train"
) -> pathlib.Path:
    """Writes PNG files to folder/images and folder/NAME.json.

    Args:
      images: uint8 RGB by file name.
      boxes: by file name, [x, y, w, h] in pixels with the class id behind them; files that `images` lacks have SIZE.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for file_name, pixels in images.items():
        (folder / "images" / file_name).write_bytes(tf.io.encode_png(pixels).numpy())
    names = list(dict.fromkeys([*images, *boxes]))
    sizes = {file_name: pixels.shape[:2] for file_name, pixels in images.items()}
    entries = [
        {
            "id": k,
            "file_name": file_name,
            "height": sizes.get(file_name, SIZE)[0],
            "width": sizes.get(file_name, SIZE)[1],
        }
        for k, file_name in enumerate(names, start=1)
    ]
    rows = [(names.index(file_name) + 1, row) for file_name, of_file in boxes.items() for row in of_file]
    content = {
        "images": entries,
        "annotations": [
            {
                "id": k,
                "image_id": image_id,
                "category_id": class_id,
                "bbox": [x, y, w, h],
                "area": w * h,
                "iscrowd": 0,
            }
            for k, (image_id, (x, y, w, h, class_id)) in enumerate(rows, start=1)
        ],
        "categories": [{"id": k, "name": text} for k, text in enumerate(CLASSES, start=1)],
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return path

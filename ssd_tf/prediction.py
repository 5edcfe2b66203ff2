# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Pictures on disk -> annotated pictures, predictions.json, TensorBoard images."""

import dataclasses
import glob
import json
import pathlib
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
import tqdm

from ssd_tf.data import images as image_ops
from ssd_tf.evaluation.drawing import draw_detections
from ssd_tf.evaluation.evaluator import coco_results
from ssd_tf.files import atomic_path, write_atomically
from ssd_tf.geometry.detections import Detections
from ssd_tf.predictor import AnyPredictor


@dataclasses.dataclass(frozen=True)
class Summary:
    """What became of the pictures: how many were read, the objects in them, and the files that are no pictures."""

    pictures: int
    detections: int
    unreadable: list[pathlib.Path]


def find_pictures(pattern: str) -> list[pathlib.Path]:
    """The files that --input means, sorted: a file, the pictures in a folder, or what a pattern matches.

    Raises:
      FileNotFoundError: there is none.
    """
    path = pathlib.Path(pattern)
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [p for p in path.iterdir() if p.suffix.lower() in image_ops.EXTENSIONS and p.is_file()]
        if not found:
            raise FileNotFoundError(f"no picture in folder {path}: looked for {', '.join(image_ops.EXTENSIONS)}")
    else:
        # Path.glob refuses absolute patterns.
        found = [p for p in map(pathlib.Path, glob.glob(pattern, recursive=True)) if p.is_file()]  # noqa: PTH207
        if not found:
            raise FileNotFoundError(f"no file, folder or match for --input: {pattern}")
    return sorted(found)


def predict_pictures(
    predictor: AnyPredictor,
    pictures: list[pathlib.Path],
    output_dir: str | pathlib.Path,
    score_threshold: float,
    batch_size: int,
    logdir: str = "",
) -> Summary:
    """Writes an annotated copy of each picture, and predictions.json with all detections.

    predictions.json is a list in COCO's results format with `file_name` and `category_name` added; image_id counts the
    pictures from 1. A file that is no picture is left out and listed in the summary.

    Raises:
      ValueError: an annotated copy would replace its own picture.
    """
    output = pathlib.Path(output_dir)
    targets = _target_paths(pictures, output)
    output.mkdir(parents=True, exist_ok=True)
    names = {k: category.name for k, category in enumerate(predictor.categories, start=1)}
    batch_size = min(batch_size, len(pictures))
    predictions: list[dict[str, Any]] = []
    unreadable: list[pathlib.Path] = []
    writer = tf.summary.create_file_writer(logdir) if logdir else None
    with tqdm.tqdm(total=len(pictures), unit="img", desc="predict") as progress:
        for start in range(0, len(pictures), batch_size):
            chunk = range(start, min(start + batch_size, len(pictures)))
            images = {index: _read(pictures[index]) for index in chunk}
            unreadable.extend(pictures[index] for index in chunk if images[index] is None)
            readable = {index: image for index, image in images.items() if image is not None}
            for index, (image, found) in _detect(predictor, readable, batch_size, score_threshold).items():
                results = coco_results(found, 0, predictor.categories, index + 1, *image.shape[:2])
                count = int(found.count[0])
                for result, label in zip(results, found.classes[0, :count], strict=True):
                    predictions.append(
                        {**result, "file_name": pictures[index].name, "category_name": names[int(label)]}
                    )
                drawn = draw_detections(
                    image, found.boxes[0, :count], found.classes[0, :count], found.scores[0, :count], names
                )
                _write_picture(targets[index], drawn)
                if writer:
                    with writer.as_default(step=0):
                        tf.summary.image(pictures[index].name, drawn[None])
            progress.update(len(chunk))
    write_atomically(output / "predictions.json", json.dumps(predictions, indent=1) + "\n")
    if writer:
        writer.close()
    return Summary(len(pictures) - len(unreadable), len(predictions), unreadable)


def _target_paths(pictures: list[pathlib.Path], output: pathlib.Path) -> list[pathlib.Path]:
    """A file in `output` for each picture; pictures of the same name from different folders get numbers."""
    inputs = {picture.resolve() for picture in pictures}
    targets: list[pathlib.Path] = []
    taken: set[str] = set()  # in lower case: some file systems do not tell A.jpg from a.jpg
    for picture in pictures:
        # OpenCV writes JPEG and PNG; other kinds become PNG.
        suffix = picture.suffix if picture.suffix.lower() in (".jpg", ".jpeg", ".png") else f"{picture.suffix}.png"
        name, number = f"{picture.stem}{suffix}", 2
        while name.lower() in taken:
            name, number = f"{picture.stem}_{number}{suffix}", number + 1
        taken.add(name.lower())
        if (output / name).resolve() in inputs:
            raise ValueError(f"--output_dir is the pictures' own folder: {output / name} would be replaced")
        targets.append(output / name)
    return targets


def _read(path: pathlib.Path) -> np.ndarray | None:
    """RGB uint8 [H, W, 3], or None where the file is no picture."""
    try:
        encoded = path.read_bytes()
        image_ops.picture_format(encoded)
        return image_ops.decode(tf.constant(encoded)).numpy()
    except (ValueError, tf.errors.InvalidArgumentError):
        return None


def _detect(predictor: AnyPredictor, images: dict[int, np.ndarray], batch_size: int, score_threshold: float):
    """Image and Detections (NumPy, of one image) by index. The batch is filled up, so that one graph serves all."""
    if not images:
        return {}
    size = predictor.spec.image_size
    batch = np.zeros((batch_size, size, size, 3), np.uint8)
    for place, image in enumerate(images.values()):
        batch[place] = image_ops.resize(image, size)
    found = [np.asarray(value) for value in predictor(tf.constant(batch), score_threshold)]
    return {
        index: (image, Detections(*(value[place : place + 1] for value in found)))
        for place, (index, image) in enumerate(images.items())
    }


def _write_picture(path: pathlib.Path, image: np.ndarray) -> None:
    try:
        _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    except cv2.error as error:  # a JPEG has at most 65,535 pixels on a side
        raise OSError(f"{path}: cannot be written as {path.suffix}: {error.err}") from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.tobytes())

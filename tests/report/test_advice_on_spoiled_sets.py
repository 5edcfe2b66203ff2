# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Drawn images, spoiled as real sets are, from files to advice; the detector is one that knows what it finds."""

import copy
import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.pipeline import eval_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.geometry.detections import Detections, padded
from ssd_tf.report.scoring import look_into
from ssd_tf.report.training_split import HashingPredictor, look_at_training

pytestmark = pytest.mark.proof

SPEC = ssd_tf.spec("ssd300_resnet34")
WIDTH, HEIGHT = 160, 120
# Of each split; each class is in more than 50 of those of training.
DRAWN = {"train": 130, "val": 40}
STAR = 7
# Normalised boxes [N, 4] and category ids [N] of an image, and its split -> bool [N]: which are found.
Finds = Callable[[np.ndarray, np.ndarray, str], np.ndarray]


class Detector:
    """Finds with a score of 0.9 what it knows of an image, by its pixels."""

    spec = SPEC

    def __init__(self):
        self.known: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def __call__(self, images: tf.Tensor) -> Detections:
        nothing = np.zeros((0, 4)), np.zeros(0, int)
        found = [self.known.get(image.tobytes(), nothing) for image in images.numpy()]
        batch = padded([(boxes, np.full(len(classes), 0.9), classes) for boxes, classes in found], most=100)
        return Detections(*map(tf.constant, batch))

    def learn(self, data_dir: pathlib.Path, split: str, finds: Finds) -> None:
        """Looks at a split with all its labels."""
        manifest = load_manifest(data_dir, split)
        class_of = {category.id: k for k, category in enumerate(manifest.categories, start=1)}
        for batch in eval_dataset(data_dir, manifest, SPEC, 8).as_numpy_iterator():
            for image, count, boxes, ids in zip(
                batch.images, batch.num_boxes, batch.boxes, batch.category_ids, strict=True
            ):
                kept = np.flatnonzero(finds(boxes[:count], ids[:count], split))
                self.known[image.tobytes()] = boxes[kept], np.array([class_of[k] for k in ids[kept].tolist()], int)


def everything(boxes: np.ndarray, ids: np.ndarray, split: str) -> np.ndarray:
    return np.ones(len(ids), bool)


def prepared(folder: pathlib.Path, name: str, contents: dict[str, Any]) -> pathlib.Path:
    for split, content in contents.items():
        path = folder / f"{name}-{split}.json"
        path.write_text(json.dumps(content))
        prepare(read_coco(path, folder / split / "images"), folder / name, split, {}, num_shards=1)
    return folder / name


def advised(
    folder: pathlib.Path, true: dict[str, Any], given: dict[str, Any] | None = None, finds: Finds = everything
) -> set[str]:
    """The keys of the advice for a detector that learnt from `true` labels, on a set with those that are `given`."""
    detector = Detector()
    data_dir = prepared(folder, "true", true)
    for split in ("train", "val"):
        detector.learn(data_dir, split, finds)
    if given is not None:
        data_dir = prepared(folder, "given", given)
    val, hashing = load_manifest(data_dir, "val"), HashingPredictor(detector)
    evaluation = evaluate_split(hashing, data_dir, val, SPEC, 8)
    predictor: Any = detector
    training = look_at_training(predictor, str(data_dir), "train", str(data_dir), val, hashing.hashes, 8)
    return {one.key for one in look_into(evaluation, data_dir, val, 0.3, SPEC, training).advice}


def draw(folder: pathlib.Path, counts: dict[str, int] = DRAWN) -> dict[str, Any]:
    """COCO's instances of each split; the images lie in folder/SPLIT/images."""
    return {
        split: json.loads(shapes.draw_shapes(folder / split, count, seed=seed, image_size=(WIDTH, HEIGHT)).read_text())
        for seed, (split, count) in enumerate(counts.items(), start=1)
    }


def tiled(folder: pathlib.Path, columns: int, rows: int) -> dict[str, Any]:
    """As `draw`, but each image is made of so many drawn ones side by side."""
    tiles = columns * rows
    contents = draw(folder, {"train": 60 * tiles, "val": 12 * tiles})
    for split, content in contents.items():
        images, content["images"] = content["images"], []
        place = {}
        for k, image in enumerate(images):
            place[image["id"]] = (k // tiles + 1, k % tiles % columns * WIDTH, k % tiles // columns * HEIGHT)
        for start in range(0, len(images), tiles):
            paths = [folder / split / "images" / image["file_name"] for image in images[start : start + tiles]]
            parts = [np.asarray(cv2.imread(str(path))) for path in paths]
            lines = [np.concatenate(parts[row * columns : (row + 1) * columns], axis=1) for row in range(rows)]
            name = f"tiles-{start}.jpg"
            cv2.imwrite(str(folder / split / "images" / name), np.concatenate(lines))
            size = {"width": columns * WIDTH, "height": rows * HEIGHT}
            content["images"].append({"id": start // tiles + 1, "file_name": name, **size})
        for annotation in content["annotations"]:
            (x, y, w, h), (image_id, left, top) = annotation["bbox"], place[annotation["image_id"]]
            annotation |= {"image_id": image_id, "bbox": [x + left, y + top, w, h]}
    return contents


def test_a_set_that_is_not_spoiled_gets_no_advice(tmp_path):
    assert advised(tmp_path, draw(tmp_path)) == set()


def test_labels_that_were_removed_are_missed(tmp_path):
    true = draw(tmp_path)
    given = copy.deepcopy(true)
    for content in given.values():
        content["annotations"] = [one for k, one in enumerate(content["annotations"]) if k % 8]
    assert advised(tmp_path, true, given) == {"missing-labels"}


def test_images_of_training_that_were_copied_are_told(tmp_path):
    true = draw(tmp_path)
    for image in true["train"]["images"][:6]:
        name, new = f"copy-{image['file_name']}", image["id"] + 1000
        shutil.copy(tmp_path / "train" / "images" / image["file_name"], tmp_path / "val" / "images" / name)
        true["val"]["images"].append({**image, "id": new, "file_name": name})
        true["val"]["annotations"] += [
            {**one, "id": one["id"] + 10_000, "image_id": new}
            for one in true["train"]["annotations"]
            if one["image_id"] == image["id"]
        ]
    assert advised(tmp_path, true) == {"copies"}


def test_objects_that_are_tiny_in_large_images_are_told(tmp_path):
    def large(boxes: np.ndarray, ids: np.ndarray, split: str) -> np.ndarray:
        return np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)) * SPEC.image_size >= 16

    assert advised(tmp_path, tiled(tmp_path, 4, 4), finds=large) == {"small-objects"}


def test_panoramas_that_a_square_input_squeezes_do_not_fit_the_default_boxes(tmp_path):
    assert advised(tmp_path, tiled(tmp_path, 6, 1)) == {"default-boxes"}


def test_a_class_that_training_lacks_is_told(tmp_path):
    true = draw(tmp_path)
    content = true["train"]
    with_stars = [one["image_id"] for one in content["annotations"] if one["category_id"] == STAR]
    gone = set(with_stars) - set(with_stars[:8])
    content["images"] = [image for image in content["images"] if image["id"] not in gone]
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] not in gone]

    def few_stars(boxes: np.ndarray, ids: np.ndarray, split: str) -> np.ndarray:
        return (ids != STAR) | (split == "train") | (boxes[:, 1] < 0.4)

    assert advised(tmp_path, true, finds=few_stars) == {"few-images"}


def test_images_that_were_learnt_by_heart_are_told(tmp_path):
    def half_of_new_ones(boxes: np.ndarray, ids: np.ndarray, split: str) -> np.ndarray:
        return (split == "train") | (boxes[:, 1] < 0.4)

    assert advised(tmp_path, draw(tmp_path), finds=half_of_new_ones) == {"overfitting"}

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A split is scored from its records: each image once, whatever the batch size, and with the data set's own ids."""

import dataclasses
import json
import pathlib
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.annotations import Category
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.coco_results import coco_results
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import eval_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.evaluation.coco_metrics import coco_metrics, rounded
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.geometry.detections import Detections
from tests.fixtures.specs import with_input

SIZE, NUM_IMAGES, EMPTY, CROWDED = 32, 11, 4, 7


class Split(NamedTuple):
    """A prepared split and a detector that knows the truth: detections by the bytes of the image."""

    folder: pathlib.Path
    manifest: Manifest
    truth: dict[bytes, Detections]

    def perfect(self, images: tf.Tensor) -> Detections:
        """The ground truth of known images, and one detection in every image that it does not know."""
        unknown = _detections([[0.1, 0.1, 0.9, 0.9]], [1], self.manifest.max_boxes)
        found = [self.truth.get(image.tobytes(), unknown) for image in images.numpy()]
        return Detections(*(tf.constant(np.stack(values)) for values in zip(*found, strict=True)))


def _detections(boxes, classes, k) -> Detections:
    """Of one image, padded to k, all of score 0.9."""
    n = len(classes)
    return Detections(
        boxes=np.pad(np.reshape(boxes, (n, 4)).astype(np.float32), [(0, k - n), (0, 0)]),
        scores=np.pad(np.full(n, 0.9, np.float32), (0, k - n)),
        classes=np.pad(np.array(classes, np.int32), (0, k - n)),
        count=np.int32(n),
    )


@pytest.fixture(scope="module")
def split(tmp_path_factory) -> Split:
    """Eleven drawn images; one has no boxes, one has only a crowd."""
    folder = tmp_path_factory.mktemp("split")
    path = shapes.draw_shapes(folder / "drawn", NUM_IMAGES, image_size=(96, 72), start_id=300)
    dataset = read_coco(path, path.parent / "images")
    images = list(dataset.images)
    for index, keep in ((EMPTY, 0), (CROWDED, 1)):
        image = images[index]
        images[index] = dataclasses.replace(
            image,
            boxes=image.boxes[:keep],
            category_ids=image.category_ids[:keep],
            areas=image.areas[:keep],
            is_crowd=np.ones(keep, bool),
        )
    manifest = prepare(dataclasses.replace(dataset, images=tuple(images)), folder, "val", {})
    class_of = {count.category.id: k for k, count in enumerate(manifest.classes, start=1)}
    truth = {}
    for batch in eval_dataset(folder, manifest, with_input(SIZE), 1).as_numpy_iterator():
        n = batch.num_boxes[0]
        classes = [class_of[i] for i in batch.category_ids[0, :n].tolist()]
        truth[batch.images[0].tobytes()] = _detections(batch.boxes[0, :n], classes, manifest.max_boxes)
    return Split(folder, manifest, truth)


def evaluate(split, predict, batch_size):
    return evaluate_split(predict, split.folder, split.manifest, with_input(SIZE), batch_size)


# 11 images: a last batch of 3, of 1, of all, and no last batch.
@pytest.mark.parametrize("batch_size", [4, 5, 16, 1])
def test_ground_truth_as_detections_scores_one(split, batch_size):
    metrics, results, _ = evaluate(split, split.perfect, batch_size)
    # pycocotools divides by n + 2e-16 and so gives 1 or the float64 below it.
    assert metrics.summary["AP"] == pytest.approx(1.0, abs=1e-12)
    assert metrics.summary["AR100"] == pytest.approx(1.0, abs=1e-12)
    assert all(c.ap == pytest.approx(1.0, abs=1e-12) for c in metrics.per_class)
    assert metrics.num_images == NUM_IMAGES
    assert metrics.num_detections == len(results) == sum(int(found.count) for found in split.truth.values())


def test_shifted_boxes_score_less(split):
    def shifted(images):
        found = split.perfect(images)
        return found._replace(boxes=found.boxes + 0.04)

    metrics, _, _ = evaluate(split, shifted, 4)
    assert 0.0 < metrics.summary["AP"] < 0.9


def test_wrong_classes_score_nothing(split):
    def confused(images):
        found = split.perfect(images)
        return found._replace(classes=tf.where(found.classes > 0, found.classes % 5 + 1, 0))

    metrics, _, _ = evaluate(split, confused, 4)
    assert metrics.summary["AP"] < 0.2


def test_images_without_detections_count_as_missed(split):
    def silent(images):
        found = split.perfect(images)
        return found._replace(count=tf.zeros_like(found.count))

    metrics, results, _ = evaluate(split, silent, 4)
    assert results == []
    assert metrics.num_images == NUM_IMAGES
    assert metrics.summary["AP"] == 0.0


def test_detection_in_an_image_without_boxes_is_a_false_positive(split):
    (empty,) = [key for key, found in split.truth.items() if not found.count]

    def sees_something(images):
        found = split.perfect(images)
        nothing = [image.tobytes() == empty for image in images.numpy()]
        sure = np.where(nothing, 0.99, 0.0).astype(np.float32)
        return found._replace(
            boxes=tf.where(sure[:, None, None] > 0, tf.constant([0.0, 0.0, 1.0, 1.0]), found.boxes),
            classes=tf.where(sure[:, None] > 0, 1, found.classes),
            scores=tf.where(sure[:, None] > 0, sure[:, None], found.scores),
            count=tf.where(sure > 0, 1, found.count),
        )

    metrics, _, _ = evaluate(split, sees_something, 4)
    by_class = {c.category_id: c.ap for c in metrics.per_class}
    # Class 1 of the data set's id 1: its best detection is wrong, so that precision never reaches 1.
    assert by_class[1] < 0.95
    assert by_class[3] == pytest.approx(1.0, abs=1e-12)


def test_predictor_always_gets_full_batches_filled_up_with_black(split):
    seen = []

    def remember(images):
        seen.append(images.numpy())
        return split.perfect(images)

    evaluate(split, remember, 4)
    assert [images.shape for images in seen] == [(4, SIZE, SIZE, 3)] * 3
    assert all(images.dtype == np.uint8 for images in seen)
    assert seen[-1][:3].any(axis=(1, 2, 3)).all() and not seen[-1][3].any()


def test_what_is_found_in_the_filling_is_not_scored(split):
    one_each = _detections([[0.1, 0.1, 0.9, 0.9]], [1], 3)

    def constant(images):
        return Detections(*(tf.stack([value] * len(images)) for value in one_each))

    _, results, _ = evaluate(split, constant, 8)
    # Batches of 8 and of 3: the other 5 detections belong to no image.
    assert sorted(result["image_id"] for result in results) == list(range(300, 300 + NUM_IMAGES))


def test_results_are_in_cocos_format_with_sparse_ids_and_pixels(split):
    _, results, _ = evaluate(split, split.perfect, 4)
    annotated = read_coco(split.folder / "drawn" / "annotations.json", split.folder / "drawn" / "images")
    by_id = {image.image_id: image for image in annotated.images}
    assert {result["category_id"] for result in results} == set(shapes.CATEGORIES)
    assert {result["image_id"] for result in results} == set(by_id) - {300 + EMPTY}
    for result in results:
        assert set(result) == {"image_id", "category_id", "bbox", "score"}
        assert result["score"] == np.float32(0.9)
        image = by_id[result["image_id"]]
        places = np.flatnonzero(image.category_ids == result["category_id"])
        x, y, w, h = result["bbox"]
        corners = np.array([y / 72, x / 96, (y + h) / 72, (x + w) / 96])
        # Records hold float32.
        assert np.abs(image.boxes[places] - corners).max(axis=1).min() < 1e-6


def test_results_can_be_written_as_json_and_scored_again(split):
    metrics, results, _ = evaluate(split, split.perfect, 4)
    truth = json.loads((split.folder / "drawn" / "annotations.json").read_text())
    again = coco_metrics(truth, json.loads(json.dumps(list(results))))
    assert again.num_detections == metrics.num_detections
    # The file has the boxes that the fixture took out of two images: less recall, the same precision.
    assert 0.5 < again.summary["AP"] < 1.0


def test_scores_that_differ_beyond_the_fifth_decimal_rank_right():
    # One box is right and has the higher score, but comes last: rounded, both would be 0.9 and the wrong one first.
    found = Detections(
        boxes=np.float32([[[0.5, 0.5, 0.6, 0.6], [0.1, 0.1, 0.4, 0.4]]]),
        scores=np.float32([[0.900001, 0.900002]]),
        classes=np.int32([[1, 1]]),
        count=np.int32([2]),
    )
    results = coco_results(found, 0, (Category(1, "one"),), 5, 100, 100)
    ground_truth = {
        "images": [{"id": 5, "width": 100, "height": 100}],
        "categories": [{"id": 1, "name": "one"}],
        "annotations": [{"image_id": 5, "category_id": 1, "bbox": [10, 10, 30, 30]}],
    }
    assert coco_metrics(ground_truth, results).summary["AP50"] == pytest.approx(1.0, abs=1e-12)
    assert coco_metrics(ground_truth, rounded(results)).summary["AP50"] == pytest.approx(0.5, abs=1e-12)

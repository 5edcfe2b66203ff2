# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Beside AP of the cleaned boxes stands that of the boxes as the annotation file has them."""

import json

import numpy as np
import pytest
from PIL import Image

from ssd_tf.data.formats.readers import read_dataset
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.evaluation.as_annotated import notes_as_annotated
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.evaluator import Evaluation

# Half of the first box of an image of 100x100 is outside; the second has no extent.
LEAVING, CLIPPED, EMPTY = [50.0, 0.0, 100.0, 100.0], [50.0, 0.0, 50.0, 100.0], [0.0, 0.0, 0.0, 10.0]
CATEGORIES = [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}]


def write(folder, boxes) -> None:
    Image.fromarray(np.zeros((100, 100, 3), np.uint8)).save(folder / "a.png")
    content = {
        "images": [{"id": 7, "file_name": "a.png", "width": 100, "height": 100}],
        "annotations": [
            {"id": k, "image_id": 7, "category_id": category, "bbox": box} for k, (category, box) in enumerate(boxes)
        ],
        "categories": CATEGORIES,
    }
    (folder / "a.json").write_text(json.dumps(content))


@pytest.fixture
def manifest(tmp_path) -> Manifest:
    write(tmp_path, [(3, LEAVING), (5, EMPTY)])
    dataset, source = read_dataset(tmp_path / "a.json")
    return prepare(dataset, tmp_path / "data", "val", source)


def evaluation(*boxes) -> Evaluation:
    """What finds the one clipped box, scored on boxes of class 3."""
    row = {"image_id": 7, "category_id": 3}
    truth = {
        "images": [{"id": 7, "height": 100, "width": 100}],
        "annotations": [{"id": k, **row, "bbox": box} for k, box in enumerate(boxes, start=1)],
        "categories": CATEGORIES,
    }
    results = [{**row, "bbox": CLIPPED, "score": 0.9}]
    return Evaluation(coco_metrics(truth, results), results, truth)


def test_detections_are_scored_on_the_boxes_of_the_file(manifest, tmp_path):
    found = evaluation(CLIPPED)
    assert found.metrics.summary["AP"] == pytest.approx(1, abs=1e-12)
    # The clipped box has an IoU of 0.5 with the whole one, so cat has AP 0.1 (one of ten thresholds) and AP50 1; dog,
    # whose one box is not found, 0.
    assert notes_as_annotated(manifest, found) == [
        f"split 'val': of all 2 boxes as {tmp_path / 'a.json'} has them: AP 0.0500, AP50 0.5000, AP75 0.0000"
    ]


def test_other_boxes_than_those_that_were_prepared_are_not_taken(manifest, tmp_path):
    write(tmp_path, [(3, LEAVING)])
    assert notes_as_annotated(manifest, evaluation(CLIPPED)) == []
    (tmp_path / "a.json").write_text("words")
    assert notes_as_annotated(manifest, evaluation(CLIPPED)) == []
    (tmp_path / "a.json").unlink()
    assert notes_as_annotated(manifest, evaluation(CLIPPED)) == []


def test_where_no_box_was_changed_there_is_one_number(tmp_path):
    write(tmp_path, [(3, CLIPPED)])
    dataset, source = read_dataset(tmp_path / "a.json")
    assert notes_as_annotated(prepare(dataset, tmp_path / "data", "val", source), evaluation(CLIPPED)) == []

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Detections as COCO results: columns and dicts are the same, and a batch gives each image's own."""

import numpy as np
import pytest

from ssd_tf.data.annotations import Category
from ssd_tf.data.formats.coco_results import Results, coco_results
from ssd_tf.evaluation.coco_metrics import rounded
from ssd_tf.geometry.detections import Detections

ROWS = [
    {"image_id": 2**62, "category_id": 3, "bbox": [1.0, 2.0, 3.5, 4.0], "score": 0.5},
    {"image_id": 7, "category_id": 90, "bbox": [0.0, 0.1, 0.2, 0.3], "score": 0.25},
    {"image_id": 7, "category_id": 3, "bbox": [9.0, 8.0, 7.0, 6.0], "score": 1.0},
]


def test_rows_come_back_as_they_went_in():
    results = Results.of(ROWS)
    assert list(results) == ROWS
    assert [results[place] for place in range(-1, 2)] == [ROWS[-1], *ROWS[:2]]
    assert results[1:] == ROWS[1:]
    assert results == ROWS and results != ROWS[:2]
    assert Results.of(results) is results


def test_parts_are_joined_in_their_order():
    assert Results.joined([Results.of(ROWS[:1]), Results.of([]), Results.of(ROWS[1:])]) == ROWS


def test_no_parts_are_no_results():
    assert Results.joined([]) == [] and len(Results.of([])) == 0 and Results.of([]).boxes.shape == (0, 4)


def test_one_image_of_a_batch_becomes_results():
    found = Detections(
        boxes=np.float32([[[0, 0, 0, 0]] * 2, [[0.25, 0.1, 0.75, 0.2], [0.0, 0.5, 1.0, 1.0]]]),
        scores=np.float32([[0, 0], [0.875, 0.123456789]]),
        classes=np.int32([[0, 0], [2, 1]]),
        count=np.int32([0, 2]),
    )
    categories = (Category(7, "seven"), Category(90, "ninety"))
    assert coco_results(found, 0, categories, 5, 100, 200) == []
    # What is scored has every digit of the detector's float32; what is written is short.
    first, second = coco_results(found, 1, categories, 5, 100, 200)
    assert first["bbox"] == pytest.approx([20.0, 25.0, 20.0, 50.0], abs=1e-5) and first["bbox"][0] != 20.0
    assert second["score"] == np.float32(0.123456789)
    assert rounded([first, second]) == [
        {"image_id": 5, "category_id": 90, "bbox": [20.0, 25.0, 20.0, 50.0], "score": 0.875},
        {"image_id": 5, "category_id": 7, "bbox": [100.0, 0.0, 100.0, 100.0], "score": 0.12346},
    ]


def test_entries_beyond_the_count_are_no_results():
    found = Detections(
        boxes=np.float32([[[0.25, 0.1, 0.75, 0.2]] * 3]),
        scores=np.float32([[0.9, 0.8, 0.7]]),
        classes=np.int32([[1, 1, 1]]),
        count=np.int32([2]),
    )
    results = coco_results(found, 0, (Category(1, "one"),), 5, 10, 10)
    assert [result["score"] for result in results] == np.float32([0.9, 0.8]).tolist()

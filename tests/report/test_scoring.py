# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import dataclasses
import math

import numpy as np
import pytest

import ssd_tf
from ssd_tf.evaluation.coco_matching import MISSED, WRONG, Outcomes
from ssd_tf.evaluation.confusion import confusion_matrix
from ssd_tf.report.scoring import count_sizes, look_into, score_checkpoint
from tests.fixtures.report_run import DETECTOR


def box(area, crowd=0):
    return {"area": area, "iscrowd": crowd}


def test_sizes_are_counted_as_coco_draws_the_lines():
    boxes = [box(32**2), box(32**2 + 1), box(96**2), box(96**2 + 1), box(5, crowd=1)]
    assert count_sizes(boxes) == {"small": 1, "medium": 2, "large": 1}
    assert count_sizes([]) == {"small": 0, "medium": 0, "large": 0}


def test_what_is_said_of_an_evaluation_agrees_with_it(scored, evaluation):
    truths = len(evaluation.ground_truth["annotations"])
    images = len(evaluation.ground_truth["images"])
    assert sum(scored.boxes_by_size.values()) == truths
    # In each image one object was taken for another class, and one thing was found where nothing is.
    assert scored.confusion[0].sum() >= images and scored.confusion[1:].sum() == truths
    assert scored.errors.kinds["classification"].count == images
    assert 0.3 <= scored.best_threshold.threshold <= 0.9 and 0 < scored.best_threshold.f1 < 1
    shown = [image.score.image_id for image in (*scored.worst_images, *scored.best_images)]
    assert sorted(shown) == sorted(image["id"] for image in evaluation.ground_truth["images"])
    assert scored.worst_images[0].score.f1 <= scored.best_images[0].score.f1


def test_the_matching_of_the_metrics_is_used_and_not_made_again(run, evaluation):
    truths = len(evaluation.ground_truth["annotations"])
    nothing_right = Outcomes(np.full(len(evaluation.results), WRONG), np.full(truths, MISSED))
    metrics = dataclasses.replace(evaluation.metrics, outcomes=nothing_right)
    scored = look_into(evaluation._replace(metrics=metrics), run.data_dir, run.manifest, 0.3, ssd_tf.spec(DETECTOR))
    assert scored.errors.correct == 0 and scored.errors.false_negatives.count == truths
    assert {image.score.correct for image in (*scored.worst_images, *scored.best_images)} == {0}


def test_a_checkpoint_is_scored_on_its_data(run):
    scored = score_checkpoint(str(run.model_dir), run.data_dir, "val", 4, 0.0, {})
    assert len(scored.evaluation.ground_truth["images"]) == run.manifest.num_images
    results = [result for result in scored.evaluation.results if result["score"] >= 0.0]
    assert (scored.confusion == confusion_matrix(scored.evaluation.ground_truth, results, 0.0)).all()
    assert math.isnan(scored.best_threshold.threshold) or 0 <= scored.best_threshold.threshold <= 1


def test_a_split_that_is_not_there_is_an_error(run):
    with pytest.raises(FileNotFoundError, match="split 'test' has not been prepared"):
        score_checkpoint(str(run.model_dir), run.data_dir, "test", 4, 0.3, {})

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import numpy as np

from ssd_tf.drawing.detections import class_color
from ssd_tf.evaluation.image_scores import ImageScore
from ssd_tf.report.example_images import draw_examples, worst_and_best


def score(image_id, f1, correct=1, wrong=0, missed=0):
    return ImageScore(image_id, correct, wrong, missed, f1)


def ids(scores):
    return [score.image_id for score in scores]


def test_worst_and_best_by_f1():
    worst, best = worst_and_best([score(k, k / 10) for k in (3, 1, 4, 2, 5, 6)], most=2)
    assert (ids(worst), ids(best)) == ([1, 2], [6, 5])


def test_of_equal_f1_more_mistakes_are_worse_and_more_objects_are_better():
    scores = [score(1, 0, 0, 1, 1), score(2, 0, 0, 5, 1), score(3, 1, 2), score(4, 1, 9)]
    worst, best = worst_and_best(scores, most=1)
    assert (ids(worst), ids(best)) == ([2], [4])


def test_no_image_is_among_both():
    worst, best = worst_and_best([score(k, k / 10) for k in range(3)], most=8)
    assert (ids(worst), ids(best)) == ([0, 1], [2])


def test_one_image_and_none():
    assert worst_and_best([score(1, 1.0)]) == ([score(1, 1.0)], [])
    assert worst_and_best([]) == ([], [])


def test_images_are_drawn_in_the_order_asked_for_with_what_was_found(run, evaluation):
    wanted = [score(503, 0), score(500, 0)]
    drawn = draw_examples(wanted, evaluation, run.data_dir, run.manifest, 0.3)
    assert [image.score for image in drawn] == wanted
    for image in drawn:
        assert image.truth.shape == image.found.shape and image.truth.dtype == np.uint8
        assert (image.truth != image.found).any()
        own = {
            a["category_id"] for a in evaluation.ground_truth["annotations"] if a["image_id"] == image.score.image_id
        }
        assert own < image.category_ids or own == image.category_ids


def test_what_scores_below_the_threshold_is_not_drawn(run, evaluation):
    (image,) = draw_examples([score(500, 0)], evaluation, run.data_dir, run.manifest, 0.99)
    (clean,) = draw_examples([score(500, 0)], evaluation._replace(results=[]), run.data_dir, run.manifest, 0.3)
    np.testing.assert_array_equal(image.found, clean.found)
    colors = {class_color(k) for k in range(1, 6)}
    assert not colors & {tuple(pixel) for pixel in image.found.reshape(-1, 3).tolist()}


def test_an_image_that_is_not_there_is_left_out(run, evaluation):
    assert draw_examples([score(7, 0)], evaluation, run.data_dir, run.manifest, 0.3) == []

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Truth on the left, what was found on the right, by the colours of the frames."""

import numpy as np

from ssd_tf.drawing.detections import class_color
from ssd_tf.drawing.side_by_side import side_by_side

CATEGORIES = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
# An image at half of its size, 800 x 400; boxes are in pixels of the whole.
IMAGE, SIZE = np.full((200, 400, 3), 128, np.uint8), (400, 800)


def thing(bbox, category_id=3, **more):
    return {"image_id": 1, "bbox": bbox, "category_id": category_id, **more}


def halves(annotations, results, **options):
    drawn = side_by_side(IMAGE, SIZE, annotations, results, CATEGORIES, **options)
    half = 400
    assert drawn.shape[1] == 2 * half + 6 and drawn.dtype == np.uint8
    return drawn[-200:, :half], drawn[-200:, -half:]


def count(image, class_index):
    return int(np.all(image == class_color(class_index), axis=-1).sum())


def test_truth_is_on_the_left_and_what_was_found_on_the_right():
    left, right = halves([thing([200, 100, 400, 200])], [thing([200, 100, 400, 200], 7, score=0.9)])
    assert count(left, 1) > 500 and count(left, 2) == 0
    assert count(right, 2) > 500 and count(right, 1) == 0


def test_boxes_lie_where_they_are_in_the_smaller_image():
    left, _ = halves([thing([200, 200, 400, 160])], [])
    rows, columns = np.nonzero(np.all(left == class_color(1), axis=-1))
    # x 200 to 600 and y 200 to 360 of 800 x 400, halved; a frame's outermost pixels may be its dark edge.
    assert abs(columns.min() - 100) <= 2 and abs(columns.max() - 299) <= 2 and abs(rows.max() - 179) <= 2


def test_low_scores_are_left_out():
    results = [thing([200, 100, 400, 200], score=score) for score in (0.29, 0.1)]
    _, right = halves([], results)
    assert np.all(right == 128)
    _, right = halves([], results, score_threshold=0.2)
    assert count(right, 1) > 500


def test_image_without_boxes_is_shown_twice():
    left, right = halves([], [])
    assert np.all(left == 128) and np.all(right == 128)


def test_heads_tell_how_many_there_are():
    one = side_by_side(IMAGE, SIZE, [thing([0, 0, 9, 9])], [], CATEGORIES)[:22]
    two = side_by_side(IMAGE, SIZE, [thing([0, 0, 9, 9])] * 2, [], CATEGORIES)[:22]
    assert not np.array_equal(one, two)


def test_arguments_are_not_changed():
    image = IMAGE.copy()
    image.flags.writeable = False
    annotation = thing([200, 100, 400, 200])
    side_by_side(image, SIZE, [annotation], [], CATEGORIES)
    assert annotation == thing([200, 100, 400, 200])

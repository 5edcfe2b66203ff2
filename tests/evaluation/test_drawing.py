# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Drawn pictures, by their pixels: frames where the boxes are, labels whole, nothing else changed.

Pictures are of grey 128, which no label has; text of light colours is pure black inside.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf.evaluation.drawing import class_color, draw_detections

NAMES = {1: "cat", 2: "dog", 3: "person"}
H, W = 400, 600


def picture(height=H, width=W):
    return np.full((height, width, 3), 128, np.uint8)


def drawn(*boxes, classes=None, scores=None, image=None, names=NAMES, **options):
    classes = np.ones(len(boxes), np.int32) if classes is None else np.array(classes)
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    scores = None if scores is None else np.array(scores, np.float32)
    return draw_detections(picture() if image is None else image, boxes, classes, scores, names, **options)


def count(image, color):
    return int(np.all(image == color, axis=-1).sum())


def changed(image):
    return np.any(image != 128, axis=-1)


def test_first_24_class_colors_differ_and_stay_the_same():
    colors = [class_color(k) for k in range(24)]
    assert len(set(colors)) == 24
    assert all(0 <= v <= 255 for color in colors for v in color)
    assert class_color(1) == (86, 180, 233)  # Okabe and Ito's sky blue
    assert class_color(80) == class_color(80)


def test_picture_keeps_its_shape_and_is_not_changed():
    image = picture()
    image.flags.writeable = False
    result = drawn([0.2, 0.2, 0.8, 0.8], image=image)
    assert result.shape == (H, W, 3) and result.dtype == np.uint8
    assert not np.shares_memory(result, image) and np.all(image == 128)


def test_frame_has_the_color_of_the_class_and_lies_inside_the_box():
    result = drawn([0.25, 0.25, 0.75, 0.75], classes=[2], scores=[0.9])
    # Rows 100 to 299 and columns 150 to 449 of 400 x 600; the lines are two pixels wide.
    assert changed(result)[200].nonzero()[0].tolist() == [150, 151, 448, 449]
    assert changed(result)[:, 440].nonzero()[0].tolist() == [100, 101, 298, 299]
    for row, column in [(200, 150), (200, 449), (100, 440), (299, 440)]:
        assert tuple(result[row, column]) == class_color(2)


def test_label_lies_above_the_box_where_there_is_room():
    result = changed(drawn([0.5, 0.5, 0.9, 0.9], scores=[0.87]))
    rows = result[:, 310].nonzero()[0]
    assert 180 < rows[0] < 190 and rows[0] + 1 == rows[1]  # a label of 15 to 20 rows, then the box
    assert not result[:, :300].any()


@pytest.mark.parametrize("y", [-0.1, 0.0, 0.4, 0.75, 0.97])
@pytest.mark.parametrize("x", [-0.1, 0.0, 0.4, 0.75, 0.98])
def test_label_is_whole_wherever_the_box_lies(y, x):
    # The letters' black pixels are as many as in the middle of the picture: none is cut off.
    middle = count(drawn([0.4, 0.4, 0.7, 0.7], scores=[0.87]), (0, 0, 0))
    assert middle > 50
    assert count(drawn([y, x, y + 0.3, x + 0.3], scores=[0.87]), (0, 0, 0)) == middle


def test_label_of_a_box_that_fills_the_picture_is_whole():
    middle = count(drawn([0.4, 0.4, 0.7, 0.7], scores=[0.87]), (0, 0, 0))
    assert count(drawn([-1, -1, 2, 2], scores=[0.87]), (0, 0, 0)) == middle


def test_labels_of_one_place_do_not_cover_each_other():
    box = [0.4, 0.4, 0.7, 0.7]
    one = count(drawn(box, scores=[0.8]), (0, 0, 0))
    assert count(drawn(*[box] * 6, scores=[0.8] * 6), (0, 0, 0)) == 6 * one


def test_best_score_is_on_top():
    box = [0.3, 0.3, 0.7, 0.7]
    for scores, on_top in [([0.9, 0.2], 1), ([0.2, 0.9], 2)]:
        result = drawn(box, box, classes=[1, 2], scores=scores)
        assert tuple(result[200, 180]) == class_color(on_top)


def test_score_is_in_the_label_only_where_there_is_one():
    box = [0.5, 0.5, 0.9, 0.9]
    with_score = changed(drawn(box, scores=[0.5]))[190].sum()
    assert with_score > 1.5 * changed(drawn(box))[190].sum()


def test_no_boxes_give_an_equal_picture():
    image = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)
    result = drawn(image=image)
    assert np.array_equal(result, image) and not np.shares_memory(result, image)


@pytest.mark.parametrize(
    "box",
    [
        [1.1, 0.2, 1.4, 0.5],
        [0.2, -0.5, 0.5, -0.1],
        [0.5, 0.5, 0.2, 0.2],
        [np.nan, 0.2, 0.5, 0.5],
    ],
)
def test_box_that_cannot_be_seen_leaves_no_trace(box):
    assert not changed(drawn(box, scores=[0.9])).any()


def test_infinite_box_is_the_border_of_the_picture():
    result = drawn([-np.inf, -np.inf, np.inf, np.inf])
    assert {tuple(result[y, x]) for y, x in [(H - 1, 300), (200, 0), (200, W - 1)]} == {class_color(1)}


def test_non_latin_names_are_drawn_and_unknown_letters_escaped():
    def text(name):
        return drawn([0.5, 0.1, 0.9, 0.9], names={1: name})

    assert not np.array_equal(text("γάτα"), text("кошка"))
    assert not np.array_equal(text("γάτα"), text(r"\u03b3\u03ac\u03c4\u03b1"))
    assert np.array_equal(text("猫"), text(r"\u732b"))
    assert np.array_equal(text("two\nlines"), text(r"two\nlines"))


def test_class_without_a_name_is_called_by_its_number():
    box = [0.5, 0.1, 0.9, 0.9]
    assert np.array_equal(drawn(box, names={}), drawn(box, names={1: "class 1"}))


def test_name_too_long_for_the_picture_is_shortened_and_keeps_its_score():
    box = [0.5, 0.1, 0.9, 0.9]
    long = {score: drawn(box, scores=[score], names={1: "cat" * 99}) for score in (0.11, 0.88)}
    labels = [changed(image)[:200] for image in long.values()]
    assert all(500 < label.any(axis=0).sum() <= W for label in labels)
    assert not np.array_equal(long[0.11][:200], long[0.88][:200])


def test_small_picture_is_enlarged_by_a_whole_factor():
    # ceil(320 / 100) = 4, ceil(320 / 319) = 2.
    assert drawn(image=picture(80, 100)).shape == (320, 400, 3)
    assert drawn(image=picture(319, 10)).shape == (638, 20, 3)
    assert drawn(image=picture(10, 320)).shape == (10, 320, 3)
    assert drawn(image=picture(80, 100), min_side=0).shape == (80, 100, 3)
    assert drawn(image=picture(80, 100), min_side=150).shape == (160, 200, 3)


def test_label_of_an_enlarged_picture_is_as_large_as_that_of_a_picture_of_this_size():
    box = [0.5, 0.2, 0.9, 0.9]
    assert np.array_equal(drawn(box, image=picture(80, 100)), drawn(box, image=picture(320, 400)))


def test_lines_and_letters_grow_with_the_picture():
    small, large = (drawn([0.5, 0.1, 0.9, 0.9], image=picture(s, s)) for s in (500, 2000))
    # 2000 / 280 = 7 pixels of line, letters of 48 pixels instead of 12.
    assert changed(large)[1500, :1000].sum() == 7 and changed(small)[375, :250].sum() == 2
    assert count(large, (0, 0, 0)) > 8 * count(small, (0, 0, 0))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((9, 9, 3), np.float32), "float32"),
        (np.zeros((9, 9), np.uint8), r"\[9, 9\]"),
        (np.zeros((0, 9, 3), np.uint8), "pixels"),
    ],
)
def test_what_is_no_picture_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        drawn(image=image)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="1 boxes, 2 classes"):
        drawn([0, 0, 1, 1], classes=[1, 2])


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.lists(st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4), max_size=5),
    st.text(max_size=12),
    st.sampled_from([0, 64]),
)
def test_no_box_name_or_size_makes_it_fail(size, boxes, name, min_side):
    scores = np.linspace(0, 1, len(boxes))
    image = picture(*size)
    result = drawn(*boxes, scores=scores, image=image, names={1: name}, min_side=min_side)
    assert result.shape[0] * size[1] == result.shape[1] * size[0] and result.dtype == np.uint8

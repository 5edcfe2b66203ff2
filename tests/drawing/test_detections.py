# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Drawn images, by their pixels: frames where the boxes are, labels whole, nothing else changed.

Images are of grey 128, which no label has; text of light colours is pure black inside.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf.drawing.detections import draw_detections
from ssd_tf.drawing.palette import class_color, contrast
from ssd_tf.drawing.placement import LabelMemory

NAMES = {1: "cat", 2: "dog", 3: "person"}
H, W = 400, 600
BLACK = (0, 0, 0)


def blank_image(height=H, width=W):
    return np.full((height, width, 3), 128, np.uint8)


def drawn(*boxes, classes=None, scores=None, image=None, names=NAMES, **options):
    classes = np.ones(len(boxes), np.int32) if classes is None else np.array(classes)
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    scores = None if scores is None else np.array(scores, np.float32)
    return draw_detections(blank_image() if image is None else image, boxes, classes, scores, names, **options)


def count(image, color):
    return int(np.all(image == color, axis=-1).sum())


def changed(image):
    return np.any(image != 128, axis=-1)


def test_image_keeps_its_shape_and_is_not_changed():
    image = blank_image()
    image.flags.writeable = False
    result = drawn([0.2, 0.2, 0.8, 0.8], image=image)
    assert result.shape == (H, W, 3) and result.dtype == np.uint8
    assert not np.shares_memory(result, image) and np.all(image == 128)


def test_frame_has_the_color_of_the_class_and_lies_inside_the_box():
    result = drawn([0.25, 0.25, 0.75, 0.75], classes=[2], scores=[0.9])
    # Rows 100 to 299 and columns 150 to 449 of 400 x 600; the lines are two pixels wide.
    line = np.all(result == class_color(2), axis=-1)
    assert line[200].nonzero()[0].tolist() == [150, 151, 448, 449]
    assert line[:, 440].nonzero()[0].tolist() == [100, 101, 298, 299]


def test_frame_has_a_thin_edge_on_both_sides():
    result = drawn([0.25, 0.25, 0.75, 0.75], classes=[2], scores=[0.9])
    assert changed(result)[200].nonzero()[0].tolist() == [149, 150, 151, 152, 447, 448, 449, 450]
    assert changed(result)[:, 440].nonzero()[0].tolist() == [99, 100, 101, 102, 297, 298, 299, 300]
    # Green is light enough for black, so the edge is half the grey 128.
    assert all(tuple(result[row, column]) == (64, 64, 64) for row, column in [(200, 149), (200, 447), (99, 440)])


@pytest.mark.parametrize("k", range(24))
def test_frame_stands_out_on_any_ground(k):
    grounds = [(level, level, level) for level in range(0, 256, 15)] + [class_color(j) for j in range(24)]
    for ground in grounds:
        image = np.full((H, W, 3), ground, np.uint8)
        result = drawn([0.25, 0.25, 0.75, 0.75], classes=[k], image=image)
        line, edge = result[200, 150].tolist(), result[200, 149].tolist()
        # 1.0 is no contrast. Blue (0, 114, 178) on grey 150, the worst, has 1.0 without the edge and 1.8 with it.
        assert tuple(line) == class_color(k) and max(contrast(line, ground), contrast(edge, ground)) > 1.75


def test_small_box_has_a_thin_line_and_an_empty_middle():
    # 2000 / 280 = 7 pixels of line for the large box; 48 / 16 = 3 for the middle one; 1 for the box of 6 pixels.
    boxes = [[0.5, 0.1, 0.9, 0.9], [0.2, 0.1, 0.224, 0.124], [0.1, 0.1, 0.103, 0.103]]
    result = drawn(*boxes, image=blank_image(2000, 2000))
    lines = np.all(result == class_color(1), axis=-1)
    for row, left, width in [(1400, 200, 7), (424, 200, 3), (203, 200, 1)]:
        assert lines[row, left : left + 10].nonzero()[0].tolist()[:width] == list(range(width))
        assert not lines[row, left + width]
    assert not changed(result)[201:205, 201:205].any()


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_frame_of_a_tiny_box_covers_it_and_has_its_edge_outside(size):
    result = drawn([0.5, 0.5, 0.5 + size / H, 0.5 + size / W], scores=[0.5])[200 - 3 : 200 + size + 3, 300 - 1 :]
    line = np.all(result == class_color(1), axis=-1)
    assert line[3 : 3 + size, 1].all() and line[3 + size - 1, 1 : 1 + size].all()
    assert (result[3 : 3 + size, 0] == 64).all()


def test_label_lies_above_the_box_where_there_is_room():
    result = changed(drawn([0.5, 0.5, 0.9, 0.9], scores=[0.87]))
    rows = result[:, 310].nonzero()[0]
    assert 180 < rows[0] < 190 and rows[0] + 1 == rows[1]  # a label of 15 to 20 rows, then the box
    assert not result[:, :299].any()  # the frame's edge is in column 299


@pytest.mark.parametrize("y", [-0.1, 0.0, 0.4, 0.75, 0.97])
@pytest.mark.parametrize("x", [-0.1, 0.0, 0.4, 0.75, 0.98])
def test_label_is_whole_wherever_the_box_lies(y, x):
    # The letters' black pixels are as many as in the middle of the image: none is cut off.
    middle = count(drawn([0.4, 0.4, 0.7, 0.7], scores=[0.87]), BLACK)
    assert middle > 50
    assert count(drawn([y, x, y + 0.3, x + 0.3], scores=[0.87]), BLACK) == middle


def test_label_of_a_box_that_fills_the_image_is_whole():
    middle = count(drawn([0.4, 0.4, 0.7, 0.7], scores=[0.87]), BLACK)
    assert count(drawn([-1, -1, 2, 2], scores=[0.87]), BLACK) == middle


def test_labels_of_one_place_do_not_cover_each_other():
    box = [0.4, 0.4, 0.7, 0.7]
    one = count(drawn(box, scores=[0.8]), BLACK)
    assert count(drawn(*[box] * 6, scores=[0.8] * 6), BLACK) == 6 * one


def test_best_score_is_on_top():
    box = [0.3, 0.3, 0.7, 0.7]
    for scores, on_top in [([0.9, 0.2], 1), ([0.2, 0.9], 2)]:
        result = drawn(box, box, classes=[1, 2], scores=scores)
        assert tuple(result[200, 180]) == class_color(on_top)


def test_score_is_in_the_label_only_where_there_is_one():
    box = [0.5, 0.5, 0.9, 0.9]
    with_score = changed(drawn(box, scores=[0.5]))[190].sum()
    assert with_score > 1.5 * changed(drawn(box))[190].sum()


def test_no_boxes_give_an_equal_image():
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


def test_infinite_box_is_the_border_of_the_image():
    result = drawn([-np.inf, -np.inf, np.inf, np.inf])
    assert {tuple(result[y, x]) for y, x in [(H - 1, 300), (200, 0), (200, W - 1)]} == {class_color(1)}


def test_non_latin_names_are_drawn_and_what_no_font_has_is_escaped():
    def text(name):
        return drawn([0.5, 0.1, 0.9, 0.9], names={1: name})

    assert not np.array_equal(text("γάτα"), text("кошка"))
    assert not np.array_equal(text("γάτα"), text(r"\u03b3\u03ac\u03c4\u03b1"))
    assert np.array_equal(text("\u0378"), text(r"\u0378"))  # no letter yet, so in no font
    assert np.array_equal(text("two\nlines"), text(r"two\nlines"))


def test_class_without_a_name_is_called_by_its_number():
    box = [0.5, 0.1, 0.9, 0.9]
    assert np.array_equal(drawn(box, names={}), drawn(box, names={1: "class 1"}))


def test_name_too_long_for_the_image_is_shortened_and_keeps_its_score():
    box = [0.5, 0.1, 0.9, 0.9]
    long = {score: drawn(box, scores=[score], names={1: "cat" * 99}) for score in (0.11, 0.88)}
    labels = [changed(image)[:200] for image in long.values()]
    assert all(500 < label.any(axis=0).sum() <= W for label in labels)
    assert not np.array_equal(long[0.11][:200], long[0.88][:200])


def test_small_image_is_enlarged_by_a_whole_factor():
    # ceil(320 / 100) = 4, ceil(320 / 319) = 2.
    assert drawn(image=blank_image(80, 100)).shape == (320, 400, 3)
    assert drawn(image=blank_image(319, 10)).shape == (638, 20, 3)
    assert drawn(image=blank_image(10, 320)).shape == (10, 320, 3)
    assert drawn(image=blank_image(80, 100), min_side=0).shape == (80, 100, 3)
    assert drawn(image=blank_image(80, 100), min_side=150).shape == (160, 200, 3)


def test_label_of_an_enlarged_image_is_as_large_as_that_of_an_image_of_this_size():
    box = [0.5, 0.2, 0.9, 0.9]
    assert np.array_equal(drawn(box, image=blank_image(80, 100)), drawn(box, image=blank_image(320, 400)))


def test_lines_and_letters_grow_with_the_image():
    small, large = (drawn([0.5, 0.1, 0.9, 0.9], image=blank_image(s, s)) for s in (500, 2000))
    # 2000 / 280 = 7 pixels of line, letters of 48 pixels instead of 12.
    lines = [np.all(image == class_color(1), axis=-1) for image in (small, large)]
    assert lines[1][1500, :1000].sum() == 7 and lines[0][375, :250].sum() == 2
    # Edges of 1 and of 7 // 3 = 2 pixels on both sides.
    assert changed(large)[1500, :1000].sum() == 7 + 4 and changed(small)[375, :250].sum() == 2 + 2
    assert count(large, BLACK) > 8 * count(small, BLACK)


def test_text_scale_multiplies_letters_and_lines():
    box = [0.5, 0.1, 0.9, 0.9]
    once, twice = (drawn(box, image=blank_image(1000, 1000), text_scale=scale) for scale in (1, 2))
    # 1000 / 280 = 3.6 pixels of line, letters of 24 pixels; twice that is 7 and 48, four times the black pixels.
    assert [np.all(image[700, :500] == class_color(1), axis=-1).sum() for image in (once, twice)] == [4, 7]
    assert 3 < count(twice, BLACK) / count(once, BLACK) < 5
    with pytest.raises(ValueError, match="text_scale=0"):
        drawn(box, text_scale=0)


def test_small_object_is_not_hidden_by_the_label_of_another():
    # The small box lies where the label of the large one would be liked best.
    large, small = [0.5, 0.3, 0.9, 0.9], [0.455, 0.31, 0.49, 0.36]
    result = drawn(large, small, classes=[1, 2], scores=[0.9, 0.4])
    assert not changed(result)[185:193, 190:212].any()
    assert changed(drawn(large, scores=[0.9]))[185:193, 190:212].all()


def test_labels_without_a_place_are_left_out_and_their_frames_stay():
    # 400 boxes of 20 x 30 pixels side by side fill the image, and labels are larger than two of them.
    boxes = [[y / 20, x / 20, (y + 1) / 20, (x + 1) / 20] for y in range(20) for x in range(20)]
    result = drawn(*boxes, scores=np.linspace(0, 1, 400), names={1: "a long name"})
    assert count(result, BLACK) == 0
    assert all(tuple(result[20 * k, 30 * k + 15]) == class_color(1) for k in range(20))


def test_crowded_labels_are_shorter():
    # Long labels have equally many black pixels; in a crowd some are short, so that the sum is no multiple.
    box = [0.4, 0.8, 0.6, 0.99]
    long = count(drawn(box, scores=[0.9], names={1: "elephant"}), BLACK)
    crowd = count(drawn(*[box] * 12, scores=[0.9] * 12, names={1: "elephant"}), BLACK)
    assert crowd > 2 * long and crowd % long


@pytest.mark.parametrize(("scores", "first"), [([0.9, 0.2], 1), ([0.2, 0.9], 2)])
def test_best_score_has_the_best_place_for_its_label(scores, first):
    box = [0.5, 0.5, 0.9, 0.9]
    assert tuple(drawn(box, box, classes=[1, 2], scores=scores)[197, 302]) == class_color(first)


def test_label_stays_in_a_video_where_the_memory_has_it():
    # The lower box's label goes below it while a small box lies above, and stays there when that is gone.
    memory = LabelMemory()
    box, small = [0.5, 0.3, 0.52, 0.9], [0.455, 0.31, 0.49, 0.36]
    drawn(box, small, classes=[1, 2], scores=[0.9, 0.4], memory=memory)
    stayed, fresh = drawn(box, scores=[0.9], memory=memory), drawn(box, scores=[0.9])
    assert not np.array_equal(stayed, fresh)
    assert np.array_equal(drawn(box, scores=[0.9], memory=LabelMemory()), fresh)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((9, 9, 3), np.float32), "float32"),
        (np.zeros((9, 9), np.uint8), r"\[9, 9\]"),
        (np.zeros((0, 9, 3), np.uint8), "pixels"),
    ],
)
def test_what_is_no_image_is_refused(image, message):
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
    image = blank_image(*size)
    result = drawn(*boxes, scores=scores, image=image, names={1: name}, min_side=min_side)
    assert result.shape[0] * size[1] == result.shape[1] * size[0] and result.dtype == np.uint8

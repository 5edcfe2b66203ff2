# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Places of labels, in an image of 300 x 400 with labels of 20 x 80 pixels and shorter ones of 15 x 40."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf.drawing.placement import LabelMemory, place_labels

H, W = 300, 400
LONG, SHORT = (20, 80), (15, 40)


def placed(*frames, last=None, sizes=(LONG, SHORT)):
    frames = np.array(frames, np.int64).reshape(-1, 4)
    last = np.full(len(frames), -1) if last is None else np.array(last)
    return place_labels(frames, np.tile(np.array(sizes), (len(frames), 1, 1)), (H, W), last)


def where(place):
    """Version, x and y; (-1, -1, -1) for no place."""
    return (place.version, place.x, place.y) if place else (-1, -1, -1)


def rectangle(place):
    h, w = (LONG, SHORT)[place.version]
    return np.array([place.x, place.y, place.x + w - 1, place.y + h - 1])


def common(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    return int(np.prod(np.maximum(high - low + 1, 0)))


def area(frame):
    return int((frame[2] - frame[0] + 1) * (frame[3] - frame[1] + 1))


def test_label_lies_above_its_box_to_the_left():
    assert where(*placed([100, 100, 249, 199])) == (0, 100, 80)


def test_no_boxes_have_no_places():
    assert placed() == []


def test_label_leaves_a_small_box_uncovered():
    large, small = [100, 100, 249, 199], [110, 84, 125, 95]
    first, _ = placed(large, small)
    assert common(rectangle(first), small) == 0
    # Inside it would hide 80 x 20 of the 150 x 100 pixels of its own box; above, to the right, nothing.
    assert where(first) == (0, 170, 80)


def test_label_stays_above_where_it_hides_little_of_a_large_box():
    # 80 x 20 of 300 x 200 pixels are 3 %: less than the tenth that the best place is worth.
    assert where(placed([100, 150, 249, 249], [50, 50, 349, 249])[0]) == (0, 100, 130)


def test_label_of_a_small_box_does_not_lie_on_the_box():
    # At the upper border there is no room above; inside, the label would hide the box.
    (place,) = placed([100, 0, 130, 15])
    assert where(place) == (0, 100, 16)


def test_first_box_takes_the_better_place():
    a, b = placed([100, 100, 179, 180], [100, 100, 179, 180])
    assert where(a) == (0, 100, 80) and where(b) != where(a)


def test_label_is_shorter_where_only_the_short_one_fits():
    # The box is 45 pixels wide, and small boxes of 10 x 10 lie all around it but for 16 rows above it.
    walls = [[x, y, x + 9, y + 9] for y in range(64, 160, 10) for x in range(0, 240, 10)]
    walls = [w for w in walls if w[2] < 100 or w[0] > 144 or w[3] < 84 or w[1] > 124]
    place = placed([100, 100, 144, 119], *walls)[0]
    assert where(place) == (1, 100, 85)


def test_box_without_any_place_has_no_label():
    boxes = [[x, y, x + 19, y + 19] for y in range(0, H, 20) for x in range(0, W, 20)]
    assert placed(*boxes) == [None] * len(boxes)


def test_label_larger_than_the_image_has_no_place():
    assert placed([0, 0, W - 1, H - 1], sizes=[(20, W + 1), (H + 1, 40)]) == [None]
    assert where(*placed([0, 0, W - 1, H - 1], sizes=[(H + 1, 40), SHORT])) == (1, 0, 0)


@pytest.mark.parametrize("x", [-30, 5, 250])
def test_label_slides_along_the_border_without_jumps(x):
    # A box of 200 x 150 comes up from below and stops at the upper border, a pixel at a time.
    tops = [placed([max(x, 0), y, min(x + 199, W - 1), min(y + 149, H - 1)])[0] for y in range(290, -1, -1)]
    assert [where(place)[2] for place in tops] == [max(y - 20, 0) for y in range(290, -1, -1)]
    assert {where(place)[1] for place in tops} == {max(x, 0)}


BOXES = st.lists(
    st.tuples(st.integers(0, W - 1), st.integers(0, H - 1), st.integers(1, 200), st.integers(1, 200)).map(
        lambda b: [b[0], b[1], min(b[0] + b[2], W) - 1, min(b[1] + b[3], H) - 1]
    ),
    max_size=15,
)


@settings(max_examples=60, deadline=None)
@given(BOXES)
def test_labels_are_whole_apart_and_hide_at_most_a_quarter_of_other_boxes(boxes):
    places = placed(*boxes)
    labels = [None if place is None else rectangle(place) for place in places]
    for i, label in enumerate(labels):
        if label is None:
            continue
        assert min(label) >= 0 and label[2] < W and label[3] < H
        assert all(other is None or common(label, other) == 0 for other in labels[:i])
        assert common(label, boxes[i]) <= 0.5 * area(boxes[i])
        assert all(common(label, box) <= 0.25 * area(box) for box in boxes[:i] + boxes[i + 1 :])
    assert placed(*boxes) == places


def test_label_stays_in_its_last_place_unless_that_becomes_impossible():
    box = [100, 100, 249, 199]
    first = placed(box)[0]
    assert first is not None
    below = next(n for n in range(24) if where(placed(box, last=[n])[0]) == (0, 100, 200))
    assert placed(box, last=[first.number]) == [first]
    assert placed(box, [110, 205, 115, 215], last=[below, -1])[0] == first  # the small box would be hidden


def test_memory_knows_boxes_of_one_class_that_moved_a_little():
    memory = LabelMemory()
    frames, classes = np.array([[100, 100, 199, 199], [10, 10, 29, 29]]), np.array([1, 2])
    assert memory.recall(frames, classes).tolist() == [-1, -1]
    places = place_labels(frames, np.tile([LONG], (2, 1, 1)), (H, W), np.array([3, -1]))
    memory.keep(frames, classes, places)
    assert places[0] is not None and places[0].number == 3
    assert memory.recall(frames[::-1] + 2, classes[::-1])[1] == 3
    assert memory.recall(frames, np.array([2, 2]))[0] == -1
    assert memory.recall(frames + 50, classes)[0] == -1  # 50 x 50 of 17500 pixels in common: IoU 0.14
    memory.keep(frames[:0], classes[:0], [])
    assert memory.recall(frames, classes).tolist() == [-1, -1]


def jumps(with_memory):
    """The share of labels that change their place, of 20 boxes that shake by a pixel or so for 20 frames."""
    rng, memory = np.random.default_rng(0), LabelMemory()
    y, x, size = rng.integers(0, 220, 20), rng.integers(0, 320, 20), rng.integers(30, 80, 20)
    boxes, classes, scores = np.stack([x, y, x + size, y + size], axis=-1), np.ones(20), rng.uniform(0.4, 1, 20)
    numbers = []
    for _ in range(20):
        frames = np.clip(boxes + np.rint(rng.normal(0, 1, boxes.shape)).astype(int), 0, [W - 1, H - 1] * 2)
        order = np.argsort(-scores - rng.normal(0, 0.02, 20))
        last = memory.recall(frames[order], classes) if with_memory else np.full(20, -1)
        places = place_labels(frames[order], np.tile([LONG, SHORT], (20, 1, 1)), (H, W), last)
        memory.keep(frames[order], classes, places)
        numbers.append(memory.numbers_n[np.argsort(order)])
    return np.mean(np.diff(numbers, axis=0) != 0)


def test_memory_keeps_labels_of_a_shaking_video_calm():
    assert jumps(with_memory=True) < 0.3 * jumps(with_memory=False)

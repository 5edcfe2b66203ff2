# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Matching against the reference's Encoder.encode on 40 sets of ground truth, and its edge cases by name.

Golden boxes are ltrb and xywh in the reference's order of anchors; they are turned into ours here.
"""

from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
import recipe
import tensorflow as tf
from hypothesis import given, settings

import ssd_tf
from ssd_tf.geometry import box_ops
from ssd_tf.geometry.anchors import anchor_corners
from ssd_tf.geometry.decoding import decode_boxes

SSD300 = "ssd300_resnet34"
TINY = "ssd128_tiny"
PADDED = 64  # the largest golden set has 60 boxes
# Two anchors of the same IoU up to rounding: which of them the arithmetic prefers is luck.
TIE = 1e-6
# Offsets are float32 numbers up to 20, divided by 0.1 or 0.2. Measured: 5e-7.
OFFSETS = 1e-4


class Case(NamedTuple):
    """A golden set: ground truth, the reference's targets and ours, all in our layout."""

    boxes: np.ndarray
    classes: np.ndarray
    labels: np.ndarray
    offsets: np.ndarray
    our_labels: np.ndarray
    our_offsets: np.ndarray
    best_iou: np.ndarray


def run(spec, boxes, classes):
    """Targets of one image as NumPy arrays."""
    boxes, classes = np.reshape(np.float32(boxes), (1, -1, 4)), np.reshape(classes, (1, -1)).astype(np.int32)
    offsets, labels = ssd_tf.match(spec, boxes, classes)
    return offsets.numpy()[0], labels.numpy()[0]


def iou_with_anchors(spec, boxes):
    """float64 [G, A]."""
    return box_ops.iou(np.float64(boxes).reshape(-1, 4), np.float64(anchor_corners(spec))).numpy()


@pytest.fixture(scope="module")
def cases(golden, reference_order):
    reference = np.load(golden / "encode.npz")
    truths = [recipe.gt_set(i) for i in range(40)]
    boxes, classes = np.zeros((40, PADDED, 4), np.float32), np.zeros((40, PADDED), np.int64)
    for i, (ltrb, labels) in enumerate(truths):
        boxes[i, : len(ltrb)], classes[i, : len(ltrb)] = ltrb[:, [1, 0, 3, 2]], labels
    our_offsets, our_labels = (x.numpy() for x in ssd_tf.match(SSD300, boxes, classes))
    anchors = ssd_tf.default_boxes(SSD300)
    result = []
    for i, (ltrb, labels) in enumerate(truths):
        np.testing.assert_array_equal(ltrb, reference[f"boxes_{i}"])  # the recipe makes what the reference was given
        xywh, reference_labels = recipe.encoded(reference, i)
        target = xywh[reference_order][:, [1, 0, 3, 2]]
        with np.errstate(divide="ignore"):  # the box of width 0
            log_sizes = np.log(target[:, 2:] / anchors[:, 2:])
        offsets = np.concatenate([(target[:, :2] - anchors[:, :2]) / anchors[:, 2:] * 10, log_sizes * 5], axis=1)
        result.append(
            Case(
                ltrb[:, [1, 0, 3, 2]],
                labels,
                reference_labels[reference_order],
                offsets,
                our_labels[i],
                our_offsets[i],
                reference[f"best_iou_{i}"],
            )
        )
    return result


def tied_anchors(case):
    """bool [G, A]: anchors within rounding of a ground truth's best IoU, for the ground truths that have several."""
    near_best = iou_with_anchors(SSD300, case.boxes) >= case.best_iou[:, None].astype(np.float64) - TIE
    return near_best & (near_best.sum(axis=1, keepdims=True) > 1)


@pytest.mark.parametrize("i", [i for i in range(40) if i != 38], ids=lambda i: f"{i}_{recipe.GT_KINDS[i]}")
def test_targets_are_the_reference_s(cases, i):
    case = cases[i]
    tied = tied_anchors(case).any(axis=0)
    differ = case.our_labels != case.labels
    assert not (differ & ~tied).any()
    # A tie moves a ground truth to another anchor; it neither adds nor loses one.
    assert (case.our_labels > 0).sum() == (case.labels > 0).sum()
    np.testing.assert_array_equal(np.unique(case.our_labels), np.unique(case.labels))
    same = (case.our_labels > 0) & ~differ
    np.testing.assert_allclose(case.our_offsets[same], case.offsets[same], rtol=0, atol=OFFSETS)
    np.testing.assert_array_equal(case.our_offsets[case.our_labels == 0], 0)


@pytest.mark.parametrize("i", [i for i in range(40) if i != 38], ids=lambda i: f"{i}_{recipe.GT_KINDS[i]}")
def test_tied_ground_truth_gets_one_of_its_best_anchors(cases, i):
    case = cases[i]
    anchors = ssd_tf.default_boxes(SSD300)
    decoded = decode_boxes(anchors, case.our_offsets, (0.1, 0.1, 0.2, 0.2)).numpy()
    for gt, best in enumerate(tied_anchors(case)):
        if not best.any():
            continue
        at_best = case.our_labels[best] == case.classes[gt]
        # Corners of float32 boxes through a logarithm and an exponential.
        at_best &= np.abs(decoded[best] - case.boxes[gt]).max(axis=1) < 1e-5
        # Where later ground truths took all of its best anchors, each of those is theirs.
        assert at_best.any() or (case.our_labels[best] > 0).all()


def test_golden_sets_without_ties_agree_everywhere(cases):
    # Keeps the tests above from excusing too much: 17 sets have no tie at all.
    exact = [i for i, case in enumerate(cases) if i != 38 and not tied_anchors(case).any()]
    assert len(exact) == 17
    for i in exact:
        np.testing.assert_array_equal(cases[i].our_labels, cases[i].labels)


def test_golden_box_without_area_is_dropped(cases):
    case = cases[38]
    assert case.boxes[1, 1] == case.boxes[1, 3]
    kept = [0, 2]
    offsets, labels = run(SSD300, case.boxes[kept], case.classes[kept])
    np.testing.assert_array_equal(case.our_labels, labels)
    np.testing.assert_allclose(case.our_offsets, offsets, rtol=0, atol=OFFSETS)
    # The reference trains the box too, on anchor 0, to an infinite loss. All else is alike.
    assert case.labels[0] == case.classes[1]
    np.testing.assert_array_equal(case.our_labels[1:], case.labels[1:])
    assert case.our_labels[0] == 0


def test_no_boxes():
    offsets, labels = ssd_tf.match(TINY, np.zeros((2, 0, 4), np.float32), np.zeros((2, 0), np.int32))
    assert offsets.shape == (2, 1520, 4)
    assert labels.shape == (2, 1520)
    assert not offsets.numpy().any()
    assert not labels.numpy().any()


def test_padding_only():
    offsets, labels = run(TINY, np.zeros((5, 4)), np.zeros(5))
    assert labels.shape == (1520,)
    assert not offsets.any()
    assert not labels.any()


def test_dtypes_of_the_targets():
    offsets, labels = ssd_tf.match(TINY, [[[0.1, 0.1, 0.5, 0.5]]], [[3]])
    assert (offsets.dtype, labels.dtype) == (tf.float32, tf.int32)


def test_one_box_equal_to_an_anchor():
    # Row 3, column 5 of the 16x16 level, first box: centre (3.5, 5.5) / 16, side 1/8.
    anchor = (3 * 16 + 5) * 4
    offsets, labels = run(TINY, [[3.5 / 16 - 1 / 16, 5.5 / 16 - 1 / 16, 3.5 / 16 + 1 / 16, 5.5 / 16 + 1 / 16]], [7])
    assert labels[anchor] == 7
    np.testing.assert_allclose(offsets[anchor], 0, atol=1e-6)
    # All positives, and only they, overlap it by more than a half.
    iou = iou_with_anchors(TINY, anchor_corners(TINY)[anchor])[0]
    np.testing.assert_array_equal(labels, np.where(iou > 0.5, 7, 0))


def test_offsets_by_hand():
    # The same anchor; the box lies an eighth of a side lower and further left, is e**.2 as high and e**-.2 as wide.
    cy, cx = 3.5 / 16 + 1 / 64, 5.5 / 16 - 1 / 64
    half_h, half_w = np.exp(0.2) / 16, np.exp(-0.2) / 16
    offsets, labels = run(TINY, [[cy - half_h, cx - half_w, cy + half_h, cx + half_w]], [7])
    anchor = (3 * 16 + 5) * 4
    assert labels[anchor] == 7
    # 1/8 / 0.1 and 0.2 / 0.2; float32.
    np.testing.assert_allclose(offsets[anchor], [1.25, -1.25, 1, -1], rtol=0, atol=1e-5)


def test_box_that_no_anchor_overlaps_by_half_takes_its_best_one():
    box = [0.50, 0.50, 0.51, 0.51]
    offsets, labels = run(TINY, [box], [2])
    iou = iou_with_anchors(TINY, box)[0]
    assert iou.max() < 0.1
    (anchor,) = np.flatnonzero(labels)
    assert labels[anchor] == 2
    assert iou[anchor] > iou.max() - TIE
    assert np.isfinite(offsets).all()


def test_box_that_reaches_out_of_the_image_is_matched():
    box = np.float32([-0.2, 0.3, 0.4, 1.3])
    offsets, labels = run(TINY, [box], [4])
    found = np.flatnonzero(labels)
    iou = iou_with_anchors(TINY, box)[0]
    assert iou.argmax() in found
    decoded = decode_boxes(ssd_tf.default_boxes(TINY), offsets, (0.1, 0.1, 0.2, 0.2)).numpy()
    np.testing.assert_allclose(decoded[found], np.tile(box, (len(found), 1)), rtol=0, atol=1e-5)


def test_box_outside_the_image_has_finite_targets_and_leaves_the_others_alone():
    inside = [0.2, 0.2, 0.6, 0.6]
    alone_offsets, alone_labels = run(TINY, [inside], [5])
    offsets, labels = run(TINY, [inside, [2.0, 2.0, 3.0, 3.0]], [5, 6])
    assert np.isfinite(offsets).all()
    others = labels != 6
    np.testing.assert_array_equal(labels[others], alone_labels[others])
    np.testing.assert_allclose(offsets[others], alone_offsets[others], rtol=0, atol=1e-6)


def test_of_two_boxes_that_want_one_anchor_the_last_gets_it():
    tiny = [0.50, 0.50, 0.51, 0.51]
    for classes in ([3, 9], [9, 3]):
        _, labels = run(TINY, [tiny, tiny], classes)
        assert labels[labels > 0].tolist() == [classes[1]]


def test_of_two_boxes_that_an_anchor_overlaps_alike_the_first_gets_it():
    box = [0.2, 0.2, 0.6, 0.6]
    _, labels = run(TINY, [box, box], [3, 9])
    iou = iou_with_anchors(TINY, box)[0]
    # All that overlap by more than a half go to the first, but for the one anchor that the second insists on.
    assert (labels > 0).sum() == (iou > 0.5).sum() > 2
    assert (labels == 9).sum() == 1
    assert iou[labels == 9] > iou.max() - TIE


def test_iou_of_exactly_one_half_is_negative():
    # The upper half of a square anchor is the lower half of the one above. All numbers are multiples of 1/32.
    row, column = 5, 7
    anchor, above = (row * 16 + column) * 4, ((row - 1) * 16 + column) * 4
    ymin, xmin, ymax, xmax = anchor_corners(TINY)[anchor]
    half = [ymin, xmin, (ymin + ymax) / 2, xmax]
    iou = box_ops.iou(np.float32([half]), anchor_corners(TINY)).numpy()[0]
    assert iou[anchor] == iou[above] == iou.max() == 0.5
    _, labels = run(TINY, [half], [1])
    # One of the two is forced, the other is not positive by itself.
    assert labels[anchor] + labels[above] == 1
    assert labels.sum() == 1


@pytest.mark.parametrize(
    "empty", [[0.3, 0.2, 0.3, 0.9], [0.3, 0.2, 0.9, 0.2], [0.3, 0.2, 0.3, 0.2], [0.6, 0.2, 0.3, 0.9]],
    ids=["no_height", "no_width", "neither", "wrong_order"],
)  # fmt: skip
def test_box_without_area_is_dropped(empty):
    offsets, labels = run(TINY, [empty], [3])
    assert not labels.any()
    assert not offsets.any()
    box = [0.2, 0.2, 0.6, 0.6]
    alone = run(TINY, [box], [5])
    for boxes, classes in (([box, empty], [5, 3]), ([empty, box], [3, 5])):
        offsets, labels = run(TINY, boxes, classes)
        np.testing.assert_array_equal(labels, alone[1])
        np.testing.assert_allclose(offsets, alone[0], rtol=0, atol=1e-6)


def random_truth(seed, images, boxes):
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.05, 0.7, (images, boxes, 2))
    corner = rng.uniform(0, 1, (images, boxes, 2)) * (1 - size)
    return np.concatenate([corner, corner + size], -1).astype(np.float32), rng.integers(1, 81, (images, boxes))


def test_batch_gives_what_its_images_give_alone():
    boxes, classes = random_truth(0, 4, 6)
    classes[1, 3:], classes[2] = 0, 0
    offsets, labels = ssd_tf.match(TINY, boxes, classes)
    assert len({labels[b].numpy().tobytes() for b in range(4)}) == 4
    for b in range(4):
        alone_offsets, alone_labels = run(TINY, boxes[b], classes[b])
        np.testing.assert_array_equal(labels[b], alone_labels)
        np.testing.assert_allclose(offsets[b], alone_offsets, rtol=0, atol=1e-6)


def test_padding_may_stand_anywhere_and_hold_anything():
    boxes, classes = (x[0] for x in random_truth(1, 1, 3))
    offsets, labels = run(TINY, boxes, classes)
    assert labels.any()
    everywhere = ([0, 1, 2], 0.0), ([1, 3, 5], 0.0), ([3, 4, 5], 0.0), ([0, 2, 5], boxes[0]), ([1, 2, 3], np.nan)
    for places, filler in everywhere:
        padded_boxes, padded_classes = np.full((6, 4), filler, np.float32), np.zeros(6)
        padded_boxes[places], padded_classes[places] = boxes, classes
        padded_offsets, padded_labels = run(TINY, padded_boxes, padded_classes)
        np.testing.assert_array_equal(padded_labels, labels)
        np.testing.assert_allclose(padded_offsets, offsets, rtol=0, atol=1e-6)


corner = st.floats(0, 0.96875, width=32)
side = st.floats(0.03125, 1, width=32)
a_box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], min(b[0] + b[2], 1.0), min(b[1] + b[3], 1.0)))


@settings(deadline=None, max_examples=50)
@given(st.lists(a_box, min_size=1, max_size=4))
def test_decoding_what_was_encoded_gives_the_ground_truth(boxes):
    padded, classes = np.zeros((4, 4), np.float32), np.zeros(4, np.int32)
    padded[: len(boxes)], classes[: len(boxes)] = boxes, np.arange(1, len(boxes) + 1)
    offsets, labels = run(TINY, padded, classes)
    positive = labels > 0
    assert positive.any()
    decoded = decode_boxes(ssd_tf.default_boxes(TINY), offsets, ssd_tf.spec(TINY).variances).numpy()
    # float32 numbers up to 1 through a division, a logarithm and an exponential: some roundings of 6e-8.
    np.testing.assert_allclose(decoded[positive], padded[labels[positive] - 1], rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("boxes", "classes", "message"),
    [
        ((3, 4), (3,), "gt_boxes: expected shape"),
        ((1, 3, 5), (1, 3), "gt_boxes: expected shape"),
        ((1, 3, 4), (1, 2), "gt_classes: expected shape"),
        ((1, 3, 4), (2, 3), "gt_classes: expected shape"),
        ((1, 3, 4), (1, 3, 1), "gt_classes: expected shape"),
    ],
)
def test_wrong_shape_is_refused(boxes, classes, message):
    with pytest.raises(ValueError, match=message):
        ssd_tf.match(TINY, np.zeros(boxes, np.float32), np.zeros(classes, np.int32))


def test_unknown_detector_is_refused():
    with pytest.raises(ValueError, match="unknown detector 'nothing'"):
        ssd_tf.match("nothing", np.zeros((1, 1, 4)), np.zeros((1, 1)))


@pytest.mark.parametrize("jit_compile", [True, False])
def test_runs_inside_a_function_of_ones_own(jit_compile):
    boxes, classes = random_truth(2, 2, 5)
    compiled = tf.function(lambda b, c: ssd_tf.match(TINY, b, c), jit_compile=jit_compile)
    offsets, labels = compiled(tf.constant(boxes), tf.constant(classes))
    alone_offsets, alone_labels = ssd_tf.match(TINY, boxes, classes)
    np.testing.assert_array_equal(labels, alone_labels)
    np.testing.assert_allclose(offsets, alone_offsets, rtol=0, atol=1e-6)
    assert labels.numpy().any()


def test_batch_size_may_be_unknown_when_traced():
    boxes, classes = random_truth(3, 3, 2)
    signature = [tf.TensorSpec([None, 2, 4], tf.float32), tf.TensorSpec([None, 2], tf.int64)]
    traced = tf.function(lambda b, c: ssd_tf.match(TINY, b, c), input_signature=signature)
    np.testing.assert_array_equal(traced(boxes, classes)[1], ssd_tf.match(TINY, boxes, classes)[1])


def test_detectors_and_numbers_of_boxes_of_other_sizes_follow_each_other():
    for spec, number in ((TINY, 3), (SSD300, 3), (TINY, 5), (SSD300, 1)):
        boxes, classes = random_truth(4, 2, number)
        _, labels = ssd_tf.match(spec, boxes, classes)
        assert labels.shape == (2, ssd_tf.spec(spec).num_anchors)
        assert set(labels[0].numpy()) == {0, *classes[0]}


def test_without_xla_the_targets_are_the_same():
    rng = np.random.default_rng(3)
    low, size = rng.uniform(0, 0.6, (2, 5, 2)), rng.uniform(0.05, 0.4, (2, 5, 2))
    boxes = np.concatenate([low, low + size], axis=-1).astype(np.float32)
    classes = rng.integers(0, 4, (2, 5))
    compiled, plain = (ssd_tf.match(TINY, boxes, classes, jit_compile=jit) for jit in (True, False))
    np.testing.assert_array_equal(plain[1], compiled[1])
    np.testing.assert_allclose(plain[0], compiled[0], rtol=0, atol=1e-5)  # XLA rounds in another order

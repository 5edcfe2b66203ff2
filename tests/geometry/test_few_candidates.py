# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Detections of few candidates are those that come of looking at all, bit for bit; on TensorFlow and on NumPy."""

import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.export import litert_detect
from ssd_tf.geometry import box_ops
from ssd_tf.geometry.decoding import _FEW_ANCHORS, _FEW_CANDIDATES, decode_boxes

TINY = ssd_tf.spec("ssd128_tiny")
ANCHORS = TINY.num_anchors
CLASSES = 6


def slow_detect(offsets, logits, score_threshold, iou_threshold=0.5, most=200, candidates=200):
    """As `detect` was before it took few candidates out: softmax and top_k of all, NMS rank after rank; no XLA."""
    boxes = decode_boxes(ssd_tf.default_boxes(TINY), offsets, TINY.variances)
    scores = tf.transpose(tf.nn.softmax(logits)[..., 1:], [0, 2, 1])
    scores, anchors = tf.math.top_k(scores, candidates)
    boxes = tf.gather(boxes, anchors, batch_dims=1)
    drops = (box_ops.iou(boxes, boxes) >= iou_threshold).numpy()
    kept = (scores > score_threshold).numpy()
    for rank in range(candidates):
        kept[:, :, rank + 1 :] &= ~(kept[:, :, rank, None] & drops[:, :, rank, rank + 1 :])
    images = len(kept)
    scores = tf.reshape(tf.where(kept, scores, -1.0), [images, -1])
    best, place = tf.math.top_k(scores, most)
    found = best.numpy() >= 0.0
    boxes = tf.gather(tf.reshape(boxes, [images, -1, 4]), place, batch_dims=1)
    boxes, scores = np.where(found[..., None], boxes, 0), np.where(found, best, 0)
    return boxes, scores, np.where(found, place // candidates + 1, 0), found.sum(axis=1)


def predictions(seed, objects, images=2, noise=1.0):
    """Background but for so many groups of neighbouring anchors that see an object, of which some see two classes."""
    rng = np.random.default_rng(seed)
    offsets = rng.normal(0, 0.7, (images, ANCHORS, 4))
    logits = rng.normal(0, noise, (images, ANCHORS, CLASSES + 1))
    logits[..., 0] += 12
    for image in range(images):
        for _ in range(objects):
            start, number = rng.integers(0, ANCHORS - 8), rng.integers(1, CLASSES + 1)
            logits[image, start : start + 8, number] = rng.uniform(9, 15, 8)
            logits[image, start : start + 3, rng.integers(1, CLASSES + 1)] = rng.uniform(8, 13, 3)
    return offsets.astype(np.float32), logits.astype(np.float32)


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("objects", [0, 1, 5, 30, 300])
def test_detections_are_those_of_the_slow_way(objects):
    # 300 groups are of about 1200 anchors: more than few.
    for seed in range(2):
        offsets, logits = predictions(seed, objects)
        for threshold in (0.05, 0.5):
            found = [np.asarray(part) for part in ssd_tf.detect(TINY, offsets, logits, threshold)]
            expected = slow_detect(offsets, logits, threshold)
            assert (expected[3] > 0).all() == (objects > 0)
            # XLA and TensorFlow's kernels round the softmax and exp in other ways: 1e-6 of it.
            np.testing.assert_array_equal(found[2], expected[2])
            np.testing.assert_array_equal(found[3], expected[3])
            np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=2e-6)
            np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("objects", [0, 5, 30, 300])
def test_without_xla_they_are_the_same_bit_for_bit(objects):
    offsets, logits = predictions(7, objects)
    assert_same(ssd_tf.detect(TINY, offsets, logits, jit_compile=False), slow_detect(offsets, logits, 0.05))


def certain(count, number=1):
    """So many anchors with one class each, of scores that rise, then fall; equal ones among them."""
    offsets = np.zeros((1, ANCHORS, 4), np.float32)
    logits = np.full((1, ANCHORS, CLASSES + 1), -30, np.float32)
    logits[..., 0] = 0
    places = np.arange(count)
    logits[0, places, number + places % (CLASSES - number + 1)] = np.minimum(places, count - places) % 50 * 0.1
    return offsets, logits


@pytest.mark.parametrize(
    "count", [_FEW_ANCHORS - 1, _FEW_ANCHORS, _FEW_ANCHORS + 1, _FEW_CANDIDATES + 1], ids="anchors_{}".format
)
def test_one_more_than_few_changes_nothing(count):
    # IoU above 1 suppresses nothing, so that all that are looked at come out.
    offsets, logits = certain(count)
    found = ssd_tf.detect(TINY, offsets, logits, 0.05, 1.1, 600, jit_compile=False)
    assert int(found.count[0]) == count
    assert_same(found, slow_detect(offsets, logits, 0.05, 1.1, 600))


def test_more_candidates_of_a_class_than_are_looked_at_are_left_out():
    offsets, logits = certain(300, number=CLASSES)
    found = ssd_tf.detect(TINY, offsets, logits, 0.05, 1.1, 600, jit_compile=False)
    assert int(found.count[0]) == 200
    assert_same(found, slow_detect(offsets, logits, 0.05, 1.1, 600))


@pytest.mark.parametrize("threshold", [0.0, 1e-6, 0.999999, 1.0])
def test_thresholds_at_the_ends(threshold):
    offsets, logits = predictions(3, 5, images=1, noise=5.0)
    found = ssd_tf.detect(TINY, offsets, logits, threshold, jit_compile=False)
    assert_same(found, slow_detect(offsets, logits, threshold))


def test_an_image_with_many_candidates_beside_one_with_few():
    offsets, logits = predictions(4, 5)
    logits[1] = predictions(5, 300)[1][1]
    together = ssd_tf.detect(TINY, offsets, logits)
    for image in range(2):
        alone = ssd_tf.detect(TINY, offsets[image : image + 1], logits[image : image + 1])
        np.testing.assert_array_equal(together.classes[image], alone.classes[0])
        np.testing.assert_allclose(together.scores[image], alone.scores[0], rtol=0, atol=1e-6)
        np.testing.assert_allclose(together.boxes[image], alone.boxes[0], rtol=0, atol=2e-6)


@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("objects", [0, 5, 300])
def test_numpy_s_are_the_same(objects, threshold):
    offsets, logits = predictions(6, objects, images=1)
    boxes, scores, classes = litert_detect.decode(
        offsets[0], logits[0], ssd_tf.default_boxes(TINY), TINY.variances, threshold, 0.5, 200
    )
    expected = slow_detect(offsets, logits, threshold)
    count = expected[3][0]
    assert len(scores) == count
    np.testing.assert_array_equal(classes, expected[2][0, :count])
    # float32, other sums.
    np.testing.assert_allclose(scores, expected[1][0, :count], rtol=0, atol=1e-6)
    np.testing.assert_allclose(boxes, expected[0][0, :count], rtol=0, atol=2e-6)

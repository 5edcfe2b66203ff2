# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Offsets and logits -> detections ("decode"): softmax, best of each class, per-class NMS, best of all.

As MLPerf ssd-v1 utils.py: Encoder.decode_batch. Batched and compiled with XLA. Where few anchors see an object, as a
rule in what a trained model says, the work is on those alone; the result is the same. Letters: B images, A anchors, C
classes, F anchors taken out, M candidates of all classes, N candidates of a class, K detections kept.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from ssd_tf import specs
from ssd_tf.geometry import box_ops
from ssd_tf.geometry.anchors import default_boxes
from ssd_tf.geometry.detections import Detections
from ssd_tf.specs import DetectorSpec

# Up to so many anchors of an image that may see an object, and candidates of all its classes, are few.
_FEW_ANCHORS = 512
_FEW_CANDIDATES = 512
# Of logits: far more than rounding comes to.
_SLACK = 1e-3


def detect(
    spec: str | DetectorSpec,
    pred_offsets: tf.Tensor,
    pred_logits: tf.Tensor,
    score_threshold: float | tf.Tensor | None = None,
    iou_threshold: float | None = None,
    max_detections: int | None = None,
    jit_compile: bool = True,
) -> Detections:
    """Detections of a batch of images. What is None is the spec's, as is all else that decides.

    Args:
      spec: the detector or its name.
      pred_offsets: float [B, A, 4], as build_model's model gives them.
      pred_logits: float [B, A, C + 1]; class 0 is the background.
      score_threshold: a candidate's softmax score must be higher than this.
      iou_threshold: a candidate is dropped where its IoU with a better one of its class is at least this (above it,
        where the spec has keep_equal_iou).
      max_detections: K, kept for an image over all classes.
      jit_compile: with XLA; False for graphs that run elsewhere, where there may be no XLA (TensorFlow Serving).

    Raises:
      ValueError: the shapes do not fit the detector.
    """
    spec = specs.spec(spec)
    pred_offsets = tf.cast(tf.convert_to_tensor(pred_offsets), tf.float32)
    pred_logits = tf.cast(tf.convert_to_tensor(pred_logits), tf.float32)
    expected = (spec.num_anchors, 4)
    if pred_offsets.shape.rank != 3 or tuple(pred_offsets.shape[1:]) != expected:
        raise ValueError(f"pred_offsets: {spec.name} expects [B, {expected[0]}, 4]. Received: {pred_offsets.shape}")
    if pred_logits.shape.rank != 3 or pred_logits.shape[1] != spec.num_anchors or pred_logits.shape[2] < 2:
        raise ValueError(f"pred_logits: {spec.name} expects [B, {expected[0]}, C + 1]. Received: {pred_logits.shape}")
    wanted = spec.detection
    how = _How(
        spec.variances,
        wanted.max_detections if max_detections is None else max_detections,
        wanted.candidates_per_class,
        wanted.keep_equal_iou,
        wanted.clip_boxes,
        wanted.max_growth,
        wanted.negative_overlaps,
    )
    detect_in = _detect_graph if jit_compile else _detect
    boxes, scores, classes, count = detect_in(
        _COMPILED if jit_compile else _PLAIN,
        how,
        default_boxes(spec),
        pred_offsets,
        pred_logits,
        tf.convert_to_tensor(wanted.score_threshold if score_threshold is None else score_threshold, tf.float32),
        tf.convert_to_tensor(wanted.iou_threshold if iou_threshold is None else iou_threshold, tf.float32),
    )
    return Detections(boxes, scores, classes, count)


def decode_boxes(
    anchors_a4: tf.Tensor, offsets_ba4: tf.Tensor, variances: tuple[float, ...], max_growth: float | None = None
) -> tf.Tensor:
    """Boxes [B, A, 4] that the offsets describe; the inverse of `match`'s encoding. Not clipped.

    With max_growth (torchvision's 1000 / 16) no side is longer than so many times its anchor's.
    """
    scaled = offsets_ba4 * tf.constant(variances)
    centers = scaled[..., :2] * anchors_a4[..., 2:] + anchors_a4[..., :2]
    logarithms = scaled[..., 2:]
    if max_growth is not None:
        logarithms = tf.minimum(logarithms, math.log(max_growth))
    sizes = tf.exp(logarithms) * anchors_a4[..., 2:]
    return box_ops.centers_to_corners(tf.concat([centers, sizes], axis=-1))


class _How(NamedTuple):
    """What decides, of the spec or of detect's arguments; plain values, of which each set is a graph of its own."""

    variances: tuple[float, ...]
    max_detections: int
    candidates_per_class: int
    keep_equal_iou: bool
    clip_boxes: bool
    max_growth: float | None
    negative_overlaps: bool

    def boxes(self, anchors_4, offsets_4):
        boxes_4 = decode_boxes(anchors_4, offsets_4, self.variances, self.max_growth)
        return tf.clip_by_value(boxes_4, 0.0, 1.0) if self.clip_boxes else boxes_4

    def overlaps(self, boxes_4, others_4, iou_threshold):
        iou = box_ops.iou(boxes_4, others_4, self.negative_overlaps)
        return iou > iou_threshold if self.keep_equal_iou else iou >= iou_threshold


def _candidates(how: _How, logits, score_threshold):
    """(scores, anchors, classes), [B, M] each, of the candidates of all classes, best first; padded with scores of -1.
    And a bool: whether there are so few in every image that these are all of them.

    Most anchors see background. The first F that may not are taken out, and of their scores the M best.
    """
    # A score is exp(l) of a sum with at least exp(l) and the background's in it: at most sigmoid(l - background).
    least = tf.clip_by_value(score_threshold, 0.0, 1.0)
    margin_ba = tf.reduce_max(logits[..., 1:], axis=-1) - logits[..., 0]
    hopeful_ba = margin_ba > tf.math.log(least / (1.0 - least)) - _SLACK
    num_anchors, num_classes = logits.shape[1], logits.shape[2] - 1
    few = min(_FEW_ANCHORS, num_anchors)
    # In their own order, which decides between equal scores.
    falling_a = tf.range(num_anchors, 0, -1, dtype=tf.float32)
    order_bf, anchor_bf = tf.math.top_k(tf.where(hopeful_ba, falling_a, 0.0), few)
    scores_bfc = tf.nn.softmax(tf.gather(logits, anchor_bf, batch_dims=1))[..., 1:]
    alive_bfc = (scores_bfc > score_threshold) & (order_bf[..., None] > 0.0)
    scores_bcf = tf.transpose(tf.where(alive_bfc, scores_bfc, -1.0), [0, 2, 1])
    most = min(_FEW_CANDIDATES, num_classes * few)
    scores_bm, place_bm = tf.math.top_k(tf.reshape(scores_bcf, [-1, num_classes * few]), most)
    count_bc = _count(alive_bfc)
    are_few = (
        (tf.reduce_max(_count(hopeful_ba)) <= few)
        & (tf.reduce_max(tf.reduce_sum(count_bc, axis=1)) <= most)
        & (tf.reduce_max(count_bc) <= how.candidates_per_class)
    )
    return (scores_bm, tf.gather(anchor_bf, place_bm % few, batch_dims=1), place_bm // few + 1), are_few


def _of_few(how: _How, anchors_a4, offsets_ba4, candidates_bm, iou_threshold):
    """The detections among candidates, which are suppressed together."""
    scores_bm, anchor_bm, classes_bm = candidates_bm
    boxes_bm4 = how.boxes(tf.gather(anchors_a4, anchor_bm), tf.gather(offsets_ba4, anchor_bm, batch_dims=1))
    same_class_bmm = classes_bm[:, :, None] == classes_bm[:, None, :]
    drops_bmm = same_class_bmm & how.overlaps(boxes_bm4, boxes_bm4, iou_threshold)
    kept_bm = _suppress_together(drops_bmm, scores_bm >= 0.0)
    return _best(tf.where(kept_bm, scores_bm, -1.0), classes_bm, boxes_bm4, how.max_detections)


def _of_many(how: _How, anchors_a4, offsets_ba4, logits, score_threshold, iou_threshold):
    """The detections, however many candidates there are: N of each class, suppressed class by class, side by side."""
    num_anchors, num_classes = logits.shape[1], logits.shape[2] - 1
    candidates = min(how.candidates_per_class, num_anchors)
    scores_bca = tf.transpose(tf.nn.softmax(logits)[..., 1:], [0, 2, 1])
    # top_k is the quicker, the more of what it looks through is out of the question.
    alive_bca = scores_bca > score_threshold
    scores_bcn, anchor_bcn = tf.math.top_k(tf.where(alive_bca, scores_bca, -1.0), candidates)
    boxes_bcn4 = tf.gather(how.boxes(anchors_a4, offsets_ba4), anchor_bcn, batch_dims=1)
    kept_bcn = _suppress_in_turn(
        boxes_bcn4, scores_bcn >= 0.0, lambda best, others: how.overlaps(best, others, iou_threshold)
    )
    classes_bcn = tf.broadcast_to(tf.range(1, num_classes + 1)[None, :, None], tf.shape(scores_bcn))
    flat = num_classes * candidates
    return _best(
        tf.reshape(tf.where(kept_bcn, scores_bcn, -1.0), [-1, flat]),
        tf.reshape(classes_bcn, [-1, flat]),
        tf.reshape(boxes_bcn4, [-1, flat, 4]),
        how.max_detections,
    )


def _compiled(function):
    return tf.function(function, autograph=False, jit_compile=True)


_PLAIN = (_candidates, _of_few, _of_many)
# Each a program of its own: the one for many is compiled when it is first needed.
_COMPILED = tuple(map(_compiled, _PLAIN))


def _detect(programs, how: _How, anchors_a4, offsets_ba4, logits, score_threshold, iou_threshold):
    candidates_of, of_few, of_many = programs
    candidates_bm, are_few = candidates_of(how, logits, score_threshold)
    return tf.cond(
        are_few,
        lambda: of_few(how, anchors_a4, offsets_ba4, candidates_bm, iou_threshold),
        lambda: of_many(how, anchors_a4, offsets_ba4, logits, score_threshold, iou_threshold),
    )


_detect_graph = tf.function(_detect, autograph=False)


def _count(alive):
    """int32 [B, ...] of bool [B, F, ...]."""
    return tf.reduce_sum(tf.cast(alive, tf.int32), axis=1)


def _best(scores_bm, classes_bm, boxes_bm4, max_detections: int):
    """The best of M candidates, whose score is below 0 where they were dropped, filled up with zeros to K."""
    best = min(max_detections, scores_bm.shape[1])
    scores_bk, index_bk = tf.math.top_k(scores_bm, best)
    found_bk = scores_bk >= 0.0
    boxes_bk4 = tf.gather(boxes_bm4, index_bk, batch_dims=1)
    classes_bk = tf.gather(classes_bm, index_bk, batch_dims=1)
    pad = [[0, 0], [0, max_detections - best]]
    return (
        tf.pad(tf.where(found_bk[..., None], boxes_bk4, 0.0), [*pad, [0, 0]]),
        tf.pad(tf.where(found_bk, scores_bk, 0.0), pad),
        tf.pad(tf.where(found_bk, classes_bk, 0), pad),
        tf.reduce_sum(tf.cast(found_bk, tf.int32), axis=1),
    )


def _suppress_together(drops_bmm, alive_bm):
    """Greedy NMS of candidates in the order of their scores, all at once: bool [B, M], those kept.

    One is kept where none that is kept and before it drops it. Each round asks that of what the last round kept: after
    r rounds the first r are decided, as a rule all after a few. The rounds end when one changes nothing.
    """
    ranks = tf.range(tf.shape(alive_bm)[1])
    drops_bmm &= ranks[:, None] < ranks

    def ask_again(kept_bm, _):
        return alive_bm & ~tf.reduce_any(drops_bmm & kept_bm[:, :, None], axis=1), kept_bm

    kept_bm, _ = tf.while_loop(
        lambda kept_bm, last_bm: tf.reduce_any(kept_bm != last_bm), ask_again, (alive_bm, tf.zeros_like(alive_bm))
    )
    return kept_bm


def _suppress_in_turn(boxes_bcn4, alive_bcn, overlaps):
    """Greedy NMS down the ranks of each class: bool [B, C, N], the candidates kept."""
    ranks = tf.range(tf.shape(boxes_bcn4)[2])
    # Candidates are sorted, so no class has one beyond the longest list of the batch.
    last = tf.reduce_max(tf.reduce_sum(tf.cast(alive_bcn, tf.int32), axis=2))

    def drop_overlaps(rank, kept_bcn):
        best = tf.gather(boxes_bcn4, [rank], axis=2)
        overlaps_bcn = tf.squeeze(overlaps(best, boxes_bcn4), axis=2)
        best_kept = tf.gather(kept_bcn, [rank], axis=2)
        return rank + 1, kept_bcn & ~(best_kept & overlaps_bcn & (ranks > rank))

    _, kept_bcn = tf.while_loop(lambda rank, _: rank < last, drop_overlaps, (0, alive_bcn))
    return kept_bcn

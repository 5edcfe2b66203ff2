# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Offsets and logits -> detections ("decode"): softmax, best of each class, per-class NMS, best of all.

As MLPerf ssd-v1 utils.py: Encoder.decode_batch. Batched and compiled with XLA: the NMS of all classes of all images
runs side by side, one candidate rank after the other. Letters: B images, A anchors, C classes, K detections kept.
"""

import math

import tensorflow as tf

from ssd_tf import specs
from ssd_tf.geometry import box_ops
from ssd_tf.geometry.anchors import default_boxes
from ssd_tf.geometry.detections import Detections
from ssd_tf.specs import DetectorSpec


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
    how = spec.detection
    boxes, scores, classes, count = (_detect_compiled if jit_compile else _detect)(
        default_boxes(spec),
        spec.variances,
        pred_offsets,
        pred_logits,
        tf.convert_to_tensor(how.score_threshold if score_threshold is None else score_threshold, tf.float32),
        tf.convert_to_tensor(how.iou_threshold if iou_threshold is None else iou_threshold, tf.float32),
        how.max_detections if max_detections is None else max_detections,
        how.candidates_per_class,
        how.keep_equal_iou,
        how.clip_boxes,
        how.max_growth,
        how.negative_overlaps,
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


def _detect(
    anchors_a4,
    variances,
    offsets_ba4,
    logits,
    score_threshold,
    iou_threshold,
    max_detections: int,
    candidates_per_class: int,
    keep_equal_iou: bool,
    clip_boxes: bool,
    max_growth: float | None,
    negative_overlaps: bool,
):
    boxes_ba4 = decode_boxes(anchors_a4, offsets_ba4, variances, max_growth)
    if clip_boxes:
        boxes_ba4 = tf.clip_by_value(boxes_ba4, 0.0, 1.0)
    scores_bca = tf.transpose(tf.nn.softmax(logits)[..., 1:], [0, 2, 1])
    num_classes, num_anchors = scores_bca.shape[1], scores_bca.shape[2]
    candidates = min(candidates_per_class, num_anchors)
    scores_bcn, anchor_bcn = tf.math.top_k(scores_bca, candidates)
    boxes_bcn4 = tf.gather(boxes_ba4, anchor_bcn, batch_dims=1)
    kept_bcn = _suppress(boxes_bcn4, scores_bcn > score_threshold, iou_threshold, keep_equal_iou, negative_overlaps)

    flat = [-1, num_classes * candidates]
    scores_bm = tf.reshape(tf.where(kept_bcn, scores_bcn, -1.0), flat)
    classes_bm = tf.reshape(tf.broadcast_to(tf.range(1, num_classes + 1)[None, :, None], tf.shape(scores_bcn)), flat)
    best = min(max_detections, num_classes * candidates)
    scores_bk, index_bk = tf.math.top_k(scores_bm, best)
    found_bk = scores_bk >= 0.0
    boxes_bk4 = tf.gather(tf.reshape(boxes_bcn4, [flat[0], flat[1], 4]), index_bk, batch_dims=1)
    classes_bk = tf.gather(classes_bm, index_bk, batch_dims=1)

    pad = [[0, 0], [0, max_detections - best]]
    return (
        tf.pad(tf.where(found_bk[..., None], boxes_bk4, 0.0), [*pad, [0, 0]]),
        tf.pad(tf.where(found_bk, scores_bk, 0.0), pad),
        tf.pad(tf.where(found_bk, classes_bk, 0), pad),
        tf.reduce_sum(tf.cast(found_bk, tf.int32), axis=1),
    )


_detect_compiled = tf.function(_detect, autograph=False, jit_compile=True)


def _suppress(boxes_bcn4, alive_bcn, iou_threshold, keep_equal: bool, negative_overlaps: bool):
    """Greedy NMS down the ranks of each class: bool [B, C, N], the candidates kept."""
    ranks = tf.range(tf.shape(boxes_bcn4)[2])
    # Candidates are sorted, so no class has one beyond the longest list of the batch.
    last = tf.reduce_max(tf.reduce_sum(tf.cast(alive_bcn, tf.int32), axis=2))

    def drop_overlaps(rank, kept_bcn):
        best = tf.gather(boxes_bcn4, [rank], axis=2)
        iou_bcn = tf.squeeze(box_ops.iou(best, boxes_bcn4, negative_overlaps), axis=2)
        best_kept = tf.gather(kept_bcn, [rank], axis=2)
        overlaps_bcn = iou_bcn > iou_threshold if keep_equal else iou_bcn >= iou_threshold
        return rank + 1, kept_bcn & ~(best_kept & overlaps_bcn & (ranks > rank))

    _, kept_bcn = tf.while_loop(lambda rank, _: rank < last, drop_overlaps, (0, alive_bcn))
    return kept_bcn

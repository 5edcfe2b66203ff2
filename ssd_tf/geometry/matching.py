# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Ground truth -> targets of each anchor ("encode"), as MLPerf ssd-v1 utils.py: Encoder.encode.

Where the spec's `matching` says so, as Caffe's MatchBBox or torchvision's SSDMatcher instead. Batched and compiled with
XLA, so that it runs on the training device. Letters: B images, A anchors, G ground truths.
"""

import tensorflow as tf

from ssd_tf import specs
from ssd_tf.geometry import box_ops
from ssd_tf.geometry.anchors import anchor_corners, default_boxes
from ssd_tf.specs import DetectorSpec, Matching

# Overlaps up to this are none for Caffe's greedy matching.
_NO_OVERLAP = 1e-6


def match(
    spec: str | DetectorSpec, gt_boxes: tf.Tensor, gt_classes: tf.Tensor, jit_compile: bool = True
) -> tuple[tf.Tensor, tf.Tensor]:
    """Targets of every anchor.

    An anchor takes the ground truth that it overlaps most (the first of equals) where the IoU is above the spec's
    threshold. Then each ground truth takes the anchor that overlaps it most, whatever the IoU. Where two want the same
    anchor, the later one gets it; in greedy matching the one that overlaps it more, and the other takes another one.
    Ground truths of class 0 (padding) and of zero width or height are left out.

    Args:
      spec: the detector or its name.
      gt_boxes: float [B, G, 4], [ymin, xmin, ymax, xmax] in [0, 1].
      gt_classes: int [B, G], 1..C; 0 is padding.
      jit_compile: with XLA, which takes seconds the first time; False for a batch or two.

    Returns:
      offsets: float32 [B, A, 4], (dy, dx, dh, dw) divided by the spec's variances; 0 where the label is 0.
      labels: int32 [B, A], 1..C at positive anchors and 0 elsewhere.

    Raises:
      ValueError: the shapes do not fit.
    """
    spec = specs.spec(spec)
    gt_boxes = tf.cast(tf.convert_to_tensor(gt_boxes), tf.float32)
    gt_classes = tf.cast(tf.convert_to_tensor(gt_classes), tf.int32)
    if gt_boxes.shape.rank != 3 or gt_boxes.shape[-1] != 4:
        raise ValueError(f"gt_boxes: expected shape [B, G, 4]. Received: {gt_boxes.shape}")
    if not gt_classes.shape.is_compatible_with(gt_boxes.shape[:2]):
        raise ValueError(f"gt_classes: expected shape [B, G] = {gt_boxes.shape[:2]}. Received: {gt_classes.shape}")
    if gt_boxes.shape[1] == 0:  # one padding box, so that the reductions over G have something to reduce
        gt_boxes, gt_classes = tf.pad(gt_boxes, [[0, 0], [0, 1], [0, 0]]), tf.pad(gt_classes, [[0, 0], [0, 1]])
    compute = _match_compiled if jit_compile else _match
    return compute(anchor_corners(spec), default_boxes(spec), spec.variances, spec.matching, gt_boxes, gt_classes)


def _match(corners_a4, centers_a4, variances, matching: Matching, gt_boxes_bg4, gt_classes_bg):
    heights, widths = gt_boxes_bg4[..., 2] - gt_boxes_bg4[..., 0], gt_boxes_bg4[..., 3] - gt_boxes_bg4[..., 1]
    real_bg = (gt_classes_bg > 0) & (heights > 0) & (widths > 0)
    iou_bga = box_ops.iou(gt_boxes_bg4, corners_a4[None])
    iou_bga = tf.where(real_bg[..., None], iou_bga, -1.0)
    best_iou_ba = tf.reduce_max(iou_bga, axis=1)
    best_gt_ba = tf.argmax(iou_bga, axis=1, output_type=tf.int32)

    forced_gt_ba = _forced_in_order(iou_bga, real_bg) if matching.forced == "in_order" else _forced_greedily(iou_bga)
    forced_ba = forced_gt_ba >= 0
    threshold = matching.iou_threshold
    gt_ba = tf.where(forced_ba, forced_gt_ba, best_gt_ba)
    enough_ba = (best_iou_ba >= threshold) if matching.inclusive else (best_iou_ba > threshold)
    positive_ba = forced_ba | enough_ba
    labels_ba = tf.where(positive_ba, tf.gather(gt_classes_bg, gt_ba, batch_dims=1), 0)
    # A negative anchor is encoded against itself: offsets 0, and no logarithm of an empty box.
    boxes_ba4 = tf.where(positive_ba[..., None], tf.gather(gt_boxes_bg4, gt_ba, batch_dims=1), corners_a4)
    offsets_ba4 = tf.where(positive_ba[..., None], _encode(boxes_ba4, centers_a4, variances), 0.0)
    return offsets_ba4, labels_ba


def _forced_in_order(iou_bga, real_bg):
    """int [B, A]: the ground truth whose best anchor this is, the last of several; -1 where there is none."""
    best_anchor_bg = tf.argmax(iou_bga, axis=2, output_type=tf.int32)
    num_gt, num_anchors = tf.shape(iou_bga)[1], tf.shape(iou_bga)[2]
    wants_bga = (best_anchor_bg[..., None] == tf.range(num_anchors)) & real_bg[..., None]
    return tf.reduce_max(tf.where(wants_bga, tf.range(num_gt)[None, :, None], -1), axis=1)


def _forced_greedily(iou_bga):
    """The same by Caffe's rule: of all free pairs the one that overlaps most (first anchor, then first of equals)."""
    anchors, ground_truths = tf.range(tf.shape(iou_bga)[2]), tf.range(tf.shape(iou_bga)[1])
    num_gt = tf.shape(iou_bga)[1]

    def largest(free_bga):
        return tf.reduce_max(free_bga, axis=[1, 2])

    def take_best(free_bga, forced_ba):
        by_anchor = tf.transpose(free_bga, [0, 2, 1])
        place_b = tf.argmax(tf.reshape(by_anchor, [tf.shape(by_anchor)[0], -1]), axis=1, output_type=tf.int32)
        found_b1 = largest(free_bga)[:, None] > _NO_OVERLAP
        taken_ba = found_b1 & (anchors == (place_b // num_gt)[:, None])
        done_bg = found_b1 & (ground_truths == (place_b % num_gt)[:, None])
        forced_ba = tf.where(taken_ba, (place_b % num_gt)[:, None], forced_ba)
        return tf.where(taken_ba[:, None] | done_bg[..., None], -1.0, free_bga), forced_ba

    start = -tf.ones([tf.shape(iou_bga)[0], tf.shape(iou_bga)[2]], tf.int32)
    return tf.while_loop(lambda free, _: tf.reduce_any(largest(free) > _NO_OVERLAP), take_best, (iou_bga, start))[1]


def _encode(boxes_ba4, anchors_a4, variances):
    centers_ba4 = box_ops.corners_to_centers(boxes_ba4)
    shift = (centers_ba4[..., :2] - anchors_a4[..., :2]) / anchors_a4[..., 2:]
    scale = tf.math.log(centers_ba4[..., 2:] / anchors_a4[..., 2:])
    return tf.concat([shift, scale], axis=-1) / tf.constant(variances)


_match_compiled = tf.function(_match, autograph=False, jit_compile=True)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Ground truth -> targets of each anchor ("encode"), as MLPerf ssd-v1 utils.py: Encoder.encode.

Batched and compiled with XLA, so that it runs on the training device. Letters: B images, A anchors, G ground truths.
"""

import tensorflow as tf

from ssd_tf.geometry import boxes as box_ops
from ssd_tf.geometry.anchors import anchor_corners, default_boxes
from ssd_tf.specs import DetectorSpec, detector

# Liu et al. section 2.2: an anchor is positive where its overlap with a ground truth is higher than this.
POSITIVE_IOU = 0.5


def match(
    spec: str | DetectorSpec, gt_boxes: tf.Tensor, gt_classes: tf.Tensor, jit_compile: bool = True
) -> tuple[tf.Tensor, tf.Tensor]:
    """Targets of every anchor.

    An anchor takes the ground truth that it overlaps most (the first of equals) where the IoU is above 0.5. Then each
    ground truth takes the anchor that overlaps it most, whatever the IoU; where two want the same anchor, the later
    one gets it. Ground truths of class 0 (padding) and of zero width or height are left out.

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
    spec = detector(spec)
    gt_boxes = tf.cast(tf.convert_to_tensor(gt_boxes), tf.float32)
    gt_classes = tf.cast(tf.convert_to_tensor(gt_classes), tf.int32)
    if gt_boxes.shape.rank != 3 or gt_boxes.shape[-1] != 4:
        raise ValueError(f"gt_boxes: expected shape [B, G, 4]. Received: {gt_boxes.shape}")
    if not gt_classes.shape.is_compatible_with(gt_boxes.shape[:2]):
        raise ValueError(f"gt_classes: expected shape [B, G] = {gt_boxes.shape[:2]}. Received: {gt_classes.shape}")
    if gt_boxes.shape[1] == 0:  # one padding box, so that the reductions over G have something to reduce
        gt_boxes, gt_classes = tf.pad(gt_boxes, [[0, 0], [0, 1], [0, 0]]), tf.pad(gt_classes, [[0, 0], [0, 1]])
    compute = _match_compiled if jit_compile else _match
    return compute(anchor_corners(spec), default_boxes(spec), spec.variances, gt_boxes, gt_classes)


def _match(corners_a4, centers_a4, variances, gt_boxes_bg4, gt_classes_bg):
    heights, widths = gt_boxes_bg4[..., 2] - gt_boxes_bg4[..., 0], gt_boxes_bg4[..., 3] - gt_boxes_bg4[..., 1]
    real_bg = (gt_classes_bg > 0) & (heights > 0) & (widths > 0)
    iou_bga = box_ops.iou(gt_boxes_bg4, corners_a4[None])
    iou_bga = tf.where(real_bg[..., None], iou_bga, -1.0)
    best_iou_ba = tf.reduce_max(iou_bga, axis=1)
    best_gt_ba = tf.argmax(iou_bga, axis=1, output_type=tf.int32)

    best_anchor_bg = tf.argmax(iou_bga, axis=2, output_type=tf.int32)
    num_gt, num_anchors = tf.shape(iou_bga)[1], tf.shape(iou_bga)[2]
    wants_bga = (best_anchor_bg[..., None] == tf.range(num_anchors)) & real_bg[..., None]
    forced_gt_ba = tf.reduce_max(tf.where(wants_bga, tf.range(num_gt)[None, :, None], -1), axis=1)

    forced_ba = forced_gt_ba >= 0
    gt_ba = tf.where(forced_ba, forced_gt_ba, best_gt_ba)
    positive_ba = forced_ba | (best_iou_ba > POSITIVE_IOU)
    labels_ba = tf.where(positive_ba, tf.gather(gt_classes_bg, gt_ba, batch_dims=1), 0)
    # A negative anchor is encoded against itself: offsets 0, and no logarithm of an empty box.
    boxes_ba4 = tf.where(positive_ba[..., None], tf.gather(gt_boxes_bg4, gt_ba, batch_dims=1), corners_a4)
    offsets_ba4 = tf.where(positive_ba[..., None], _encode(boxes_ba4, centers_a4, variances), 0.0)
    return offsets_ba4, labels_ba


def _encode(boxes_ba4, anchors_a4, variances):
    centers_ba4 = box_ops.corners_to_centers(boxes_ba4)
    shift = (centers_ba4[..., :2] - anchors_a4[..., :2]) / anchors_a4[..., 2:]
    scale = tf.math.log(centers_ba4[..., 2:] / anchors_a4[..., 2:])
    return tf.concat([shift, scale], axis=-1) / tf.constant(variances)


_match_compiled = tf.function(_match, jit_compile=True)

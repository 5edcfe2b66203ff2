# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What several tests of the family need: weights of the recipes, and targets as torchvision finds them."""

import numpy as np

import ssd_tf
from ssd_tf.geometry import box_ops
from ssd_tf.weights import layout

# x before y <-> y before x.
SWAPPED = [1, 0, 3, 2]


def fill(model, name_of, weight, anchor_major=True):
    """Gives the model a recipe's weights under the names of one of the sources, and returns it."""
    shapes = {name: value.shape for name, value in layout.to_tensors(model, name_of).items()}
    layout.assign(model, {name: weight(name, shape) for name, shape in shapes.items()}, "recipe", name_of, anchor_major)
    return model


def padded(gts):
    """boxes [B, G, 4] in our order and classes [B, G], for a list of (ltrb boxes, labels from 1)."""
    most = max(1, *(len(labels) for _, labels in gts))
    boxes, classes = np.zeros((len(gts), most, 4), np.float32), np.zeros((len(gts), most), np.int32)
    for index, (some, labels) in enumerate(gts):
        boxes[index, : len(labels)], classes[index, : len(labels)] = some.reshape(-1, 4)[:, SWAPPED], labels
    return boxes, classes


def torchvision_targets(spec, gts):
    """offsets and labels as torchvision's SSDMatcher finds them, for a list of (ltrb boxes in pixels, labels from 1).

    Its IoUs are of pixels and ours of normalised boxes. They round otherwise, and that decides which of several default
    boxes of one size, in all of which a small box lies, gets it.
    """
    anchors, side = ssd_tf.default_boxes(spec), np.float32(spec.image_size)
    half = anchors[:, 2:] * np.float32(0.5)
    corners = np.concatenate([(anchors[:, :2] - half) * side, (anchors[:, :2] + half) * side], axis=1)
    offsets = np.zeros((len(gts), len(anchors), 4), np.float32)
    labels = np.zeros((len(gts), len(anchors)), np.int32)
    for image, (boxes, some) in enumerate(gts):
        if not len(boxes):
            continue
        iou = box_ops.iou(boxes[:, SWAPPED], corners).numpy()
        matched = np.where(iou.max(axis=0) >= 0.5, iou.argmax(axis=0), -1)
        matched[iou.argmax(axis=1)] = np.arange(len(boxes))  # the last one wins
        positive = np.flatnonzero(matched >= 0)
        centers = box_ops.corners_to_centers(boxes[matched[positive]][:, SWAPPED] / side).numpy()
        shift = (centers[:, :2] - anchors[positive, :2]) / anchors[positive, 2:]
        scale = np.log(centers[:, 2:] / anchors[positive, 2:])
        offsets[image, positive] = np.concatenate([shift, scale], axis=1) / np.float32(spec.variances)
        labels[image, positive] = some[matched[positive]]
    return offsets, labels

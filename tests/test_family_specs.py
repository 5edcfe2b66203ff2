# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a spec says of other detectors of the family, against the numbers of the code that published them.

The golden files keep x before y; here all is turned into ours.
"""

import dataclasses
import itertools

import family_recipe
import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.geometry.anchors import anchor_corners
from ssd_tf.geometry.decoding import decode_boxes
from ssd_tf.models.losses import multibox_loss_parts
from ssd_tf.specs import Detection, DetectorSpec, ExtraBlock, Level, Matching

SSD300 = ssd_tf.spec("ssd300_resnet34")
CAFFE = ssd_tf.spec("ssd300_vgg16_voc")
YX = [1, 0, 3, 2]


def spec_with(image_size: int, cells, steps, sizes, ratios, **changes) -> DetectorSpec:
    """A spec with these default boxes; its layers are not built here."""
    levels = tuple(
        Level(side, step, size, following, tuple(level_ratios))
        for side, step, size, following, level_ratios in zip(cells, steps, sizes[:-1], sizes[1:], ratios, strict=True)
    )
    blocks = (ExtraBlock(1, 1, 1, 0),) * (len(levels) - 1)
    return dataclasses.replace(SSD300, image_size=image_size, levels=levels, extra_blocks=blocks, **changes)


def with_sizes(name: str, sizes) -> DetectorSpec:
    """A detector of the table with other sizes of default boxes."""
    spec = ssd_tf.spec(name)
    pairs = zip(spec.levels, itertools.pairwise(sizes), strict=True)
    levels = tuple(dataclasses.replace(level, size=size, next_size=following) for level, (size, following) in pairs)
    return dataclasses.replace(spec, levels=levels)


BOXES = {
    "amdegroot_voc_xywh_clipped_f32": "ssd300_vgg16_amdegroot",
    "amdegroot_coco_xywh_clipped_f32": dataclasses.replace(ssd_tf.spec("ssd300_vgg16"), clip="centre_form"),
    "caffe_ssd300_voc_ltrb_f32": "ssd300_vgg16_voc",
    "caffe_ssd300_coco_ltrb_f32": "ssd300_vgg16",
    "caffe_ssd512_voc_ltrb_f32": "ssd512_vgg16_voc",
    "caffe_ssd512_coco_ltrb_f32": "ssd512_vgg16",
    # What OpenCV and torchcv take, which do not cut the fractions off.
    "ssd512_voc_float_sizes_xywh_f32": with_sizes(
        "ssd512_vgg16_voc", (35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6)
    ),
    "tv_ssdlite_cxcywh_norm_f32": "ssdlite320_mobilenet_v3_large",
    "tv_ssd300_cxcywh_norm_f32": "ssd300_vgg16_torchvision",
    "r34_1200_xywh": "ssd1200_resnet34",
}


@pytest.fixture(scope="module")
def family(golden):
    return {**np.load(golden / "family.npz"), **np.load(golden / "vgg.npz")}


@pytest.mark.parametrize("name", BOXES)
def test_default_boxes_are_the_published_ones(family, name):
    boxes = (anchor_corners if "ltrb" in name else ssd_tf.default_boxes)(BOXES[name])
    # float32 numbers up to 1.4, computed in another order.
    np.testing.assert_allclose(boxes[::53], family[f"boxes_{name}"][:, YX], rtol=0, atol=2e-7)


@pytest.mark.parametrize(("clip", "changed"), [("none", 0), ("sizes", 2), ("centre_form", 122)])
def test_clipping_changes_as_many_numbers_as_published(clip, changed):
    # SEMANTICS of the references, COCO: 122 entries in centre form; 2 of sizes alone.
    plain = ssd_tf.default_boxes(dataclasses.replace(SSD300, clip="none"))
    assert np.count_nonzero(ssd_tf.default_boxes(dataclasses.replace(SSD300, clip=clip)) != plain) == changed


def targets(gts):
    """offsets and labels of `match` for a list of (ltrb boxes, labels from 0)."""
    most = max(1, *(len(labels) for _, labels in gts))
    boxes, classes = np.zeros((len(gts), most, 4), np.float32), np.zeros((len(gts), most), np.int32)
    for index, (some, labels) in enumerate(gts):
        boxes[index, : len(labels)], classes[index, : len(labels)] = some.reshape(-1, 4)[:, YX], labels + 1
    return (part.numpy() for part in ssd_tf.match(CAFFE, boxes, classes))


# Sets in which no two anchors overlap a ground truth alike: else the last bit of an IoU decides.
@pytest.mark.parametrize("number", [0, 1, 9, 11, 13])
def test_matches_are_caffe_s(family, number):
    boxes, labels = family_recipe.gt_set(number)
    offsets, found = targets([(boxes, labels)])
    positive = family[f"caffe_match_{number}_pos"]
    np.testing.assert_array_equal(np.flatnonzero(found[0]), positive)
    np.testing.assert_array_equal(found[0, positive], labels[family[f"caffe_match_{number}_match"]] + 1)
    # Logarithms of quotients of float32 numbers.
    expected = family[f"caffe_match_{number}_loc_t"][:, YX]
    np.testing.assert_allclose(offsets[0, positive], expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize(("number", "positives"), [(9, 8), (12, 39), (17, 4)])
def test_greedy_matching_leaves_no_ground_truth_without_an_anchor(number, positives):
    # In these sets the rule "the last one wins" leaves one or two without.
    boxes, labels = family_recipe.gt_set(number)
    _, found = targets([(boxes, np.arange(len(labels)))])
    assert np.count_nonzero(found) == positives
    assert set(found[found > 0]) == set(range(1, len(labels) + 1))
    _, in_order = ssd_tf.match(
        dataclasses.replace(CAFFE, matching=Matching(inclusive=True)),
        boxes[None][..., YX],
        [np.arange(1, len(labels) + 1)],
    )
    assert len(set(in_order.numpy()[in_order > 0])) < len(labels)


@pytest.mark.parametrize("inclusive", [True, False])
def test_overlap_that_equals_the_threshold_is_enough_where_inclusive(inclusive):
    # One default box over the whole image; the ground truth is its left half, which is an IoU of exactly 0.5. Another
    # one takes the anchor by force, so that only the threshold decides on this image's second anchor.
    spec = spec_with(2, (2, 1), (1, 2), (1, 2, 2), ((), ()), clip="none", matching=Matching(inclusive=inclusive))
    corners = anchor_corners(spec)
    half = np.float32([[[0.0, 0.0, 0.5, 1.0]]])
    iou = [float(tf.squeeze(_iou(half[0], corner[None]))) for corner in corners]
    exactly = [index for index, value in enumerate(iou) if value == 0.5]
    assert len(exactly) > 1
    _, labels = ssd_tf.match(spec, half, [[1]])
    assert (labels.numpy()[0, exactly] == 1).sum() == (len(exactly) if inclusive else 1 if max(iou) == 0.5 else 0)


def _iou(one, other):
    from ssd_tf.geometry.box_ops import iou

    return iou(one, other)


def caffe_targets(family, sets):
    """offsets and labels of Caffe's own matches for these sets of ground truths; None stands for no ground truth."""
    offsets = np.zeros((len(sets), CAFFE.num_anchors, 4), np.float32)
    labels = np.zeros((len(sets), CAFFE.num_anchors), np.int32)
    for image, number in enumerate(sets):
        if number is not None:
            positive, matched = family[f"caffe_match_{number}_pos"], family[f"caffe_match_{number}_match"]
            offsets[image, positive] = family[f"caffe_match_{number}_loc_t"][:, YX]
            labels[image, positive] = family_recipe.gt_set(number)[1][matched] + 1
    return offsets, labels


@pytest.mark.parametrize(
    ("case", "sets"),
    [
        ("normal", (2, 5, 7, 19)),
        ("one_image_without_positives", (4, None, 6)),
        ("all_without_positives", (None, None)),
        ("equal_logits", (3, 5)),
    ],
)
def test_loss_is_caffe_s(family, case, sets):
    pred_offsets, logits, _ = family_recipe.loss_case(case)
    offsets, labels = caffe_targets(family, sets)
    predicted = [tf.constant(pred_offsets[..., YX]), tf.constant(logits)]
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        parts = multibox_loss_parts(labels, offsets, predicted[1], predicted[0], spec_loss=CAFFE.loss)
        total = tf.reduce_mean(parts.localization + parts.classification)
    gradients = [np.linalg.norm(gradient) for gradient in tape.gradient(total, predicted)]
    # Caffe sums thousands of float32 numbers in a row: it has 12.17805 for 4 ln 21, which is 12.17809.
    found = [tf.reduce_mean(parts.localization), tf.reduce_mean(parts.classification), *gradients]
    np.testing.assert_allclose(found, family[f"caffe_loss_{case}"], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("number", range(7))
def test_detections_are_caffe_s(family, number):
    offsets, logits = family_recipe.prediction(number)
    found = ssd_tf.detect(CAFFE, offsets[None][..., YX], logits[None])
    count = int(found.count[0])
    rows = family[f"caffe_detect_{number}"]
    rows = rows[np.argsort(-rows[:, 1], kind="stable")]
    assert count == len(rows)
    np.testing.assert_allclose(found.scores[0, :count], rows[:, 1], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found.classes[0, :count], rows[:, 0])
    np.testing.assert_allclose(found.boxes[0, :count], rows[:, 2:][:, YX], rtol=0, atol=2e-6)


def test_boxes_are_clipped_before_suppression_where_the_spec_says_so():
    spec = dataclasses.replace(SSD300, detection=Detection(clip_boxes=True, iou_threshold=0.9))
    rng = np.random.default_rng(0)
    offsets = rng.normal(0, 4, (1, spec.num_anchors, 4)).astype(np.float32)
    logits = rng.normal(0, 3, (1, spec.num_anchors, 2)).astype(np.float32)
    clipped, plain = (ssd_tf.detect(one, offsets, logits) for one in (spec, SSD300))
    assert tf.reduce_min(clipped.boxes) == 0 and tf.reduce_max(clipped.boxes) == 1
    assert tf.reduce_min(plain.boxes) < 0
    decoded = tf.clip_by_value(decode_boxes(ssd_tf.default_boxes(spec), offsets, spec.variances), 0, 1)[0].numpy()
    kept = clipped.boxes[0, : int(clipped.count[0])].numpy()
    assert all((np.abs(decoded - box).max(axis=1) < 1e-6).any() for box in kept)

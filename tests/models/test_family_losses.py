# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The losses of amdegroot's and torchvision's detectors, against what their own code gave."""

import dataclasses

import family_recipe
import numpy as np
import pytest
import tensorflow as tf
import torchvision_recipe

import ssd_tf
from ssd_tf.models.losses import multibox_loss_parts
from tests.family import SWAPPED, padded, torchvision_targets

# float32 sums of thousands of numbers in another order. Measured: 1e-6.
LOSS = 1e-5


@pytest.fixture(scope="module")
def published(golden):
    return {name: np.load(golden / f"{name}.npz") for name in ("vgg", "torchvision")}


def losses(spec, offsets, labels, pred_offsets, logits):
    """(localization, classification) of the batch, norms of both gradients, anchors with a gradient of the logits."""
    predicted = [tf.constant(pred_offsets[..., SWAPPED]), tf.constant(logits)]
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        parts = multibox_loss_parts(labels, offsets, predicted[1], predicted[0], spec_loss=spec.loss)
        total = tf.reduce_mean(parts.localization + parts.classification)
    gradients = tape.gradient(total, predicted)
    norms = [np.linalg.norm(gradient) for gradient in gradients]
    chosen = np.flatnonzero(np.abs(gradients[1].numpy()).reshape(-1, logits.shape[-1]).max(axis=1))
    return [tf.reduce_mean(parts.localization), tf.reduce_mean(parts.classification), *norms], chosen


@pytest.mark.parametrize(
    ("case", "classes"),
    [
        ("normal", 21),
        ("one_image_without_positives", 21),
        pytest.param("many_positives", 21, marks=pytest.mark.proof),
        ("equal_logits", 21),
        pytest.param("normal", 81, marks=pytest.mark.proof),
        pytest.param("one_image_without_positives", 81, marks=pytest.mark.proof),
    ],
)
def test_loss_and_mined_negatives_are_amdegroot_s(published, case, classes):
    spec = ssd_tf.spec("ssd300_vgg16_amdegroot" if classes == 21 else "ssd300_vgg16")
    expected, key = published["vgg"], f"loss_{case}_{classes}"
    pred_offsets, logits, gts = family_recipe.loss_case(case, classes=classes)
    if classes == 81:  # of COCO's default boxes amdegroot clips, as of VOC's
        amdegroot = ssd_tf.spec("ssd300_vgg16_amdegroot")
        spec = dataclasses.replace(amdegroot, levels=spec.levels)
    boxes, targets = padded([(boxes, some + 1) for boxes, some in gts])
    offsets, labels = (part.numpy() for part in ssd_tf.match(spec, boxes, targets, jit_compile=False))
    positive = np.flatnonzero(labels)
    np.testing.assert_array_equal(positive, expected[f"{key}_pos"])
    np.testing.assert_array_equal(labels.reshape(-1)[positive], expected[f"{key}_label"])
    found, chosen = losses(spec, offsets, labels, pred_offsets, logits)
    np.testing.assert_allclose(found, expected[key], rtol=LOSS)
    if case != "equal_logits":  # where all negatives tie, which ones are mined is open
        np.testing.assert_array_equal(np.setdiff1d(chosen, positive), np.sort(expected[f"{key}_negatives"]))


TORCHVISION = {"ssd300": "ssd300_vgg16_torchvision", "ssdlite": "ssdlite320_mobilenet_v3_large"}


@pytest.mark.parametrize("case", torchvision_recipe.LOSS_CASES)
@pytest.mark.parametrize("short", [pytest.param("ssd300", marks=pytest.mark.proof), "ssdlite"])
def test_loss_and_mined_negatives_are_torchvision_s(published, short, case):
    spec, expected = ssd_tf.spec(TORCHVISION[short]), published["torchvision"]
    logits, pred_offsets, gts = torchvision_recipe.loss_case(case, short)
    offsets, labels = torchvision_targets(spec, gts)
    found, chosen = losses(spec, offsets, labels, pred_offsets, logits)
    theirs = expected[f"{short}_loss_{case}"].copy()
    if case == "many_positives":
        # Of the first image more than a quarter is positive; torchvision then counts positives twice, as does MLPerf.
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits).numpy()
        found[1] += entropy[counted_twice(labels, spec.loss.negatives_per_positive)].sum() / np.count_nonzero(labels)
        np.testing.assert_allclose(found[:3], theirs[:3], rtol=LOSS)
        return
    np.testing.assert_allclose(found, theirs, rtol=LOSS, atol=1e-9)
    if f"{short}_loss_{case}_selected" in expected:
        np.testing.assert_array_equal(chosen, np.sort(expected[f"{short}_loss_{case}_selected"]))


def counted_twice(labels, ratio):
    """bool [B, A]: positives that torchvision's ranking reaches once it runs out of negatives; here all or none."""
    positives = np.count_nonzero(labels, axis=1)
    too_many = ratio * positives - (labels.shape[1] - positives)
    assert all(count <= 0 or count >= total for count, total in zip(too_many, positives, strict=True))
    return (labels > 0) & (too_many > 0)[:, None]

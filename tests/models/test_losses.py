# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The multibox loss against the reference's on recorded cases, against plain NumPy, and its gradients at the edges.

Golden inputs are (N, 4, A) and (N, C, A) in the reference's order of anchors, targets as boxes; here they are turned
into ours.
"""

import dataclasses
import json

import keras
import numpy as np
import pytest
import recipe
import tensorflow as tf

import ssd_tf
from ssd_tf.models.losses import MLPERF_LOSS, multibox_loss_parts
from ssd_tf.settings import LossConfig
from tests.models.loss_cases import RELATIVE, gradients, random_case

# `many_positives` and `zero_area_box` are left out: there the reference counts positives twice, and is infinite.
GOLDEN_CASES = (
    "normal",
    "one_image_without_positives",
    "all_images_without_positives",
    "ties",
    "one_class",
    "saturated_background",
    "perfect",
)


@pytest.fixture(scope="module")
def golden_case(golden, reference_order):
    """A function from the name of a case to its inputs in our layout, and what the reference found."""
    encoded, found = np.load(golden / "encode.npz"), json.loads((golden / "loss.json").read_text())
    anchors = ssd_tf.default_boxes("ssd300_resnet34").astype(np.float64)

    def make(case):
        pred_offsets, pred_logits, boxes, labels = recipe.loss_case(case, encoded)
        pred_offsets, boxes = (
            x.transpose(0, 2, 1)[:, reference_order][..., [1, 0, 3, 2]] for x in (pred_offsets, boxes)
        )
        shift = (boxes[..., :2] - anchors[:, :2]) / anchors[:, 2:] / 0.1
        scale = np.log(boxes[..., 2:] / anchors[:, 2:]) / 0.2
        offsets = np.concatenate([shift, scale], axis=-1)
        logits = pred_logits.transpose(0, 2, 1)[:, reference_order]
        return (labels[:, reference_order], offsets, logits, pred_offsets), found[case]["f32"]

    return make


def plain_loss(labels, offsets, pred_logits, pred_offsets):
    """The reference's formula, image by image in float64; positives are never mined."""
    result = []
    for label, target, logits, predicted in zip(labels, offsets, pred_logits, pred_offsets, strict=True):
        positive, logits = label > 0, logits.astype(np.float64)
        top = logits.max(axis=1)
        entropy = top + np.log(np.exp(logits - top[:, None]).sum(axis=1)) - logits[np.arange(len(label)), label]
        difference = np.abs(predicted.astype(np.float64) - target)
        smooth_l1 = np.where(difference < 1, 0.5 * difference**2, difference - 0.5).sum(axis=1)
        hardest = np.sort(entropy[~positive])[::-1][: 3 * positive.sum()]
        total = smooth_l1[positive].sum() + entropy[positive].sum() + hardest.sum()
        result.append(total / positive.sum() if positive.any() else 0.0)
    return np.array(result)


@pytest.mark.parametrize("case", GOLDEN_CASES)
def test_loss_is_the_reference_s(golden_case, case):
    inputs, reference = golden_case(case)
    loss = ssd_tf.multibox_loss(*inputs).numpy()
    np.testing.assert_allclose(loss, reference["per_image"], rtol=RELATIVE, atol=0)
    assert loss.mean() == pytest.approx(reference["total"], rel=RELATIVE)


@pytest.mark.parametrize("spec_loss", [MLPERF_LOSS, dataclasses.replace(MLPERF_LOSS, normalized_by="batch")])
def test_background_image_counts_with_the_hardest_negatives_of_one_object(spec_loss):
    labels, offsets, logits, predicted = random_case(positives=(4, 0, 0))
    background = tf.constant([False, True, False])
    found = multibox_loss_parts(labels, offsets, logits, predicted, spec_loss=spec_loss, background_b=background)
    without = multibox_loss_parts(labels, offsets, logits, predicted, spec_loss=spec_loss)
    top = logits[1].max(axis=1)
    entropy = top + np.log(np.exp(logits[1] - top[:, None]).sum(axis=1)) - logits[1, :, 0]
    # Three negatives, divided by one positive; or by the batch's 4 of 3 images.
    divisor = 1 if spec_loss.normalized_by == "image" else 4 / 3
    assert float(found.classification[1]) == pytest.approx(np.sort(entropy)[-3:].sum() / divisor, rel=RELATIVE)
    assert found.positives.numpy().tolist() == [4, 0, 0] and found.localization[1] == 0
    for k in (0, 2):  # a faulty image has no positives either, and counts 0
        assert found.classification[k] == without.classification[k]
    assert without.classification[1] == found.classification[2] == 0


def test_background_image_counts_with_all_its_negatives_in_the_focal_loss():
    labels, offsets, logits, predicted = random_case(positives=(4, 0, 0))
    config = LossConfig("focal")
    found = multibox_loss_parts(
        labels, offsets, logits, predicted, config, background_b=tf.constant([False, True, False])
    )
    background = np.exp(logits[1, :, 0]) / np.exp(logits[1]).sum(axis=1)
    expected = (0.75 * (1 - background) ** 2 * -np.log(background)).sum()  # alpha 0.25, gamma 2
    assert float(found.classification[1]) == pytest.approx(expected, rel=RELATIVE)
    assert found.classification[2] == 0


def test_parts_are_the_reference_s(golden_case):
    inputs, reference = golden_case("normal")
    parts = multibox_loss_parts(*inputs)
    positives = np.array(reference["positives"])
    np.testing.assert_array_equal(parts.positives, positives)
    np.testing.assert_allclose(parts.localization, reference["loc_sum"] / positives, rtol=RELATIVE)
    np.testing.assert_allclose(parts.classification, reference["conf_sum"] / positives, rtol=RELATIVE)


def test_gradients_have_the_reference_s_norm(golden_case):
    inputs, reference = golden_case("normal")
    logits_gradient, offsets_gradient = gradients(*inputs)
    assert np.linalg.norm(logits_gradient) == pytest.approx(reference["grad_conf_norm"], rel=RELATIVE)
    assert np.linalg.norm(offsets_gradient) == pytest.approx(reference["grad_loc_norm"], rel=RELATIVE)


@pytest.mark.parametrize("seed", range(3))
def test_loss_is_that_of_a_plain_computation(seed):
    inputs = random_case(seed)
    np.testing.assert_allclose(ssd_tf.multibox_loss(*inputs), plain_loss(*inputs), rtol=RELATIVE)


def test_loss_by_hand():
    # One positive of class 1 with probability 1/2 and offsets 0.5 and 2 off; three of the four negatives, whose
    # background has probability 1/2, 1/4, 1/8 and 3/4, are mined: 0.125 + 1.5 + log(2) + (1 + 2 + 3) log(2).
    probability = [[0.5, 0.5], [0.5, 0.5], [0.25, 0.75], [0.125, 0.875], [0.75, 0.25]]
    pred_offsets = np.zeros((1, 5, 4), np.float32)
    pred_offsets[0, 0] = [0.5, -2.0, 0, 0]
    pred_offsets[0, 1:] = 9  # where nothing is, no offset counts
    loss = ssd_tf.multibox_loss([[1, 0, 0, 0, 0]], np.zeros((1, 5, 4)), np.log([probability]), pred_offsets)
    np.testing.assert_allclose(loss, [1.625 + 7 * np.log(2)], rtol=1e-6)


def test_three_negatives_are_mined_for_each_positive():
    labels, *rest = random_case(positives=(4, 1, 2))
    logits_gradient, _ = gradients(labels, *rest)
    counted = (logits_gradient != 0).any(axis=-1)
    np.testing.assert_array_equal(counted[labels > 0], True)
    assert (counted & (labels == 0)).sum(axis=1).tolist() == [12, 3, 6]


def test_of_equal_negatives_exactly_as_many_are_mined_and_the_first_ones():
    labels, offsets, logits, pred_offsets = random_case(positives=(4, 1, 2))
    logits_gradient, _ = gradients(labels, offsets, np.zeros_like(logits), pred_offsets)
    counted = (logits_gradient != 0).any(axis=-1)
    for b, wanted in enumerate((12, 3, 6)):
        negatives = np.flatnonzero(labels[b] == 0)
        np.testing.assert_array_equal(np.flatnonzero(counted[b] & (labels[b] == 0)), negatives[:wanted])


def test_all_negatives_count_where_there_are_fewer_than_three_a_positive():
    inputs = random_case(anchors=10, positives=(5, 8, 9))
    logits_gradient, _ = gradients(*inputs)
    assert (logits_gradient != 0).any(axis=-1).all()
    np.testing.assert_allclose(ssd_tf.multibox_loss(*inputs), plain_loss(*inputs), rtol=RELATIVE)


def test_only_positives():
    inputs = random_case(anchors=10, positives=(10, 10, 10))
    np.testing.assert_allclose(ssd_tf.multibox_loss(*inputs), plain_loss(*inputs), rtol=RELATIVE)
    for gradient in gradients(*inputs):
        assert np.isfinite(gradient).all()
        assert (gradient != 0).any(axis=-1).all()


def test_image_without_positives_has_loss_and_gradient_zero_and_leaves_the_others_alone():
    inputs = random_case(positives=(4, 0, 2))
    loss = ssd_tf.multibox_loss(*inputs).numpy()
    assert loss[1] == 0
    np.testing.assert_allclose(loss, plain_loss(*inputs), rtol=RELATIVE)
    for gradient in gradients(*inputs):
        assert not gradient[1].any()
        assert gradient[0].any()
        assert gradient[2].any()


def test_no_positives_at_all():
    inputs = random_case(positives=(0, 0, 0))
    assert ssd_tf.multibox_loss(*inputs).numpy().tolist() == [0, 0, 0]
    for gradient in gradients(*inputs):
        assert not gradient.any()  # NaN would count as true


@pytest.mark.parametrize("size", [1e4, 1e30])
@pytest.mark.parametrize("positives", [(4, 1, 2), (40, 40, 40), (0, 0, 0)], ids=["some", "all", "none"])
def test_huge_logits_and_offsets_have_finite_loss_and_gradients(size, positives):
    labels, offsets, logits, pred_offsets = random_case(positives=positives)
    inputs = labels, offsets, logits * np.float32(size), pred_offsets * np.float32(size)
    assert np.isfinite(ssd_tf.multibox_loss(*inputs)).all()
    for gradient in gradients(*inputs):
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() <= 1  # cross entropy and smooth L1 have slopes up to 1


def test_offsets_of_negatives_do_not_count():
    labels, offsets, logits, pred_offsets = random_case()
    _, offsets_gradient = gradients(labels, offsets, logits, pred_offsets)
    np.testing.assert_array_equal((offsets_gradient != 0).any(axis=-1), labels > 0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_predictions_are_summed_in_float32(dtype):
    labels, offsets, logits, pred_offsets = random_case()
    halves = [tf.cast(x, dtype) for x in (logits, pred_offsets)]
    loss = ssd_tf.multibox_loss(labels, offsets, *halves)
    assert loss.dtype == tf.float32
    expected = plain_loss(labels, offsets, *(tf.cast(x, tf.float32).numpy() for x in halves))
    np.testing.assert_allclose(loss, expected, rtol=RELATIVE)


@pytest.mark.parametrize(
    ("position", "shape", "message"),
    [
        (1, (3, 41, 4), "offsets: expected shape"),
        (1, (3, 40, 5), "offsets: expected shape"),
        (2, (3, 41, 6), "pred_logits: expected shape"),
        (2, (2, 40, 6), "pred_logits: expected shape"),
        (3, (3, 40), "pred_offsets: expected shape"),
        (3, (1, 40, 4), "pred_offsets: expected shape"),
    ],
)
def test_wrong_shape_is_refused(position, shape, message):
    inputs = list(random_case())
    inputs[position] = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match=message):
        ssd_tf.multibox_loss(*inputs)


def test_layer_equals_the_function():
    inputs = random_case()
    np.testing.assert_array_equal(ssd_tf.MultiBoxLoss()(*inputs), ssd_tf.multibox_loss(*inputs))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_layer_computes_in_float32_under_a_mixed_policy(policy):
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(policy)
    try:
        loss = ssd_tf.MultiBoxLoss()(*random_case())
    finally:
        keras.mixed_precision.set_global_policy(before)
    assert loss.dtype == tf.float32
    # Inputs cast to half precision would be off by 1e-3.
    np.testing.assert_array_equal(loss, ssd_tf.multibox_loss(*random_case()))


def test_layer_survives_its_config():
    layer = ssd_tf.MultiBoxLoss(name="multibox")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert isinstance(again, ssd_tf.MultiBoxLoss)
    assert (again.name, again.compute_dtype) == ("multibox", "float32")
    assert ssd_tf.MultiBoxLoss.from_config(layer.get_config()).name == "multibox"
    np.testing.assert_array_equal(again(*random_case()), ssd_tf.multibox_loss(*random_case()))


def test_layer_serves_in_a_model_that_is_saved_and_loaded(tmp_path):
    labels = keras.Input((40,), dtype="int32")
    offsets, logits, pred_offsets = keras.Input((40, 4)), keras.Input((40, 6)), keras.Input((40, 4))
    loss = ssd_tf.MultiBoxLoss()(labels, offsets, logits, pred_offsets)
    assert (loss.shape, loss.dtype) == ((None,), "float32")
    keras.Model([labels, offsets, logits, pred_offsets], loss).save(tmp_path / "loss.keras")
    model = keras.saving.load_model(tmp_path / "loss.keras")
    np.testing.assert_allclose(model(list(random_case())), plain_loss(*random_case()), rtol=RELATIVE)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_runs_inside_a_function_of_ones_own(jit_compile):
    inputs = random_case()
    compiled = tf.function(ssd_tf.multibox_loss, jit_compile=jit_compile)
    np.testing.assert_allclose(compiled(*inputs), plain_loss(*inputs), rtol=RELATIVE)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The focal loss and the weights of classes against plain NumPy and by hand, and settings out of range."""

import numpy as np
import pytest

from ssd_tf.models.losses import REFERENCE_LOSS, check_loss_config, multibox_loss_parts
from ssd_tf.settings import LossConfig
from tests.models.loss_cases import RELATIVE, gradients, plain_entropy, random_case


def plain_focal(labels, pred_logits, gamma, alpha):
    """Lin et al., equation 5, with the softmax's probability p of the true class: alpha (1 - p)^gamma (-log p)."""
    entropy = plain_entropy(labels, pred_logits)
    balance = np.where(labels > 0, alpha, 1 - alpha)
    total = (balance * (1 - np.exp(-entropy)) ** gamma * entropy).sum(axis=1)
    positives = (labels > 0).sum(axis=1)
    return np.where(positives > 0, total / np.maximum(positives, 1), 0.0)


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.5, 0.9), (0.0, 0.3), (5.0, 0.0), (1.0, 1.0)])
def test_focal_loss_is_that_of_a_plain_computation(gamma, alpha):
    inputs = labels, _, pred_logits, _ = random_case()
    parts = multibox_loss_parts(*inputs, LossConfig("focal", gamma, alpha))
    expected = plain_focal(labels, pred_logits, gamma, alpha)
    assert (expected > 0).all()
    np.testing.assert_allclose(parts.classification, expected, rtol=RELATIVE)
    # The other term and the count are those of the multibox loss.
    multibox = multibox_loss_parts(*inputs)
    np.testing.assert_array_equal(parts.localization, multibox.localization)
    np.testing.assert_array_equal(parts.positives, multibox.positives)


def test_focal_loss_by_hand():
    # A positive with p = 1/2 and negatives with p = 3/4 and 1/2; alpha 1/4, gamma 2:
    # 1/4 * 1/4 * log(2) + 3/4 * (1/16 * log(4/3) + 1/4 * log(2)) = log(2) / 4 + 3 / 64 * log(4/3).
    logits = np.log([[[0.5, 0.5], [0.75, 0.25], [0.5, 0.5]]])
    zeros = np.zeros((1, 3, 4))
    parts = multibox_loss_parts([[1, 0, 0]], zeros, logits, zeros, LossConfig("focal"))
    np.testing.assert_allclose(parts.classification, [np.log(2) / 4 + 3 / 64 * np.log(4 / 3)], rtol=1e-6)


def test_focal_loss_without_focus_is_half_the_cross_entropy_of_all_anchors():
    # gamma 0 takes the focus away, alpha 1/2 the balance: a factor of 1/2 is left.
    inputs = labels, _, pred_logits, _ = random_case()
    parts = multibox_loss_parts(*inputs, LossConfig("focal", focal_gamma=0.0, focal_alpha=0.5))
    expected = 0.5 * plain_entropy(labels, pred_logits).sum(axis=1) / (labels > 0).sum(axis=1)
    np.testing.assert_allclose(parts.classification, expected, rtol=RELATIVE)


def test_focal_loss_counts_every_negative():
    # The multibox loss of the same case mines 12, 3 and 6 of them.
    logits_gradient, _ = gradients(*random_case(), LossConfig("focal"))
    assert (logits_gradient != 0).any(axis=-1).all()


def test_focal_loss_of_an_image_without_positives_is_zero_with_zero_gradient():
    inputs = labels, _, pred_logits, _ = random_case(positives=(4, 0, 2))
    config = LossConfig("focal")
    parts = multibox_loss_parts(*inputs, config)
    assert parts.localization.numpy()[1] + parts.classification.numpy()[1] == 0
    np.testing.assert_allclose(parts.classification, plain_focal(labels, pred_logits, 2.0, 0.25), rtol=RELATIVE)
    for gradient in gradients(*inputs, config):
        assert not gradient[1].any()  # NaN would count as true
        assert gradient[0].any()
        assert gradient[2].any()


@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.parametrize("size", [10, 1e4, 1e30])
def test_focal_loss_has_finite_gradients_at_saturated_logits(gamma, size):
    # Sure and right, p is 1 in float32: the slope of (1 - p)^0.5 there is infinite. Sure and wrong, p is 0.
    labels, offsets, logits, pred_offsets = random_case()
    inputs = labels, offsets, logits * np.float32(size), pred_offsets
    config = LossConfig("focal", focal_gamma=gamma)
    if size > 10:
        assert (plain_right(labels, inputs[2]) & (labels == 0)).any()
        assert (plain_right(labels, inputs[2]) & (labels > 0)).any()
        assert (~plain_right(labels, inputs[2])).any()
    assert np.isfinite(multibox_loss_parts(*inputs, config).classification).all()
    for gradient in gradients(*inputs, config):
        assert np.isfinite(gradient).all()
        assert gradient.any()


def plain_right(labels, pred_logits):
    """bool [B, A]: the true class has the highest logit."""
    return pred_logits.argmax(axis=-1) == labels


def test_class_weight_counts_its_class_s_positives_by_hand():
    # Positives of class 1 with probability 1/2 and of class 2 with probability 1/4; the weight of class 2 is 2. All of
    # the three negatives, of background 1/2, 1/4 and 1/8, are mined: (1 + 2 * 2 + (1 + 2 + 3)) log(2) / 2 positives.
    probability = [[0.25, 0.5, 0.25], [0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.125, 0.375, 0.5]]
    zeros = np.zeros((1, 5, 4))
    config = LossConfig(class_weights=(1.0, 2.0))
    parts = multibox_loss_parts([[1, 2, 0, 0, 0]], zeros, np.log([probability]), zeros, config)
    np.testing.assert_allclose(parts.classification, [5.5 * np.log(2)], rtol=1e-6)


@pytest.mark.parametrize("loss", ["multibox", "focal"])
def test_class_weight_of_two_adds_the_term_of_that_class_s_positives_once_more(loss):
    inputs = labels, _, pred_logits, _ = random_case(positives=(6, 8, 7))
    weighted_class = int(np.median(labels[labels > 0]))
    weights = tuple(2.0 if k == weighted_class else 1.0 for k in range(1, 6))
    plain, weighted = (
        multibox_loss_parts(*inputs, LossConfig(loss, class_weights=class_weights)) for class_weights in ((), weights)
    )
    entropy = plain_entropy(labels, pred_logits)
    term = entropy if loss == "multibox" else 0.25 * (1 - np.exp(-entropy)) ** 2 * entropy
    more = np.where(labels == weighted_class, term, 0).sum(axis=1) / (labels > 0).sum(axis=1)
    assert more.any()
    # The difference of two sums ten times as large.
    np.testing.assert_allclose(
        weighted.classification.numpy() - plain.classification.numpy(), more, rtol=0, atol=10 * RELATIVE
    )
    np.testing.assert_array_equal(weighted.localization, plain.localization)


def test_class_weights_leave_mining_alone():
    # Weights so unequal that a weighted loss would rank all anchors otherwise.
    inputs = labels, _, _, _ = random_case(positives=(4, 1, 2))
    plain, _ = gradients(*inputs)
    weighted, _ = gradients(*inputs, LossConfig(class_weights=(100.0, 1e-3, 50.0, 1e-3, 7.0)))
    np.testing.assert_array_equal((weighted != 0).any(axis=-1), (plain != 0).any(axis=-1))
    np.testing.assert_array_equal(weighted[labels == 0], plain[labels == 0])
    assert (weighted[labels > 0] != plain[labels > 0]).any(axis=-1).all()


def test_class_of_weight_zero_is_not_learnt_but_counts_as_positive():
    inputs = labels, _, _, _ = random_case(positives=(6, 8, 7))
    config = LossConfig(class_weights=(0.0,) * 5)
    logits_gradient, _ = gradients(*inputs, config)
    counted = (logits_gradient != 0).any(axis=-1)
    assert not counted[labels > 0].any()
    assert counted.sum(axis=1).tolist() == [18, 24, 21]  # three negatives a positive
    np.testing.assert_array_equal(multibox_loss_parts(*inputs, config).positives, [6, 8, 7])


def test_class_weights_of_one_give_the_reference_s_loss_bit_for_bit():
    inputs = random_case()
    ones = LossConfig(class_weights=(1.0,) * 5)
    for found, expected in zip(multibox_loss_parts(*inputs, ones), multibox_loss_parts(*inputs), strict=True):
        np.testing.assert_array_equal(found, expected)
    for found, expected in zip(gradients(*inputs, ones), gradients(*inputs), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert LossConfig() == REFERENCE_LOSS


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "hinge"}, "loss: expected multibox or focal. Received: 'hinge'"),
        ({"class_weights": (1.0,) * 4}, "class_weights: expected 5, one a class. Received: 4"),
        ({"class_weights": (1.0,) * 6}, "class_weights: expected 5, one a class. Received: 6"),
        ({"class_weights": (1.0, -0.5, 1.0, 1.0, 1.0)}, r"expected numbers, none below 0. Received: \(1.0, -0.5"),
        (
            {"class_weights": (1.0, float("nan"), 1.0, 1.0, 1.0)},
            r"expected numbers, none below 0. Received: \(1.0, nan",
        ),
        ({"focal_gamma": float("nan")}, "focal_gamma >= 0 .* Received: focal_gamma=nan"),
        ({"focal_alpha": 1.5}, r"focal_alpha in \[0, 1\]. Received: .*focal_alpha=1.5"),
        ({"focal_alpha": -0.1}, r"focal_alpha in \[0, 1\]. Received: .*focal_alpha=-0.1"),
        ({"focal_gamma": -1.0}, "focal_gamma >= 0 .* Received: focal_gamma=-1.0"),
    ],
)
def test_loss_settings_out_of_range_are_refused_by_name(settings, message):
    config = LossConfig(**settings)
    with pytest.raises(ValueError, match=message):
        check_loss_config(config, 5)
    with pytest.raises(ValueError, match=message):
        multibox_loss_parts(*random_case(), config)


def test_loss_settings_at_the_ends_of_their_ranges_are_taken():
    for config in (
        LossConfig(),
        LossConfig("focal", focal_gamma=0.0, focal_alpha=0.0, class_weights=(0.0,) * 5),
        LossConfig("focal", focal_alpha=1.0, class_weights=(1e6,) * 5),
    ):
        check_loss_config(config, 5)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Photometric distortion gives the pixels of PIL and of OpenCV, and draws its parameters as the references do."""

import json

import family_recipe
import numpy as np
import pytest
import tensorflow as tf
import torchvision_recipe

from ssd_tf.data import distortion
from ssd_tf.data.augmentation import example_seed
from ssd_tf.data.distortion import Distortion, distort, distort_unclipped, random_distortion

ALL = (0.0, 0.0, 1.0, 1.0)
# amdegroot's six orders of channels, and the turn from its BGR to RGB.
ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


@pytest.fixture(scope="module")
def paper(golden) -> dict:
    return json.loads((golden / "augment_paper.json").read_text()) | dict(np.load(golden / "augment_paper.npz"))


def parameters(factors, contrast_first=True, channels=(0, 1, 2), area=ALL) -> Distortion:
    """Of one image; a factor of None is not applied."""
    return Distortion(
        tf.constant([[factor or 0.0 for factor in factors]]),
        tf.constant([[factor is not None for factor in factors]]),
        tf.constant([contrast_first]),
        tf.constant([channels]),
        tf.constant([area]),
    )


def of_amdegroot(numbers) -> Distortion:
    """Its random numbers in the order in which it draws them; see `pixel_sequence_numbers` of the golden values."""
    left = iter(numbers)
    factors: list = [None] * 4

    def draw(place):
        if next(left):
            factors[place] = next(left) / (360.0 if place == 3 else 1.0)

    draw(0)
    contrast_first = bool(next(left))
    for place in (1, 2, 3) if contrast_first else (2, 3, 1):
        draw(place)
    order = ORDERS[int(next(left))] if next(left) else ORDERS[0]
    assert not list(left)
    return parameters(factors, contrast_first, [2 - order[2 - k] for k in range(3)])


@pytest.mark.parametrize("case", range(4))
def test_pixels_are_those_of_torchvision_on_pil_images(paper, case):
    given = paper["torchvision_photometric"][case]
    factors = [given[name] for name in ("brightness", "contrast", "saturation", "hue")]
    drawn = parameters(factors, given["contrast_before"], given["permutation"] or (0, 1, 2))
    image = torchvision_recipe.image_u8(6, case, 40, 56)
    np.testing.assert_array_equal(distort(tf.constant(image[None]), drawn)[0], paper[f"torchvision_photo_{case}_pil"])


@pytest.mark.parametrize("case", ["contrast_first", "contrast_last", "bright_then_dark", "nothing_but_hsv_round_trip"])
def test_pixels_are_those_of_amdegroot_on_float_images(paper, case):
    image = family_recipe.image_u8("augpix", 0, 48, 64)
    found = distort_unclipped(tf.constant(image[None]), of_amdegroot(paper["amdegroot_sequences"][case]))
    # The golden values are every fourth pixel, BGR. float32 of levels to 415.
    np.testing.assert_allclose(found[0, ::4, ::4, ::-1], paper[f"amdegroot_seq_{case}"], rtol=0, atol=1e-3)


def test_hsv_is_that_of_opencv_there_and_back(paper):
    image = tf.constant(family_recipe.image_u8("augpix", 0, 48, 64), tf.float32)
    hue, saturation, value = distortion.rgb_to_hsv(image)
    found = tf.concat([hue, saturation, value], axis=-1)
    np.testing.assert_allclose(found[::4, ::4], paper["amdegroot_pix_to_hsv"], rtol=0, atol=1e-3)
    np.testing.assert_allclose(distortion.hsv_to_rgb(hue, saturation, value), image, rtol=0, atol=1e-3)


@pytest.mark.parametrize("change", [distort, distort_unclipped])
def test_what_zoom_out_filled_keeps_its_colour(change):
    image = np.full((1, 8, 8, 3), (123, 117, 104), np.uint8)
    image[:, 2:6, 2:6] = torchvision_recipe.image_u8(6, 0, 4, 4)
    drawn = parameters((0.9, 1.4, 0.6, 0.04), True, (2, 0, 1), (0.25, 0.25, 0.75, 0.75))
    found = change(tf.constant(image), drawn).numpy()
    inside = np.zeros((8, 8), bool)
    inside[2:6, 2:6] = True
    np.testing.assert_array_equal(found[0][~inside], image[0][~inside])
    # And has no say in the mean that contrast turns about.
    alone = change(tf.constant(image[:, 2:6, 2:6]), drawn._replace(image_area=tf.constant([ALL]))).numpy()
    np.testing.assert_array_equal(found[:, 2:6, 2:6], alone)
    assert (np.abs(alone - image[:, 2:6, 2:6]) > 1).any()


@pytest.mark.parametrize("change", [distort, distort_unclipped])
def test_nothing_applied_changes_nothing(change):
    image = torchvision_recipe.image_u8(6, 1, 8, 8)[None]
    # The way to HSV and back in float32.
    np.testing.assert_allclose(change(tf.constant(image), parameters([None] * 4)), image, rtol=0, atol=1e-3)


def test_amdegroots_levels_are_not_clipped_and_torchvisions_are():
    white = tf.fill([1, 2, 2, 3], tf.constant(250, tf.uint8))
    assert distort_unclipped(white, parameters((32.0, 1.5, None, None))).numpy().max() == pytest.approx(423.0)
    assert distort(white, parameters((1.125, 1.5, None, None))).numpy().max() == 255.0


@pytest.mark.parametrize("change", [distort, distort_unclipped])
def test_images_of_a_batch_are_changed_apart_from_each_other_and_compiled_the_same(change):
    images = tf.constant(np.stack([torchvision_recipe.image_u8(6, k, 16, 16) for k in range(2)]))
    one = parameters((0.9, 1.4, 0.6, 0.04), True, (2, 0, 1))
    two = parameters((None, 0.7, None, -0.05), False)
    both = tf.nest.map_structure(lambda a, b: tf.concat([a, b], axis=0), one, two)
    found = tf.function(change, jit_compile=True)(images, both)
    # Fused multiply-adds round otherwise, and a level next to a whole number is cut to another one.
    expected = tf.concat([change(images[:1], one), change(images[1:], two)], axis=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1.001 if change is distort else 1e-3)
    assert (np.abs(found - expected) > 0.5).mean() < 0.02


@pytest.mark.parametrize("rule", ["torchvision", "amdegroot"])
def test_parameters_are_drawn_evenly_and_each_for_half_of_the_images(rule):
    dataset = tf.data.Dataset.range(5000, output_type=tf.int32).map(
        lambda d: random_distortion(example_seed(1, tf.constant(0), d), rule, tf.constant(ALL)), num_parallel_calls=2
    )
    drawn = next(dataset.batch(5000).as_numpy_iterator())
    ranges = distortion.TORCHVISION_RANGES if rule == "torchvision" else distortion.AMDEGROOT_RANGES
    for (low, high), values in zip(ranges, drawn.factors.T, strict=True):
        # Three standard errors of the mean of even numbers: 3 * (high - low) / sqrt(12 * 5000).
        assert abs(values.mean() - (low + high) / 2) < 3 * (high - low) / np.sqrt(12 * 5000)
        assert low <= values.min() < low + 0.01 * (high - low) and high - 0.01 * (high - low) < values.max() <= high
    coins = np.column_stack([drawn.applied, drawn.contrast_first])
    assert (np.abs(coins.mean(axis=0) - 0.5) < 3 * 0.5 / np.sqrt(5000)).all()
    assert np.abs(np.corrcoef(coins.T) - np.eye(5)).max() < 3 / np.sqrt(5000)
    # Each order for 1/12 of the images, the channels' own for 1/2 more.
    for order, share in zip(ORDERS, (7 / 12, *[1 / 12] * 5), strict=True):
        found = (drawn.channels == order).all(axis=1).mean()
        assert abs(found - share) < 3 * np.sqrt(share * (1 - share) / 5000)

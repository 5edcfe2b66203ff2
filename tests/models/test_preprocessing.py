# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Pixels become what each family of weights expects, and come back."""

import dataclasses

import family_recipe
import numpy as np
import pytest
import tensorflow as tf
import torchvision_recipe

import ssd_tf
from ssd_tf.data.images import resize
from ssd_tf.models.preprocessing import pixels_of
from ssd_tf.specs import Preprocessing

TINY = ssd_tf.spec("ssd128_tiny")
PIXELS = np.uint8([[[[0, 0, 0], [255, 255, 255], [51, 102, 204]]]])
# Caffe's VGG16: BGR minus its mean, not divided. SSDLite: -1 to 1.
CAFFE = Preprocessing((104.0, 117.0, 123.0), (1.0, 1.0, 1.0), divisor=1.0, channels="bgr")
SSDLITE = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def spec_with(preprocessing: Preprocessing):
    return dataclasses.replace(TINY, preprocessing=preprocessing)


def test_imagenet_statistics_by_hand():
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = [[[-mean / std, (1 - mean) / std, ([0.2, 0.4, 0.8] - mean) / std]]]
    for given in (PIXELS, PIXELS.astype(np.float32), tf.constant(PIXELS)):
        found = ssd_tf.preprocess(given, "ssd300_resnet34")
        assert found.dtype == tf.float32
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)  # float32 numbers up to 3


def test_caffe_takes_bgr_minus_a_mean():
    expected = [[[[-104, -117, -123], [151, 138, 132], [204 - 104, 102 - 117, 51 - 123]]]]
    np.testing.assert_array_equal(ssd_tf.preprocess(PIXELS, spec_with(CAFFE)), expected)


def test_ssdlite_takes_minus_one_to_one():
    expected = [[[[-1, -1, -1], [1, 1, 1], [-0.6, -0.2, 0.6]]]]
    np.testing.assert_allclose(ssd_tf.preprocess(PIXELS, spec_with(SSDLITE)), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("preprocessing", [Preprocessing(), CAFFE, SSDLITE], ids=["imagenet", "caffe", "ssdlite"])
def test_pixels_come_back(preprocessing):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), np.uint8)
    back = pixels_of(ssd_tf.preprocess(pixels, spec_with(preprocessing)), spec_with(preprocessing))
    assert back.dtype == tf.uint8
    np.testing.assert_array_equal(back, pixels)


def test_what_is_out_of_range_is_clipped():
    np.testing.assert_array_equal(pixels_of(tf.constant([[9.0, -9.0, 0.0]]), TINY), [[255, 0, 104]])


SIZES = [(480, 640), (640, 427), (150, 200), (320, 320), (300, 300)]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize(
    ("short", "detector"), [("ssd300", "ssd300_vgg16_torchvision"), ("ssdlite", "ssdlite320_mobilenet_v3_large")]
)
def test_input_is_torchvision_s(golden, short, detector, number):
    spec = ssd_tf.spec(detector)
    image = torchvision_recipe.image_u8(3, number, *SIZES[number])
    found = prepared(image, spec)
    index = torchvision_recipe.sample_index(found.size, 1500, f"pre{short}{number}")
    expected = np.load(golden / "torchvision.npz")[f"{short}_pixels_{number}"]
    require_equal_to_half_a_level(found.reshape(-1)[index][::5], expected, spec)


def test_input_of_1200_pixels_is_mlperf_inference_s(golden):
    spec = ssd_tf.spec("ssd1200_resnet34")
    found = prepared(family_recipe.image_u8("pre1200", 0, 427, 640), spec)
    index = family_recipe.sample_index(found.size, 2048, "pre1200")
    expected = np.load(golden / "vgg.npz")["r34_1200_pixels"]
    require_equal_to_half_a_level(found.reshape(-1)[index][::4], expected, spec)


def prepared(image, spec):
    """What the model gets of an image of any size, in PyTorch's layout."""
    resized = resize(tf.constant(image), spec.image_size, spec.preprocessing.antialias)
    return ssd_tf.preprocess(resized, spec).numpy().transpose(2, 0, 1)


def require_equal_to_half_a_level(found, expected, spec):
    # Resized pixels are rounded to whole levels, which the references' are not.
    how = spec.preprocessing
    tolerance = 0.5 / how.divisor / min(how.deviation)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1.02 * tolerance)
    # The mean error of rounding is a quarter of a level, where it is resized at all.
    assert np.abs(found - expected).mean() < 0.55 * tolerance

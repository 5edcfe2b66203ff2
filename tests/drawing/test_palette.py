# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Colours of classes in numbers: how far apart they are for every kind of sight, and how well text can be read."""

import numpy as np
import pytest

from ssd_tf.drawing.palette import class_color, contrast, contrasting

# What is seen of linear RGB: Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color
# Vision Deficiency", 2009, severity 1.0.
SIGHTS = {
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# Linear sRGB to CIE XYZ, IEC 61966-2-1; the white point is the sum of each row.
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def lab(colors, sight):
    """CIE Lab, [N, 3], of RGB in 0..255 as this sight has them."""
    srgb = np.array(colors) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(SIGHTS[sight]).T, 0, 1)
    xyz = seen @ TO_XYZ.T / TO_XYZ.sum(axis=1)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=-1)


def least_distance(colors, sight):
    points = lab(colors, sight)
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    return distances[np.triu_indices(len(points), 1)].min()


def test_first_24_class_colors_differ_and_stay_the_same():
    colors = [class_color(k) for k in range(24)]
    assert len(set(colors)) == 24
    assert all(0 <= v <= 255 for color in colors for v in color)
    assert class_color(1) == (86, 180, 233)  # Okabe and Ito's sky blue
    assert class_color(80) == class_color(80) == class_color(80 % 24)


def test_lab_of_white_and_of_red_is_as_in_tables():
    assert lab([(255, 255, 255)], "normal")[0] == pytest.approx([100, 0, 0], abs=0.01)
    assert lab([(255, 0, 0)], "normal")[0] == pytest.approx([53.24, 80.09, 67.20], abs=0.02)


@pytest.mark.parametrize("sight", SIGHTS)
def test_first_8_colors_are_far_apart_for_every_sight(sight):
    # Okabe and Ito's own blue-green and sky blue are 16.1 apart for tritanopes, so more cannot be had.
    assert least_distance([class_color(k) for k in range(8)], sight) > 16


@pytest.mark.parametrize("sight", SIGHTS)
def test_first_24_colors_can_be_distinguished_by_every_sight(sight):
    # A difference of 2 can just be seen.
    assert least_distance([class_color(k) for k in range(24)], sight) > 9


@pytest.mark.parametrize("k", range(24))
def test_text_on_every_color_has_the_contrast_that_wcag_asks_for(k):
    assert contrast(class_color(k), contrasting(class_color(k))) >= 4.5


def test_contrast_is_21_for_black_on_white_and_1_for_equal_colors():
    assert contrast((0, 0, 0), (255, 255, 255)) == contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    assert contrast((9, 99, 199), (9, 99, 199)) == 1
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.005)  # WCAG's well-known grey

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images keep their aspect whatever they are fitted into."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_tf.media.scaling import fit_within, letterbox, pad_to_even

SIDES = st.integers(1, 300)


def grey(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 200, np.uint8)


@given(SIDES, SIDES, SIDES, SIDES)
def test_image_fits_touches_a_side_and_keeps_its_aspect(width, height, to_width, to_height):
    fitted = fit_within(grey(width, height), (to_width, to_height))
    h, w = fitted.shape[:2]
    assert 1 <= w <= to_width and 1 <= h <= to_height
    assert w == to_width or h == to_height
    # Rounding moves a side by half a pixel, and one pixel is the least.
    scale = min(to_width / width, to_height / height)
    assert w == pytest.approx(max(1.0, width * scale), abs=0.51)
    assert h == pytest.approx(max(1.0, height * scale), abs=0.51)


def test_image_of_the_right_size_is_left_as_it_is():
    image = grey(30, 20)
    assert fit_within(image, (30, 99)) is image


def test_thin_lines_do_not_vanish_when_an_image_is_shrunk():
    image = np.zeros((400, 400, 3), np.uint8)
    image[:, 3::8] = 255
    # An eighth of the pixels are white: each pixel of the small image is an eighth of white.
    assert fit_within(image, (50, 50)).tolist() == np.full((50, 50, 3), 32).tolist()


@given(SIDES, SIDES, SIDES, SIDES)
def test_letterbox_has_the_size_and_black_bars(width, height, to_width, to_height):
    boxed = letterbox(grey(width, height), (to_width, to_height))
    assert boxed.shape == (to_height, to_width, 3)
    light = fit_within(grey(width, height), (to_width, to_height))
    assert (boxed == 200).sum() == light.size and (boxed == 0).sum() == boxed.size - light.size


def test_bars_are_even_on_both_sides():
    boxed = letterbox(grey(10, 10), (30, 10))
    assert boxed[0, :, 0].tolist() == [0] * 10 + [200] * 10 + [0] * 10


@pytest.mark.parametrize(("size", "even"), [((5, 7), (6, 8)), ((4, 7), (4, 8)), ((1, 2), (2, 2)), ((4, 6), (4, 6))])
def test_odd_sides_repeat_their_last_row_and_column(size, even):
    image = np.arange(size[0] * size[1] * 3, dtype=np.uint8).reshape(size[1], size[0], 3)
    padded = pad_to_even(image)
    assert padded.shape == (even[1], even[0], 3)
    np.testing.assert_array_equal(padded[: size[1], : size[0]], image)
    np.testing.assert_array_equal(padded[-1, -1], image[-1, -1])

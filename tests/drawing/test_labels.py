# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Rendered labels: their size, their colours, and names that are too long."""

import numpy as np
import pytest

from ssd_tf.drawing.labels import fit_text, label_size, render_label
from ssd_tf.drawing.palette import class_color, contrasting


@pytest.mark.parametrize("text", ["", "cat 0.87", "γάτα", "猫", "Ǻỵ", "cat 猫 0.87", "قطة 0.87", "x 0.50\n"])
@pytest.mark.parametrize("font_size", [1, 12, 48])
def test_label_has_the_size_that_was_asked_for(text, font_size):
    assert render_label(text, class_color(1), font_size).shape == (*label_size(text, font_size), 3)


@pytest.mark.parametrize("k", range(24))
def test_text_is_in_the_contrasting_color_on_the_color_of_the_class(k):
    color = class_color(k)
    pixels = render_label("III", color, 40)
    assert np.all(pixels == contrasting(color), axis=-1).sum() > 300  # three bars of some 5 x 29 pixels
    assert np.all(pixels == color, axis=-1).mean() > 0.5


def test_edge_is_darker_than_the_label():
    pixels = render_label("cat", (100, 200, 50), 12)
    for side in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (side == (60, 120, 30)).all()


@pytest.mark.parametrize("text", ["Ågjpqyỵ|", "cat 猫 0.87", "قطة 0.87", "ஸ்ரீ", "ཀྵྲ", "แมวไม้", "बिल्ली", "猫", "قطة"])
def test_letters_are_not_cut_off(text):
    # Letters that reach out of the label would lie on its edge of a pixel, which is drawn first and is 0.6 x 255.
    # So would the escapes, where the system has no font for the script.
    pixels = render_label(text, (255, 255, 255), 30)
    for side in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (side == 153).all()
    rows = (pixels[..., 0] < 64).any(axis=-1)
    assert np.count_nonzero(rows) > len(pixels) / 3  # and the label is no taller than it must be


def test_name_looks_the_same_whatever_its_score():
    one, other = (render_label(f"cat {score}", class_color(2), 20) for score in ("0.50", "0.87"))
    name = label_size("cat", 20)[1] - 4  # without the margin on its right
    np.testing.assert_array_equal(one[:, :name], other[:, :name])
    assert not np.array_equal(one, other)


def test_kept_labels_cannot_be_painted_on():
    pixels = render_label("cat 0.50", class_color(2), 12)
    with pytest.raises(ValueError, match="read-only"):
        pixels[:] = 0
    assert render_label("cat 0.50", class_color(2), 12) is pixels


def test_text_that_fits_stays_as_it_is():
    width = label_size("cat 0.87", 12)[1]
    assert fit_text("cat", " 0.87", 12, width) == "cat 0.87"
    assert fit_text("cat", "", 12, width) == "cat"


def test_long_name_is_shortened_and_the_score_kept():
    text = fit_text("caterpillar" * 9, " 0.87", 12, 150)
    assert text.startswith("caterp") and text.endswith("… 0.87")
    assert 135 < label_size(text, 12)[1] <= 150  # within a letter of the width


def test_one_letter_stays_however_narrow_the_image():
    assert fit_text("cat", " 0.87", 12, 1) == "c… 0.87"
    assert fit_text("", " 0.87", 12, 1) == " 0.87"

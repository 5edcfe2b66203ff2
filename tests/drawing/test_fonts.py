# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Fonts for names: which font draws which character. The other fonts are those that come with matplotlib."""

import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf.drawing.fonts import default_font, fonts_by_character, load, runs

FOLDER = pathlib.Path(default_font()).parent
STIX, SERIF = str(FOLDER / "STIXGeneral.ttf"), str(FOLDER / "DejaVuSerif.ttf")
CIRCLED_L = "\u24c1"  # in STIX, not in DejaVu Sans Bold


@pytest.fixture(scope="module")
def stix():
    return fonts_by_character([STIX])


def test_text_of_known_letters_is_one_run():
    assert runs("γάτα кошка cat 0.87", {}) == ((default_font(), "γάτα кошка cat 0.87"),)
    assert runs("", {}) == ()


def test_character_that_the_default_font_lacks_is_drawn_in_another(stix):
    expected = ((default_font(), "a "), (STIX, CIRCLED_L * 2), (default_font(), " b"))
    assert runs(f"a {CIRCLED_L * 2} b", stix) == expected


def test_character_that_no_font_has_is_escaped(stix):
    assert runs("a猫", stix) == ((default_font(), r"a\u732b"),)
    assert runs(CIRCLED_L, {}) == ((default_font(), r"\u24c1"),)
    assert runs("😀", {}) == ((default_font(), "😀"),)  # DejaVu Sans has the faces


def test_controls_are_escaped_and_invisible_marks_left_out():
    assert runs("two\nlines\t", {}) == ((default_font(), r"two\nlines\t"),)
    assert runs("a\u2066b\u2069", {}) == ((default_font(), "ab"),)  # isolates, which no font here has


def test_accents_are_composed():
    assert runs("cafe\u0301", {}) == ((default_font(), "caf\u00e9"),)


def test_font_that_draws_nothing_for_a_character_is_not_taken():
    # As fonts of coloured emoji do, which list characters that have no outline. STIX leaves out what it lacks.
    assert runs("猫", {ord("猫"): STIX}) == ((default_font(), r"\u732b"),)


def test_first_font_of_the_list_that_has_a_character_draws_it():
    assert fonts_by_character([SERIF, STIX])[ord("a")] == SERIF
    assert fonts_by_character([STIX, SERIF])[ord("a")] == STIX
    assert fonts_by_character([SERIF, STIX])[ord(CIRCLED_L)] == STIX


def test_files_that_are_no_fonts_and_fonts_of_boxes_are_passed_over(tmp_path):
    (tmp_path / "bad.ttf").write_text("not a font")
    boxes = tmp_path / "LastResort-Regular.ttf"
    boxes.write_bytes(pathlib.Path(SERIF).read_bytes())
    found = fonts_by_character([str(tmp_path / "none.ttf"), str(tmp_path / "bad.ttf"), str(boxes), STIX])
    assert set(found.values()) == {STIX}


def test_more_fonts_are_found_by_themselves():
    # U+1D5B0 is in the regular DejaVu Sans, which is asked before those of the system, and not in the bold one.
    ((path, text),) = runs("\U0001d5b0")
    assert text == "\U0001d5b0" and pathlib.Path(path).name == "DejaVuSans.ttf"


@settings(max_examples=30, deadline=None)  # the first example looks through the fonts of the system
@given(st.text(max_size=20))
def test_every_run_can_be_drawn_in_its_font(text):
    for path, part in runs(text):
        known = fonts_by_character([path])
        assert part and all(ord(c) in known for c in part)
        assert load(path, 12).getlength(part) >= 0

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import os

import pytest

from ssd_tf.utils.text import counted, is_text, one_line, printable


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(0, "image", "0 images"), (1, "image", "1 image"), (1, "class", "1 class"), (2000, "class", "2000 classes")],
)
def test_numbers_with_their_noun(number, noun, text):
    assert counted(number, noun) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [("caf\xe9.jpg", "caf\xe9.jpg"), (os.fsdecode(b"a\xff\x80.jpg"), "a\\xff\\x80.jpg"), ("\ud800", "\\ud800")],
)
def test_names_that_are_no_text_are_shown_escaped(name, shown):
    assert printable(name) == shown and is_text(shown)
    assert is_text(name) == (name == shown)


def test_control_characters_do_not_reach_a_terminal():
    assert printable("a\0\x1b[31m\r\x7f\x9b\tb\nc") == "a\\x00\\x1b[31m\\x0d\\x7f\\x9b\tb\nc"
    assert one_line("per\nson\t\x1b") == "per\\nson\\t\\x1b"

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import pytest

from ssd_tf.utils.text import counted


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(0, "image", "0 images"), (1, "image", "1 image"), (1, "class", "1 class"), (2000, "class", "2000 classes")],
)
def test_numbers_with_their_noun(number, noun, text):
    assert counted(number, noun) == text

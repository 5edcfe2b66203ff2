# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A path says which format it is for, and one that contradicts the format asked for is refused."""

import pytest

from ssd_tf.export.formats import format_of


@pytest.mark.parametrize(
    ("output", "wanted", "expected"),
    [
        ("served/mine", None, "saved_model"),
        ("mine.tflite", None, "litert"),
        ("mine.onnx", None, "onnx"),
        ("mine.v2", "saved_model", "saved_model"),
        ("mine.tflite", "litert", "litert"),
        ("a.b/mine.onnx", "onnx", "onnx"),
    ],
)
def test_format_is_the_one_of_the_path_or_the_one_asked_for(output, wanted, expected):
    assert format_of(output, wanted) == expected


@pytest.mark.parametrize(
    ("output", "wanted", "words"),
    [
        ("mine.v2", None, "expected a file that ends in .tflite or .onnx, or a folder without an ending"),
        ("mine", "litert", "litert: expected a file that ends with .tflite. Received: mine"),
        ("mine.tflite", "onnx", "onnx: expected a file that ends with .onnx. Received: mine.tflite"),
        ("mine.tflite", "saved_model", "saved_model: expected a folder. Received: mine.tflite, which is a file's name"),
    ],
)
def test_path_that_says_nothing_or_something_else_is_refused(output, wanted, words):
    with pytest.raises(ValueError, match=words):
        format_of(output, wanted)

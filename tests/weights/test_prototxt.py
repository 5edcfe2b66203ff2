# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is read of protobuf's text format, and which line is named where it is none."""

import hypothesis
import pytest
from google.protobuf import struct_pb2, text_format
from hypothesis import strategies as st

from ssd_tf.weights.prototxt import (
    message_of,
    messages_of,
    number_of,
    numbers_of,
    parse_prototxt,
    read_prototxt,
    text_of,
    texts_of,
)
from tests.weights.caffe_files import refusal_of


def test_messages_values_and_comments_are_read():
    message = parse_prototxt(
        """name: 'net'  # a comment with { and "
        layer { name: "conv1" top: "a" top: "b"; weight: 1.5e-3f, order: [0, 2, 3 , 1] }
        layer: < type: POOLING flip: true > # with a colon and angles
        text: "one " 'and "two"' "\\"" """
    )
    first, second = messages_of(message, "layer")
    assert (text_of(message, "name", ""), texts_of(first, "top")) == ("net", ["a", "b"])
    assert (number_of(first, "weight", 0), numbers_of(first, "order")) == (0.0015, [0, 2, 3, 1])
    assert (text_of(second, "type", ""), text_of(second, "flip", "false")) == ("POOLING", "true")
    assert text_of(message, "text", "") == 'one and "two""'


def test_missing_fields_have_their_default():
    message = parse_prototxt("")
    assert message_of(message, "layer") == {} and messages_of(message, "layer") == []
    assert (text_of(message, "name", "net"), number_of(message, "step", 8)) == ("net", 8)


def test_last_value_of_a_field_counts():
    message = parse_prototxt("a: 1 a: 2 b { c: 1 } b { c: 2 }")
    assert number_of(message, "a", 0) == 2 and number_of(message_of(message, "b"), "c", 0) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("layer {\n name: 1", "line 2: expected a field's name or '}'. Received: the end of the file"),
        ("layer {\n }\n}", "line 3: expected a field's name. Received: '}'"),
        ("layer { >", "line 1: expected a field's name or '}'. Received: '>'"),
        ("a: }", "line 1: expected a value. Received: '}'"),
        ("a: [1 2]", "line 1: expected ',' or ']'. Received: '2'"),
        ("\n\na: 'no end\n'", "line 3: \"'no end?'\""),
        ("a: \x00", "line 1: '?'"),
        ('"a": 1', "line 1: expected a field's name. Received: 'a'"),
        ("a {" * 10**5, "line 1: messages are more than 20 deep"),
    ],
)
def test_text_that_is_no_prototxt_is_refused_by_its_line(text, reason):
    assert refusal_of(parse_prototxt, text) == f"is not a .prototxt: {reason}"


@pytest.mark.parametrize("value", ["x", "nan", "1e999", "1.2.3", "'2 3'"])
def test_number_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match=r"step: expected a number. Received: "):
        numbers_of(parse_prototxt(f"step: {value}"), "step")


def test_value_in_place_of_a_message_is_refused_and_the_other_way_round():
    message = parse_prototxt("a: 1 b { }")
    with pytest.raises(ValueError, match=r"a: expected a message in braces. Received: '1'"):
        messages_of(message, "a")
    with pytest.raises(ValueError, match=r"b: expected a value. Received: a message in braces"):
        texts_of(message, "b")


def test_file_s_path_is_named(tmp_path):
    path = tmp_path / "x.prototxt"
    with pytest.raises(FileNotFoundError, match=f"prototxt not found: {path}"):
        read_prototxt(path)
    path.write_bytes(b"\x89PNG\xff")
    with pytest.raises(ValueError, match=f"{path}: is not a .prototxt: it is not text"):
        read_prototxt(path)
    path.write_bytes(bytes(2**21 + 1))
    with pytest.raises(ValueError, match=f"{path}: has 2097153 bytes, which no .prototxt has"):
        read_prototxt(path)
    with pytest.raises(ValueError, match=f"{tmp_path}: is a folder or a device"):
        read_prototxt(tmp_path)


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126)), max_size=4))
def test_what_protobuf_writes_is_read(values):
    # A ListValue's text is `values { string_value: "..." }` for each value.
    written = text_format.MessageToString(
        struct_pb2.ListValue(values=[struct_pb2.Value(string_value=value) for value in values])
    )
    parts = messages_of(parse_prototxt(written), "values")
    assert [text_of(part, "string_value", "") for part in parts] == values


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(st.text("ab12:{}<>[],;\"'#\n \\.-\x00é", max_size=60))
def test_any_text_is_read_or_refused(text):
    assert len(refusal_of(parse_prototxt, text)) < 200

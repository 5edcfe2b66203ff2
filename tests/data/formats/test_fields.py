# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A field is converted as all readers take it, or refused in a line with entry, field and value."""

import math
import os

import pytest

from ssd_tf.data.formats import fields
from ssd_tf.utils.errors import UserError

OK = [
    (fields.flag, None, False),
    (fields.flag, "", False),
    (fields.flag, "0", False),
    (fields.flag, "1", True),
    (fields.flag, " False ", False),
    (fields.flag, "TRUE", True),
    (fields.flag, 0.0, False),
    (fields.flag, True, True),
    (fields.number, "1e3", 1000.0),
    (fields.number, math.inf, math.inf),
    (fields.area, "7.5", 7.5),
    (fields.whole, "200", 200),
    (fields.whole, 200.0, 200),
    (fields.whole, 2**63 - 1, 2**63 - 1),
    (fields.id_key, "007", 7),
    (fields.id_key, 7.0, 7),
    (fields.id_key, "7a", "7a"),
    (fields.id_key, 10**40, 10**40),
    (fields.class_name, 7, "7"),
    (fields.class_name, " cat ", " cat "),
    (fields.text, " cat ", "cat"),
]
WRONG = [
    *((fields.flag, value) for value in ("yes", 2, -1, 0.5, [0], {}, math.nan)),
    *((fields.number, value) for value in (None, True, [1], "1px", "1_0", "", 10**400)),
    *((fields.area, value) for value in (-1, math.nan, math.inf, [5000], "-0.1")),
    *((fields.whole, value) for value in (None, 1.5, "1.5", math.nan, math.inf, 2**63, "9" * 30, 1e30, False)),
    *((fields.id_key, value) for value in (None, True, 1.5, math.nan, "", " ", [1], {})),
    *((fields.class_name, value) for value in (None, True, "", " ", ["cat"], "\ud800")),
    *((fields.text, value) for value in (None, 5, "", "\ud800.png")),
]


@pytest.mark.parametrize(("convert", "value", "expected"), OK)
def test_value_is_taken(convert, value, expected):
    found = convert(value, "field", "here")
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(("convert", "value"), WRONG)
def test_value_is_refused(convert, value):
    with pytest.raises(UserError, match=r"^here: field: expected .*\. Received: "):
        convert(value, "field", "here")


def test_least_is_a_bound():
    assert fields.whole("0", "field", "here", least=0) == 0
    with pytest.raises(UserError, match=r"here: field: expected at least 1\. Received: '0'"):
        fields.whole("0", "field", "here", least=1)


@pytest.mark.parametrize("value", ["x" * 10**6, [1] * 10**5, 10**5000], ids=["text", "list", "number"])
def test_long_values_are_cut_off_in_messages(value):
    with pytest.raises(UserError) as caught:
        fields.flag(value, "field", "here")
    assert len(str(caught.value)) < 150


def test_utf_16_is_named_as_what_it_is(tmp_path):
    (tmp_path / "a.csv").write_text("a.jpg,1,2,3,4,cat", encoding="utf-16")
    with pytest.raises(UserError, match=r"a\.csv: expected text as UTF-8\. Received: UTF-16$"):
        fields.read_lines(tmp_path / "a.csv", of_names=True)


def test_lines_of_names_may_be_no_text_and_others_may_not(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfa.jpg\r\n\xff.jpg")
    assert fields.read_lines(tmp_path / "a.txt", of_names=True) == ["a.jpg", os.fsdecode(b"\xff.jpg")]
    with pytest.raises(UserError, match=r"a\.txt: expected text as UTF-8\. Received: .*position"):
        fields.read_lines(tmp_path / "a.txt")


def test_file_name_may_be_no_text_but_must_be_one():
    assert fields.file_name(os.fsdecode(b"\xff.jpg"), "file_name", "image 1") == os.fsdecode(b"\xff.jpg")
    for value in ("", " ", None, 7):
        with pytest.raises(UserError, match=r"image 1: file_name: expected text\. Received: "):
            fields.file_name(value, "file_name", "image 1")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\nb\n", ["a", "b"]),
        ("a\r\nb\rc\n\n", ["a", "b", "c", ""]),
        ("a\u2028b\x0bc\x85d\n", ["a\u2028b\x0bc\x85d"]),
        ("\ufeffa\n", ["a"]),
    ],
)
def test_lines_end_where_files_end_them(tmp_path, content, lines):
    (tmp_path / "a.txt").write_text(content, encoding="utf-8", newline="")
    assert fields.read_lines(tmp_path / "a.txt") == lines

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Label maps in the ways that people write them."""

import pytest

from ssd_tf.data.formats.label_map import read_label_map
from ssd_tf.utils.errors import UserError

MAPS = {
    "plain": "item {\n  id: 1\n  name: 'cat'\n}\nitem {\n  id: 2\n  name: 'dog'\n}\n",
    "one line, commas": 'item { id: 1, name: "cat" } item{name:"dog",id:2}',
    "colon before the brace": "item: { id: 2; name: 'dog'; }\nitem: { id: 1; name: 'cat'; }",
    "comments and nesting": "# {\nitem { id: 1 name: 'cat' points { id: 9 label: 'x' } } item { name: 'dog' id: 2 }",
    "display names": "item { name: '/m/01yrx' id: 1 display_name: 'cat' } item { id: 2 display_name: 'dog' }",
}


@pytest.mark.parametrize("case", MAPS)
def test_label_map_is_read(tmp_path, case):
    (tmp_path / "map.pbtxt").write_text(MAPS[case])
    assert [(entry.id, entry.name) for entry in read_label_map(tmp_path / "map.pbtxt")] == [(1, "cat"), (2, "dog")]


def test_name_may_have_braces_and_escaped_quotes(tmp_path):
    (tmp_path / "map.pbtxt").write_text(r"item { id: 1 name: 'dog\'s {toy} # 1' }")
    assert read_label_map(tmp_path / "map.pbtxt")[0].name == "dog's {toy} # 1"


MISTAKES = {
    "": "not a label map",
    "cat\ndog\n": "not a label map",
    "item { name: 'cat' }": "item 1: id: expected a number. Received: None",
    "item { id: one name: 'cat' }": "item 1: id: expected a number. Received: 'one'",
    "item { id: 0 name: 'cat' }": "item 1: id: expected at least 1",
    "item { id: 1 }": "item 1: name: expected text",
    "item { id: 1 name: 'cat' } item { id: 1 name: 'dog' }": "item 2: expected ids and names that are not there twice",
    "item { id: 1 name: 'cat'": "expected a } for each {. Received: 1 fewer",
    "item { id: 1 name: 'cat' }\n}": "line 2: expected a { before each }",
    "item { id: 1 name: 'cat' } junk": "not a label map. Received: 'junk' at the end",
    "item {\n id: 1 name: <cat> }": "line 2: not a label map. Received: '<cat> }'",
}


@pytest.mark.parametrize("content", MISTAKES)
def test_mistake_is_named(tmp_path, content):
    (tmp_path / "map.pbtxt").write_text(content)
    with pytest.raises(UserError, match=rf"map\.pbtxt.*{MISTAKES[content]}"):
        read_label_map(tmp_path / "map.pbtxt")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.pbtxt"):
        read_label_map(tmp_path / "absent.pbtxt")

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The Object Detection API's label map: a text file (.pbtxt) of items, each with an id and a name."""

import pathlib
import re

from ssd_tf.data.annotations import Category
from ssd_tf.data.formats import fields
from ssd_tf.utils.errors import UserError

_TOKEN = re.compile(r"""\s+|\#[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<word>[-+\w.]+|[{}])|[:,;]""")


def read_label_map(path: pathlib.Path) -> tuple[Category, ...]:
    """The classes of a label map, by ascending id. A display_name stands for a name such as "/m/01g317".

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no label map, or has an id or a name twice.
    """
    if not path.is_file():
        raise FileNotFoundError(f"label map not found: {path}")
    found: dict[int, str] = {}
    for item in _items("\n".join(fields.read_lines(path)), path):
        where = f"{path}: item {len(found) + 1}"
        number = fields.whole(item.get("id"), "id", where, least=1)
        name = item.get("name", "")
        name = fields.text(item.get("display_name", name) if name.startswith("/") or not name else name, "name", where)
        if number in found or name in found.values():
            raise UserError(f"{where}: expected ids and names that are not there twice. Received: {number}, {name!r}")
        found[number] = name
    if not found:
        raise UserError(f"{path}: not a label map: expected item {{ id: 1 name: 'cat' }}. Received: no item")
    return tuple(Category(number, name) for number, name in sorted(found.items()))


def _items(content: str, path: pathlib.Path) -> list[dict[str, str]]:
    """The plain fields of each item; what is nested in an item is left out."""
    items: list[dict[str, str]] = []
    depth, key, place = 0, "", 0
    while place < len(content):
        token = _TOKEN.match(content, place)
        if token is None:
            line = content.count("\n", 0, place) + 1
            raise UserError(f"{path}, line {line}: not a label map. Received: {content[place : place + 40]!r}")
        place = token.end()
        text, word = token["text"], token["word"]
        if word == "{":
            depth += 1
            if depth == 1 and key == "item":
                items.append({})
            key = ""
        elif word == "}":
            depth, key = depth - 1, ""
            if depth < 0:
                raise UserError(
                    f"{path}, line {content.count(chr(10), 0, place) + 1}: expected a {{ before each }}. Received: none"
                )
        elif key and (text or word):
            if depth == 1 and items:
                items[-1][key] = re.sub(r"\\(.)", r"\1", text[1:-1]) if text else word
            key = ""
        elif word:
            key = word
    if depth:
        raise UserError(f"{path}: expected a }} for each {{. Received: {depth} fewer")
    if key:
        raise UserError(f"{path}: not a label map. Received: {key!r} at the end")
    return items

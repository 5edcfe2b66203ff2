# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Reads a .prototxt, protobuf's text format, into plain messages; what the fields mean is the caller's.

A message is a dict from a field's name to the list of its values, in order: texts as they stand in the file (numbers,
names of an enumeration, true and false, strings without their quotes), or messages.
"""

import math
import pathlib
import re
from typing import Union

from ssd_tf.weights.refusal import printable, reading, refuse

Message = dict[str, list[Union[str, "Message"]]]

# A net of 1,000 layers takes half a megabyte.
_MOST_BYTES = 2 * 2**20
# caffe.proto has messages four deep.
_DEEPEST = 20
_TOKEN = re.compile(
    r"""\s+ | \#[^\n]*                                  # nothing
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<word>[-+.\w]+)
    | (?P<sign>[:{}<>\[\],;])""",
    re.VERBOSE | re.ASCII,
)
_CLOSING = {"{": "}", "<": ">"}


def read_prototxt(path: str | pathlib.Path) -> Message:
    """The message in a file of protobuf's text format.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no such file; the message has the line.
    """
    path = pathlib.Path(path)
    with reading(path, "a .prototxt", "prototxt"):
        if path.stat().st_size > _MOST_BYTES:
            refuse(f"has {path.stat().st_size} bytes, which no .prototxt has")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            refuse("is not a .prototxt: it is not text")
        return parse_prototxt(text)


def parse_prototxt(text: str) -> Message:
    """The same of its text; raises RefusedError, a ValueError."""
    tokens = _tokens(text)
    message: Message = {}
    open_messages, closings = [message], [""]
    place = 0
    while True:
        kind, token, line = tokens[place]
        if token == closings[-1] and kind != "string":
            open_messages.pop()
            closings.pop()
            if not open_messages:
                return message
            place += 1
        elif kind == "sign" and token in ",;":
            place += 1
        elif kind == "word":
            values = open_messages[-1].setdefault(token, [])
            place += 1
            place += tokens[place][1] == ":" and tokens[place][0] == "sign"
            kind, opening, _ = tokens[place]
            if kind == "sign" and opening in _CLOSING:
                if len(open_messages) > _DEEPEST:
                    refuse(f"is not a .prototxt: line {line}: messages are more than {_DEEPEST} deep")
                inner: Message = {}
                values.append(inner)
                open_messages.append(inner)
                closings.append(_CLOSING[opening])
                place += 1
            else:
                place = _add_values(tokens, place, values)
        else:
            _unexpected(
                tokens[place], "a field's name" if closings[-1] == "" else f"a field's name or {closings[-1]!r}"
            )


def _add_values(tokens, place: int, values: list) -> int:
    """Takes one value, or a list in brackets; returns where the next token is."""
    listed = tokens[place][:2] == ("sign", "[")
    place += listed
    while True:
        kind, token, _ = tokens[place]
        if kind not in ("word", "string"):
            _unexpected(tokens[place], "a value")
        text = ""
        while tokens[place][0] == "string":  # strings that stand one after the other are one
            text += tokens[place][1]
            place += 1
        if kind == "word":
            text, place = token, place + 1
        values.append(text)
        if not listed or tokens[place][:2] == ("sign", "]"):
            return place + listed
        if tokens[place][:2] != ("sign", ","):
            _unexpected(tokens[place], "',' or ']'")
        place += 1


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """Kind, text and line of each token; the last one is ("end", "", line)."""
    tokens, position, line = [], 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            refuse(f"is not a .prototxt: line {line}: {printable(text[position : position + 20])!r}")
        kind, token = match.lastgroup, match[0]
        if kind == "string":
            # Names with escapes are not known of Caffe; the character stands for itself.
            tokens.append((kind, re.sub(r"\\(.)", r"\1", token[1:-1]), line))
        elif kind:
            tokens.append((kind, token, line))
        position, line = match.end(), line + token.count("\n")
    return [*tokens, ("end", "", line)]


def _unexpected(token: tuple[str, str, int], expected: str) -> None:
    kind, text, line = token
    received = "the end of the file" if kind == "end" else repr(printable(text))
    refuse(f"is not a .prototxt: line {line}: expected {expected}. Received: {received}")


def message_of(message: Message, field: str) -> Message:
    """The message of a field, the last one if it stands there several times; empty where there is none."""
    values = message.get(field, [{}])
    if not isinstance(values[-1], dict):
        refuse(f"{field}: expected a message in braces. Received: {printable(values[-1])!r}")
    return values[-1]


def messages_of(message: Message, field: str) -> list[Message]:
    """All messages of a field."""
    return [message_of({field: [value]}, field) for value in message.get(field, [])]


def texts_of(message: Message, field: str) -> list[str]:
    """All values of a field that are no messages."""
    values = message.get(field, [])
    if any(isinstance(value, dict) for value in values):
        refuse(f"{field}: expected a value. Received: a message in braces")
    return [str(value) for value in values]


def text_of(message: Message, field: str, default: str) -> str:
    """The last value of a field; the default where there is none."""
    return (texts_of(message, field) or [default])[-1]


def numbers_of(message: Message, field: str) -> list[float]:
    """All numbers of a field; whole ones are int."""
    numbers = []
    for text in texts_of(message, field):
        try:
            number = float(text.rstrip("fF"))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            refuse(f"{field}: expected a number. Received: {printable(text)!r}")
        numbers.append(int(number) if number.is_integer() else number)
    return numbers


def number_of(message: Message, field: str, default: float) -> float:
    """The last number of a field; the default where there is none."""
    return (numbers_of(message, field) or [default])[-1]

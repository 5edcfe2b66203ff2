# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Text for people: numbers with their nouns, and names from files that may hold anything."""

import re

# What Python has in place of bytes that are no UTF-8, and other halves of UTF-16's pairs.
_NO_TEXT = re.compile("[\ud800-\udfff]")
# These, and control characters, which a terminal would obey; line ends and tabs are text.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ESCAPED_BYTES = range(0xDC80, 0xDD00)


def plural(number: int, noun: str) -> str:
    """The noun for so many of it: "class" for 1, "classes" for 0 or 2."""
    if number == 1:
        return noun
    return f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """Such as "1 class" or "2000 classes"."""
    return f"{number} {plural(number, noun)}"


def is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8; of a file whose name has other bytes it cannot."""
    return not _NO_TEXT.search(name)


def printable(text: str) -> str:
    """Text with \\xff for a byte that is no UTF-8, and \\x1b for a control character, to print and write."""

    def escaped(found: re.Match[str]) -> str:
        code = ord(found[0])
        code = code - 0xDC00 if code in _ESCAPED_BYTES else code
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

    return _UNPRINTABLE.sub(escaped, text)


def one_line(name: str) -> str:
    """A name from a file as `printable` has it, in one line of a table."""
    return printable(name).replace("\n", "\\n").replace("\t", "\\t")

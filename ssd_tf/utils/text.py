# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Words for people."""


def plural(number: int, noun: str) -> str:
    """The noun for so many of it: "class" for 1, "classes" for 0 or 2."""
    if number == 1:
        return noun
    return f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """ "1 class", "2000 classes"."""
    return f"{number} {plural(number, noun)}"

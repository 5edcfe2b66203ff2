# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How files from strangers are refused: each reader says what is wrong with the bytes, one place says which file."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import NoReturn

from ssd_tf.utils.errors import UserError


class RefusedError(ValueError):
    """Its text says what is wrong with the file."""


def refuse(reason: str) -> NoReturn:
    """Raises RefusedError."""
    raise RefusedError(reason)


def printable(name: str) -> str:
    """A name from a file for a message: no control characters, and not of any length."""
    return "".join(c if c.isprintable() else "?" for c in name[:100]) + ("..." if len(name) > 100 else "")


@contextlib.contextmanager
def reading(path: pathlib.Path, kind: str, what: str = "weights file") -> Iterator[None]:
    """For the block that reads a file: what goes wrong names the file.

    Args:
      path: the file.
      kind: what it is not where it is a folder or a device: "a .prototxt".
      what: what was not found where it is not there.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it was refused, or cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            refuse(f"is a folder or a device, not {kind}")
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{what} not found: {path}") from error
    except MemoryError as error:
        raise UserError(f"{path}: not enough memory to read its {path.stat().st_size} bytes") from error
    except (RefusedError, OSError) as error:
        raise UserError(f"{path}: {error}") from error

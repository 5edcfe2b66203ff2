# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is a mistake of the user's, and what is a bug of ours."""

import re
import sys


class UserError(ValueError):
    """A mistake in a flag, a file or a setting; a program prints its message alone. In the library a ValueError."""


def mistakes() -> tuple[type[BaseException], ...]:
    """The exceptions that a program answers with one line: mistakes, and what the machine, a disk or a network did.

    Any other exception is a bug. TensorFlow's errors are among them once it is imported.
    """
    errors = getattr(sys.modules.get("tensorflow"), "errors", None)  # None while another thread imports it too
    if errors is None:
        return (UserError, OSError)
    machine = (
        errors.NotFoundError,
        errors.PermissionDeniedError,
        errors.ResourceExhaustedError,
        errors.UnavailableError,
        errors.DataLossError,
        errors.DeadlineExceededError,
        errors.AbortedError,
        errors.CancelledError,
    )
    return (UserError, OSError, *machine)


def first_line(error: BaseException) -> str:
    """What happened, in one line, without where in TensorFlow's graph it did."""
    lines = str(error).splitlines() or [type(error).__name__]
    return re.sub(r"^(\{\{.*?\}\} ?)+| \[Op:.*$", "", lines[0])[:300]

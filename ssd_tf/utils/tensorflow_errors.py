# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What TensorFlow's errors say, in one line."""

import re


def first_line(error: Exception) -> str:
    """What happened, without where in TensorFlow's graph it did."""
    lines = str(error).splitlines() or [type(error).__name__]
    return re.sub(r"^(\{\{.*?\}\} ?)+| \[Op:.*$", "", lines[0])[:300]

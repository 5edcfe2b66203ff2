# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a graph has in place of try and except."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def attempt(function: Callable[[Any], Any], argument: Any, otherwise: Any) -> Any:
    """function(argument), or `otherwise` where that raises: tensors of the same types, shapes may differ."""
    tried = tf.data.Dataset.from_tensors(argument).map(function).ignore_errors(log_warning=False)
    return tried.concatenate(tf.data.Dataset.from_tensors(otherwise)).take(1).get_single_element()

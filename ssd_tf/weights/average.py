# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The mean of several checkpoints of a run, with equal weights.

As Izmailov et al. 2018 (arXiv 1803.05407), but for batch norm: they compute its statistics anew from the data, here
these are averaged too, which is close where the checkpoints are.
"""

from collections.abc import Sequence

import keras
import numpy as np

from ssd_tf.utils.errors import UserError
from ssd_tf.weights.model_dir import restore_model


def average_checkpoints(model: keras.Model, prefixes: Sequence[str]) -> None:
    """Sets every weight of the model, running statistics too, to its mean over the checkpoints.

    Args:
      prefixes: checkpoints of the same model, at least one.

    Raises:
      ValueError: there is none, or one does not fit the model.
    """
    if not prefixes:
        raise UserError("expected at least one checkpoint to average. Received: none")
    sums = [np.zeros(weight.shape, np.float64) for weight in model.weights]
    for prefix in prefixes:
        restore_model(model, prefix)
        for total, weight in zip(sums, model.weights, strict=True):
            total += weight.numpy()
    for total, weight in zip(sums, model.weights, strict=True):
        weight.assign((total / len(prefixes)).astype(np.float32))

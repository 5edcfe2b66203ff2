# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which layers of a detector are its backbone, and how its first stages are frozen."""

import keras

from ssd_tf.specs import DetectorSpec
from ssd_tf.utils.errors import UserError


def is_backbone_layer(name: str) -> bool:
    """Whether a layer of a detector, by its name, belongs to the backbone."""
    return name.startswith("conv")


def freeze_stages(model: keras.Model, spec: DetectorSpec, stages: int) -> None:
    """Stops the training of the stem and of the first `stages` residual stages; 0 freezes nothing.

    Frozen batch norm normalises with its running statistics, as in evaluation, and does not change them.

    Raises:
      ValueError: the backbone has fewer stages.
    """
    if not 0 <= stages <= len(spec.backbone.stages):
        raise UserError(f"{spec.name} has {len(spec.backbone.stages)} backbone stages to freeze. Received: {stages}")
    if not stages:
        return
    frozen = tuple(f"conv{number}_" for number in range(1, stages + 2))
    for layer in model.layers:
        if layer.weights and (f"{layer.name}_").startswith(frozen):
            layer.trainable = False

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A trained model for inference alone: batch normalisation becomes part of the convolutions before it."""

import keras
import numpy as np

from ssd_tf.models.layers import BatchNorm
from ssd_tf.models.ssd import drawing_weights


def fold_batch_norm(model: keras.Model) -> keras.Model:
    """A model with the same outputs up to rounding, in which no convolution is followed by a normalisation.

    What normalisation scales goes into the kernel, what it adds becomes the bias. A normalisation that follows
    something else than a convolution, as where it comes first in a block, stays.

    Args:
      model: as `build_model` makes it; it is left as it is. With another one nothing is found to fold.

    Returns:
      A new model that computes in the same dtypes. It is not to be trained.
    """
    # By the name of the convolution, as models/layers.py names both.
    norms = {layer.name.removesuffix("_bn"): layer for layer in model.layers if isinstance(layer, BatchNorm)}
    convolutions = {
        layer.name: layer
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D) and layer.name in norms
    }
    folded_names = {norms[name].name for name in convolutions}

    def without_norm(layer: keras.layers.Layer) -> keras.layers.Layer:
        if layer.name in folded_names:
            return keras.layers.Identity(name=layer.name, dtype=layer.dtype_policy)
        config = layer.get_config()
        if layer.name in convolutions:
            config["use_bias"] = True
        return type(layer).from_config(config)

    with drawing_weights(0):  # which are replaced; the generator that Keras draws them from is the caller's
        folded = keras.models.clone_model(model, clone_function=without_norm)
    for layer in model.layers:
        target = folded.get_layer(layer.name)
        if layer.name in convolutions:
            _fold(layer, norms[layer.name], target)
        elif layer.name not in folded_names and layer.weights:
            target.set_weights(layer.get_weights())
    folded.trainable = False
    return folded


def _fold(convolution: keras.layers.Layer, norm: BatchNorm, target: keras.layers.Layer) -> None:
    # In float64, so that only the results are rounded.
    gamma, beta, mean, variance = (
        np.asarray(weight, np.float64) for weight in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    )
    scale = gamma / np.sqrt(variance + norm.epsilon)
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)  # kernel [k, k, C, 1], else [k, k, ., C]
    target.kernel.assign(np.asarray(convolution.kernel) * (scale[:, None] if depthwise else scale))
    bias = np.asarray(convolution.bias, np.float64) if convolution.use_bias else 0.0
    target.bias.assign(beta + (bias - mean) * scale)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The optimizers: PyTorch's SGD with momentum, which the reference trains with, and Keras' AdamW."""

import keras
import tensorflow as tf

from ssd_tf.settings import OptimizerConfig
from ssd_tf.utils.errors import UserError

# What weight decay leaves alone where decay_bias_and_norm is off: the biases and what batch norm learns.
_NOT_KERNELS = ("bias", "gamma", "beta")


def make_optimizer(config: OptimizerConfig, model: keras.Model) -> keras.optimizers.Optimizer:
    """The optimizer for the model's trainable variables.

    Raises:
      ValueError: there is no such optimizer.
    """
    if config.optimizer == "sgd":
        optimizer = SGD(
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            decay_bias_and_norm=config.decay_bias_and_norm,
            double_bias_rate=config.double_bias_rate,
        )
    elif config.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(weight_decay=config.weight_decay)
        optimizer.decay_bias_and_norm = config.decay_bias_and_norm  # see `decays`
        if not config.decay_bias_and_norm:  # for who calls `apply`
            optimizer.exclude_from_weight_decay(
                var_list=[variable for variable in model.trainable_variables if not decays(optimizer, variable)]
            )
    else:
        raise UserError(f"optimizer: expected sgd or adamw. Received: {config.optimizer!r}")
    optimizer.build(model.trainable_variables)
    return optimizer


def decays(optimizer: keras.optimizers.Optimizer, variable: keras.Variable) -> bool:
    """Whether weight decay acts on a variable."""
    return getattr(optimizer, "decay_bias_and_norm", True) or variable.name not in _NOT_KERNELS


@keras.saving.register_keras_serializable(package="ssd_tf")
class SGD(keras.optimizers.Optimizer):
    """g += weight_decay * w; v = momentum * v + g; w -= learning_rate * v, for every parameter.

    Keras' own SGD differs: it keeps the learning rate inside v, so the two part ways at every change of the rate, and
    it takes weight decay apart from the gradient. The decay acts on biases, gammas and betas too, as in the reference,
    unless `decay_bias_and_norm` is off.

    With `double_bias_rate` biases have twice the rate. Caffe's SSD has both: lr_mult 2 and decay_mult 0 of its biases.
    """

    def __init__(
        self,
        learning_rate: float = 0.0,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        decay_bias_and_norm: bool = True,
        double_bias_rate: bool = False,
        name: str = "sgd",
        **kwargs,
    ):
        # Keras' weight_decay is the decoupled kind: it stays unset.
        super().__init__(learning_rate=learning_rate, weight_decay=None, name=name, **kwargs)
        self.momentum = momentum
        self.coupled_weight_decay = weight_decay
        self.decay_bias_and_norm = decay_bias_and_norm
        self.double_bias_rate = double_bias_rate

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")
        # Methods of the tuples: Keras would track the tuples themselves, and save them.
        self._decays = tuple(decays(self, variable) for variable in variables).__getitem__
        self._is_bias = tuple(variable.name == "bias" for variable in variables).__getitem__

    def update_step(self, gradient, variable, learning_rate):
        # Private, and what Keras' own optimizers do: TensorFlow's variables come without path and name here.
        place = self._get_variable_index(variable)
        velocity = self.velocities[place]
        if self._decays(place):
            gradient = gradient + self.coupled_weight_decay * variable
        if self.double_bias_rate and self._is_bias(place):
            learning_rate = 2.0 * learning_rate
        # One kernel in place of five that each pass over all weights.
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=velocity.value.handle,
            lr=learning_rate,
            grad=gradient,
            momentum=self.momentum,
        )

    def get_config(self):
        config = super().get_config()
        config.update(momentum=self.momentum, weight_decay=self.coupled_weight_decay)
        config.update(decay_bias_and_norm=self.decay_bias_and_norm, double_bias_rate=self.double_bias_rate)
        return config

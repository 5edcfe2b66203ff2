# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""PyTorch's SGD with momentum, which the reference trains with, as a Keras optimizer."""

import keras


@keras.saving.register_keras_serializable(package="ssd_tf")
class SGD(keras.optimizers.Optimizer):
    """g += weight_decay * w; v = momentum * v + g; w -= learning_rate * v, for every parameter.

    Keras' own SGD differs: it keeps the learning rate inside v, so the two part ways at every change of the rate, and
    it takes weight decay apart from the gradient. The decay acts on biases, gammas and betas too, as in the reference.
    """

    def __init__(
        self, learning_rate: float = 0.0, momentum: float = 0.9, weight_decay: float = 0.0, name="sgd", **kwargs
    ):
        # Keras' weight_decay is the decoupled kind: it stays unset.
        super().__init__(learning_rate=learning_rate, weight_decay=None, name=name, **kwargs)
        self.momentum = momentum
        self.coupled_weight_decay = weight_decay

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        self.assign(velocity, self.momentum * velocity + gradient + self.coupled_weight_decay * variable)
        self.assign_sub(variable, learning_rate * velocity)

    def get_config(self):
        config = super().get_config()
        config.update(momentum=self.momentum, weight_decay=self.coupled_weight_decay)
        return config

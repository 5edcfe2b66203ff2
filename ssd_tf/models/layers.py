# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Building blocks that behave as PyTorch's: symmetric padding, and batch normalisation to the letter."""

import math

import keras
import tensorflow as tf

from ssd_tf.specs import BackboneLevel, BatchNormalization

# What PyTorch's own layers do.
PYTORCH_NORM = BatchNormalization()
# Deviation of the kernels of SSDLite's extra blocks and heads.
_NORMAL_DEVIATION = 0.03
# torchvision's ResNet and VGG: kaiming_normal, fan_out.
_HE_NORMAL = {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"}


@keras.saving.register_keras_serializable(package="ssd_tf")
class BatchNorm(keras.layers.Layer):
    """Batch normalisation over [B, H, W] of NHWC input. Variables are float32 whatever the compute dtype.

    Two ways to train, by compute dtype. float32 sums in stages (see `_normalize`): TensorFlow's fused kernel, though
    faster (docs/benchmarks.md has the times), adds 90,000 numbers in a row, loses a digit, and so mines other negatives
    than the reference in the second step of its recorded run. Half precision has no such digit to lose, and takes the
    fused kernel, which Keras' own layer does not. Both keep the unbiased variance, as PyTorch does.

    Under a strategy with several replicas each keeps running statistics of its own, and whoever reads them from outside
    a replica (evaluation, a checkpoint) gets their mean, as MLPerf's reference averages them before it evaluates.

    Attributes:
      epsilon, momentum: as in specs.BatchNormalization.
      synchronized: normalise with the moments of the whole batch, over all replicas, instead of each replica's own.
    """

    synchronized = False

    def __init__(
        self, epsilon: float = BatchNormalization.epsilon, momentum: float = BatchNormalization.momentum, **kwargs
    ):
        super().__init__(**kwargs)
        self.epsilon, self.momentum = epsilon, momentum

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon, "momentum": self.momentum}

    def build(self, input_shape):
        shape = (input_shape[-1],)
        options = {"shape": shape, "dtype": "float32", "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **options)
        self.beta = self.add_weight(name="beta", initializer="zeros", **options)
        # add_weight has no synchronization.
        options.update(trainable=False, synchronization="on_read", aggregation="mean")
        self.moving_mean = keras.Variable("zeros", name="moving_mean", **options)
        self.moving_variance = keras.Variable("ones", name="moving_variance", **options)

    def call(self, inputs, training=False):
        if not (training and self.trainable):
            return self._fused(inputs, self.moving_mean, self.moving_variance, is_training=False)[0]
        if self.synchronized:
            x = tf.cast(inputs, tf.float32)
            mean, variance, count = _moments_of_replicas(x)
            scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
            outputs = tf.cast((x - mean) * scale + self.beta, self.compute_dtype)
            unbiased = _unbiased(variance, count)
        elif self.compute_dtype == "float32":
            outputs, mean, variance = _normalize(inputs, self.gamma, self.beta, self.epsilon)
            unbiased = _unbiased(variance, _count(inputs))
        else:
            outputs, mean, unbiased = self._fused(inputs, [], [], is_training=True)
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, unbiased)):
            moving.assign(self.momentum * moving + (1.0 - self.momentum) * batch)
        return outputs

    def _fused(self, inputs, mean, variance, is_training: bool):
        return _fused(inputs, self.gamma, self.beta, mean, variance, self.epsilon, is_training)

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)


def _fused(x, gamma, beta, mean, variance, epsilon: float, is_training: bool = False):
    """Outputs, mean and unbiased variance; with is_training those of the batch, in place of those given."""
    scale, offset, mean, variance = (tf.convert_to_tensor(value, tf.float32) for value in (gamma, beta, mean, variance))
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=epsilon, is_training=is_training
    )[:3]


def _normalize(x, gamma, beta, epsilon: float):
    """Outputs, mean and biased variance [C] of float32 [B, H, W, C], by staged sums.

    With the gradient written out, which passes over x half as often as the one that TensorFlow derives.
    """

    @tf.custom_gradient
    def normalize(x, gamma, beta):
        count = _count(x)
        mean = _staged_mean(x)
        centered = x - mean
        variance = _staged_mean(tf.square(centered))

        def gradient(upstream, *_):  # of the outputs: the moments lead to no loss
            inverse = tf.math.rsqrt(variance + epsilon)
            mean_upstream, mean_product = _staged_mean(upstream), _staged_mean(upstream * centered)
            scale = gamma * inverse
            through_outputs = _fused(upstream, gamma, 0.0 * beta, mean_upstream, variance, epsilon)[0]
            through_variance = centered * (scale * tf.square(inverse) * mean_product)
            return through_outputs - through_variance, count * inverse * mean_product, count * mean_upstream

        return (_fused(x, gamma, beta, mean, variance, epsilon)[0], mean, variance), gradient

    return normalize(x, *(tf.convert_to_tensor(value) for value in (gamma, beta)))


def _moments_of_replicas(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Mean and biased variance [C] of [B, H, W, C], and B * H * W; of all replicas' x together."""
    replicas = tf.distribute.get_replica_context()
    count = _count(x)
    # In one tensor: a strategy does not sum what lies on different devices, and a count lies on the host.
    sums = replicas.all_reduce(tf.distribute.ReduceOp.SUM, tf.concat([count * _staged_mean(x), [count]], axis=0))
    total = sums[-1]
    mean = sums[:-1] / total
    variance = replicas.all_reduce(tf.distribute.ReduceOp.SUM, count * _staged_mean(tf.square(x - mean)))
    return mean, variance / total, total


def _count(x: tf.Tensor) -> tf.Tensor:
    """B * H * W of [B, H, W, C], float32."""
    return tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)


def _unbiased(variance: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    return variance * (count / tf.maximum(count - 1.0, 1.0))


def synchronize_batch_norm(model: keras.Model) -> None:
    """From now on batch norm takes the moments of the whole batch, over all replicas."""
    for layer in model.layers:
        if isinstance(layer, BatchNorm):
            layer.synchronized = True


def _staged_mean(x: tf.Tensor) -> tf.Tensor:
    """Mean [C] of [B, H, W, C], axis by axis, so that no float32 sum is longer than a side."""
    return tf.reduce_mean(tf.reduce_mean(tf.reduce_mean(x, axis=2), axis=1), axis=0)


@keras.saving.register_keras_serializable(package="ssd_tf")
class Fork(keras.layers.Layer):
    """The input twice, for two consumers; its gradient is their sum, always taken in this order.

    Where a tensor has three consumers, TensorFlow sums three gradients in an order that changes from run to run, and
    two runs with the same seed part ways in the last digit. With a fork there are two sums of two, which have no order.
    """

    def call(self, inputs):
        return _fork(inputs)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype), keras.KerasTensor(inputs.shape, dtype=inputs.dtype)


@tf.custom_gradient
def _fork(x: tf.Tensor):
    def gradient(first, second):
        # Summed flat: TensorFlow's graph optimizer merges sums of sums into one only where the shapes are equal.
        total = tf.reshape(first, [-1]) + tf.reshape(second, [-1])
        return tf.reshape(total, tf.shape(first))

    return (tf.identity(x), tf.identity(x)), gradient


@keras.saving.register_keras_serializable(package="ssd_tf")
class L2Normalization(keras.layers.Layer):
    """scale[c] * x / norm over the channels of each cell, with learnt scales (Liu et al. 2015, ParseNet).

    As Caffe's Normalize layer: norm is sqrt(sum of squares + epsilon), so that a cell of zeros stays zero and has a
    finite gradient. Computes in float32 and returns the compute dtype.

    Attributes:
      initial_scale: what the scales start with.
      epsilon: see BackboneLevel.l2_epsilon.
    """

    def __init__(self, initial_scale: float, epsilon: float = BackboneLevel.l2_epsilon, **kwargs):
        super().__init__(**kwargs)
        self.initial_scale, self.epsilon = initial_scale, epsilon

    def get_config(self):
        return {**super().get_config(), "initial_scale": self.initial_scale, "epsilon": self.epsilon}

    def build(self, input_shape):
        start = keras.initializers.Constant(self.initial_scale)
        self.scale = self.add_weight(
            name="scale", shape=(input_shape[-1],), initializer=start, dtype="float32", autocast=False
        )

    def call(self, inputs):
        x = tf.cast(inputs, tf.float32)
        squares = tf.reduce_sum(tf.square(x), axis=-1, keepdims=True)
        return tf.cast(x * tf.math.rsqrt(squares + self.epsilon) * self.scale, self.compute_dtype)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)


@keras.saving.register_keras_serializable(package="ssd_tf")
class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """Keras' layer; in half precision with another gradient of the input where there are strides.

    On a CPU TensorFlow's takes several times as long as the one in float32 with the casts there and back: a good part
    of a training step (docs/benchmarks.md has the times).
    """

    def call(self, inputs):
        if self.compute_dtype == "float32" or self.strides[0] == 1 or self.use_bias or self.dilation_rate[0] > 1:
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        return self.activation(_strided_depthwise(inputs, kernel, self.strides[0], self.padding.upper()))


def _strided_depthwise(x, kernel, stride: int, padding: str):
    options = {"strides": [1, stride, stride, 1], "padding": padding}

    @tf.custom_gradient
    def convolve(x, kernel):
        def gradient(upstream):
            of_input = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                input_sizes=tf.shape(x),
                filter=tf.cast(kernel, tf.float32),
                out_backprop=tf.cast(upstream, tf.float32),
                **options,
            )
            of_kernel = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=x, filter_sizes=tf.shape(kernel), out_backprop=upstream, **options
            )
            return tf.cast(of_input, x.dtype), of_kernel

        return tf.raw_ops.DepthwiseConv2dNative(input=x, filter=kernel, **options), gradient

    return convolve(x, kernel)


def pad(x: keras.KerasTensor, padding: int, name: str) -> keras.KerasTensor:
    """Zeros on all four sides, as PyTorch pads, before the layer of that name; "same" pads one side only where the
    stride is 2."""
    return keras.layers.ZeroPadding2D(padding, name=f"{name}_pad")(x) if padding else x


def conv_bn(
    x, channels: int, kernel: int, stride: int, name: str, norm: BatchNormalization = PYTORCH_NORM, relu: bool = True
):
    """Convolution without bias, batch normalisation named `{name}_bn`, and ReLU where asked: ResNet's."""
    same = stride == 1 or kernel == 1  # at stride 1 "same" is symmetric, and saves the copy
    x = keras.layers.Conv2D(
        channels,
        kernel,
        stride,
        padding="same" if same else "valid",
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(**_HE_NORMAL),
        name=name,
    )(x if same else pad(x, kernel // 2, name))
    x = BatchNorm(norm.epsilon, norm.momentum, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x) if relu else x


def conv(
    x: keras.KerasTensor,
    channels: int | None,
    kernel: int,
    name: str,
    initialization: str,
    stride: int = 1,
    padding: int = 0,
    activation: str | None = None,
    norm: BatchNormalization | None = None,
    dilation: int = 1,
) -> keras.KerasTensor:
    """A convolution of an extra block, a head, or a backbone other than ResNet.

    Args:
      x: [B, H, W, .].
      channels: of the output; None for a depthwise convolution, which keeps those of x.
      kernel, stride, padding, dilation: of both sides; zeros are padded symmetrically, as PyTorch pads.
      name: the layer's; batch normalisation is named `{name}_bn`.
      initialization: see DetectorSpec; or "he_zero": torchvision's VGG, kaiming_normal (fan_out) and zero biases.
      activation: a name that Keras knows, or none; after the normalisation, where there is one.
      norm: batch normalisation in place of the bias.
    """
    same = stride == 1 and padding == dilation * (kernel // 2) and kernel % 2 == 1
    fan_in = kernel * kernel * (1 if channels is None else x.shape[-1])
    kernel_initializer, bias_initializer = _initializers(initialization, fan_in)
    options = {
        "strides": stride,
        "dilation_rate": dilation,
        "padding": "same" if same else "valid",
        "activation": activation if norm is None else None,
        "use_bias": norm is None,
        "bias_initializer": bias_initializer,
        "name": name,
    }
    if channels is None:
        layer = DepthwiseConv2D(kernel, depthwise_initializer=kernel_initializer, **options)
    else:
        layer = keras.layers.Conv2D(channels, kernel, kernel_initializer=kernel_initializer, **options)
    x = layer(x if same else pad(x, padding, name))
    if norm is None:
        return x
    x = BatchNorm(norm.epsilon, norm.momentum, name=f"{name}_bn")(x)
    return keras.layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def _initializers(initialization: str, fan_in: int):
    """Initialisers of the kernel and of the bias."""
    if initialization == "normal":
        return keras.initializers.RandomNormal(stddev=_NORMAL_DEVIATION), "zeros"
    if initialization == "he_zero":
        return keras.initializers.VarianceScaling(**_HE_NORMAL), "zeros"
    if initialization == "xavier_zero":
        return "glorot_uniform", "zeros"
    bound = 1.0 / math.sqrt(fan_in)  # PyTorch's default
    return "glorot_uniform", keras.initializers.RandomUniform(-bound, bound)

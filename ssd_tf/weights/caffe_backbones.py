# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The backbones of Caffe's SSDs in a net: VGG with fc6 and fc7, and the ResNet of OpenCV's Res10 face detector."""

import itertools
from typing import NoReturn

from ssd_tf.specs import VGG, Backbone, PreactBlock, PreactResNet
from ssd_tf.weights.caffe_net import Layer, Window, parameters_of, window_of
from ssd_tf.weights.caffe_parts import Blobs, check_norm, is_max_pool, is_relu, refuse_layer
from ssd_tf.weights.prototxt import numbers_of, text_of


def read_backbone(layers: list[Layer], last: Layer, blobs: Blobs) -> tuple[Backbone, dict[int, str]]:
    """What stands between the input and the map `last`.

    Args:
      layers: of the net, in order.
      blobs: takes up which blobs the backbone's variables have.

    Returns:
      The settings; and the names of the feature maps, by the id() of the layer that makes each.

    Raises:
      RefusedError: it is another backbone; the message names the first layer that does not fit.
    """
    reached, waiting = {id(last): last}, [last]
    while waiting:
        for layer in waiting.pop().inputs:
            if id(layer) not in reached:
                reached[id(layer)] = layer
                waiting.append(layer)
    part = [layer for layer in layers if id(layer) in reached and layer.inputs]
    preactivated = any(layer.kind == "batchnorm" for layer in part)
    return _Preact(part, blobs).read() if preactivated else _vgg(part, last, blobs)


def _vgg(part: list[Layer], last: Layer, blobs: Blobs) -> tuple[VGG, dict[int, str]]:
    for before, layer in itertools.pairwise(part):
        if layer.inputs != (before,):
            refuse_layer(layer, f"{before} as its only input, as in VGG")
    # Groups of convolutions, between which there is a max pool; and the last ReLU of each group, which makes its map.
    groups: list[list[Layer]] = [[]]
    pools: list[Layer] = []
    activations: dict[int, Layer] = {}
    before = "pooling"
    for layer in part:
        if layer.kind == "convolution" and before != "convolution":
            groups[-1].append(layer)
        elif is_relu(layer) and before == "convolution":
            activations[len(groups)] = layer
        elif is_max_pool(layer) and before == "relu":
            pools.append(layer)
            groups.append([])
        else:
            refuse_layer(layer, "Convolution, ReLU or max Pooling, in VGG's order")
        before = layer.kind
    *groups, top = groups
    if len(top) != 2 or not groups or before != "relu":
        refuse_layer(part[-1] if part else last, "fc6 and fc7, two convolutions with ReLU, at the end of a VGG")
    for number, (group, pool) in enumerate(zip(groups, pools, strict=True), start=1):
        for index, layer in enumerate(group, start=1):
            if window_of(layer) != Window(3, pad=1) or layer.channels != group[0].channels:
                refuse_layer(layer, f"{Window(3, pad=1)} and {group[0].channels} channels")
            blobs.add_convolution(f"conv{number}_{index}", layer, bias=True)
        window = Window(3, pad=1) if pool is pools[-1] else Window(2, stride=2)
        if window_of(pool) != window:
            refuse_layer(pool, str(window))
    dilation = window_of(top[0]).dilation
    windows = (Window(3, pad=dilation, dilation=dilation), Window(1))
    for name, layer, window in zip(("fc6", "fc7"), top, windows, strict=True):
        if window_of(layer) != window or layer.channels != top[0].channels:
            refuse_layer(layer, f"{window} and {top[0].channels} channels")
        blobs.add_convolution(name, layer, bias=True)
    maps = {id(layer): f"conv{number}" for number, layer in activations.items()} | {id(last): "fc7"}
    channels, convolutions = tuple(group[0].channels for group in groups), tuple(len(group) for group in groups)
    return VGG(channels, convolutions, top[0].channels, dilation), maps


class _Preact:
    """Follows a pre-activation ResNet from the input on."""

    def __init__(self, part: list[Layer], blobs: Blobs):
        self.part, self.blobs = part, blobs
        self.readers: dict[int, list[Layer]] = {}
        for layer in part:
            for source in layer.inputs:
                self.readers.setdefault(id(source), []).append(layer)

    def read(self) -> tuple[PreactResNet, dict[int, str]]:
        images = self.part[0].inputs[0]
        x = self._normalized(images, "input_bn", relu=False)
        stem = self._convolution(x, "conv1", Window(7, 2, 3), bias=True)
        x = self._normalized(stem, "conv1_bn")
        pool = self._next(x, "pooling")
        if not is_max_pool(pool) or window_of(pool) != Window(3, 2):
            refuse_layer(pool, "max pooling of 3x3, stride 2, pad 0")
        x, blocks, maps = pool, [], {}
        x = self._sum(self._block(x, blocks), x)
        while True:
            x = self._normalized(x, f"block{len(blocks) + 1}_bn")
            if x is self.part[-1]:
                break
            maps[id(x)] = f"block{len(blocks) + 1}_in"
            branch = self._block(x, blocks)
            shortcut = Window(1, blocks[-1].stride)
            x = self._sum(branch, self._convolution(x, f"block{len(blocks)}_shortcut", shortcut, bias=False))
        number = len(blocks) + 1
        self.blobs.names.update(
            {
                ("last_bn", variable): self.blobs.names.pop((f"block{number}_bn", variable))
                for variable in ("moving_mean", "moving_variance", "gamma", "beta")
            }
        )
        return PreactResNet(stem.channels, tuple(blocks)), {**maps, id(self.part[-1]): "last"}

    def _block(self, x: Layer, blocks: list[PreactBlock]) -> Layer:
        """The longer branch of a block, whose settings are added to blocks."""
        name = f"block{len(blocks) + 1}"
        starts = [layer for layer in self._readers(x) if layer.kind == "convolution"]
        wide = [layer for layer in starts if window_of(layer).kernel == 3]
        if len(wide) != 1:
            self._refuse_after(x, "one 3x3 convolution, which begins a residual block")
        stride = window_of(wide[0]).stride
        first = self._convolution(x, f"{name}_1", Window(3, stride, 1), bias=False)
        second = self._next(self._normalized(first, f"{name}_1_bn"), "convolution")
        dilation = window_of(second).dilation
        self._check(second, f"{name}_2", Window(3, 1, dilation, dilation), bias=False)
        blocks.append(PreactBlock(first.channels, second.channels, stride, dilation))
        return second

    def _sum(self, x: Layer, shortcut: Layer) -> Layer:
        total = self._next(x, "eltwise")
        settings = parameters_of(total)
        if set(map(id, total.inputs)) != {id(x), id(shortcut)} or len(total.inputs) != 2:
            refuse_layer(total, f"the sum of {x} and {shortcut}")
        if text_of(settings, "operation", "SUM") not in ("SUM", "1") or numbers_of(settings, "coeff"):
            refuse_layer(total, "a plain sum")
        return total

    def _normalized(self, x: Layer, name: str, relu: bool = True) -> Layer:
        norm = self._next(x, "batchnorm")
        scale = self._next(norm, "scale")
        check_norm(norm, scale)
        self.blobs.add_norm(name, norm, scale)
        if not relu:
            return scale
        activation = self._next(scale, "relu")
        is_relu(activation)
        return activation

    def _convolution(self, x: Layer, name: str, window: Window, bias: bool) -> Layer:
        """The convolution after x that has this kernel."""
        found = [layer for layer in self._readers(x) if layer.kind == "convolution"]
        found = [layer for layer in found if window_of(layer).kernel == window.kernel]
        if not found:
            self._refuse_after(x, f"a convolution of {window.kernel}x{window.kernel}")
        self._check(found[0], name, window, bias)
        return found[0]

    def _check(self, layer: Layer, name: str, window: Window, bias: bool) -> None:
        if window_of(layer) != window:
            refuse_layer(layer, str(window))
        self.blobs.add_convolution(name, layer, bias)

    def _next(self, x: Layer, kind: str) -> Layer:
        found = [layer for layer in self._readers(x) if layer.kind == kind]
        if not found:
            self._refuse_after(x, f"{kind} after {x}")
        return found[0]

    def _readers(self, x: Layer) -> list[Layer]:
        return self.readers.get(id(x), [])

    def _refuse_after(self, x: Layer, expected: str) -> NoReturn:
        refuse_layer((self._readers(x) or [x])[0], f"{expected}, as in a ResNet-10")

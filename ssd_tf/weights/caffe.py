# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The names of the layers of Caffe's SSD300 and SSD512 on VGG-16 (weiliu89/caffe), and of VGG-16 reduced by itself.

Heads are anchor-major, as ours. Caffe's nets take B, G, R, ours of VGG-16 R, G, B.
"""

import re

import numpy as np

from ssd_tf.utils.errors import UserError
from ssd_tf.weights import layout

FIRST_KERNEL = "conv1_1[0]"
_LAYER = re.compile(r"(conv\d_\d|fc[67])|(l2norm0)|extra(\d+)_([12])|(offsets|logits)(\d+)")
_PLACES = {"kernel": 0, "bias": 1, "scale": 0}
_HEADS = {layout.OFFSETS: "mbox_loc", layout.LOGITS: "mbox_conf"}
_NORM = "conv4_3_norm"


def vgg_name(layer: str, variable: str) -> str:
    """The blob of a variable of SSD on VGG-16: ("extra1_2", "bias") -> "conv6_2[1]".

    Raises:
      ValueError: Caffe's SSD has no such layer.
    """
    match = _LAYER.fullmatch(layer)
    if not match:
        raise UserError(f"{layer}: Caffe's SSD on VGG-16 has no such layer; of another net, give the --prototxt too")
    backbone, norm, block, place, head, level = match.groups()
    if block:
        name = f"conv{int(block) + 5}_{place}"
    elif head:
        # The maps: conv4_3_norm, fc7, conv6_2, conv7_2, ...
        name = f"{(_NORM, 'fc7')[int(level)] if int(level) < 2 else f'conv{int(level) + 4}_2'}_{_HEADS[head]}"
    else:
        name = _NORM if norm else backbone
    return f"{name}[{_PLACES[variable]}]"


def reduced_name(layer: str, variable: str) -> str | None:
    """The same for VGG_ILSVRC_16_layers_fc_reduced, from which Caffe's SSDs start: the backbone alone."""
    return vgg_name(layer, variable) if re.fullmatch(r"conv[1-5]_[123]|fc[67]", layer) else None


def turned_round(tensors: dict[str, np.ndarray], first_kernel: str) -> dict[str, np.ndarray]:
    """The tensors, with the input channels of the first kernel, [out, in, height, width], in the other order."""
    kernel = tensors.get(first_kernel)
    return tensors if kernel is None or kernel.ndim != 4 else {**tensors, first_kernel: kernel[:, ::-1]}


def are_blobs(tensors: dict[str, np.ndarray]) -> bool:
    """Whether these names are of a .caffemodel's blobs."""
    return all(re.search(r"\[\d+\]$", name) for name in tensors)

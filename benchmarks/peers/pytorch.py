# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of compare.py: the net of tests/torch_ssd.py, channels_last, bfloat16 by torch.autocast.

Eager, or compiled by torch.compile, which needs a C++ compiler.
"""

import contextlib
import os
import pathlib
from collections.abc import Callable

import numpy as np
import safetensors.torch
import torch

from tests.torch_ssd import SSD300, multibox_loss

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# MLPerf's: offsets are multiplied by these.
CENTER_VARIANCE, SIZE_VARIANCE = 0.1, 0.2
SCORE, IOU, MOST = 0.05, 0.5, 200


def make(compiled: bool, task: str, precision: str, folder: pathlib.Path) -> Callable[[], str]:
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # no processes beside this one
    torch.set_num_threads(os.cpu_count() or 1)  # tests/torch_ssd.py asks for one
    inputs = np.load(folder / "inputs.npz")
    model = SSD300(80)
    model.load_state_dict(safetensors.torch.load_file(folder / "ssd.safetensors"))
    model = model.to(memory_format=torch.channels_last)
    net = torch.compile(model) if compiled else model
    half = torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext()
    order = reference_order(inputs["cells"], inputs["boxes_per_cell"])
    if task == "train":
        return training_step(model.train(), net, half, inputs, order)
    return prediction(model.eval(), net, half, inputs, order)


def training_step(model, net, half, inputs, order) -> Callable[[], str]:
    optimizer = torch.optim.SGD(model.parameters(), 1e-4, momentum=0.9, weight_decay=5e-4)
    images = channels_first(inputs["normalized"])
    # Ours are (dy, dx, dh, dw).
    offsets = torch.tensor(inputs["offsets"][:, order][..., [1, 0, 3, 2]]).permute(0, 2, 1).contiguous()
    labels = torch.tensor(inputs["labels"][:, order], dtype=torch.int64)

    def step() -> str:
        optimizer.zero_grad()
        with half:
            loc, conf = net(images)
        loss = multibox_loss(loc.float(), conf.float(), offsets, labels)
        loss.backward()
        optimizer.step()
        return f"loss {loss.item():.3f}"

    return step


def prediction(model, net, half, inputs, order) -> Callable[[], str]:
    anchors = torch.tensor(inputs["anchors"][order][:, [1, 0, 3, 2]])
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    pixels = inputs["images"][:1]

    def predict() -> str:
        with torch.inference_mode():
            images = (channels_first(pixels).float() / 255.0 - mean) / deviation
            with half:
                loc, conf = net(images)
            return f"{len(detections(loc[0].float(), conf[0].float(), anchors)[1])} found"

    return predict


def detections(loc, conf, anchors):
    """MLPerf's: of each class the best above SCORE, NMS, then the best of all. Boxes [K, 4], scores, classes."""
    centers = loc[:2].T * CENTER_VARIANCE * anchors[:, 2:] + anchors[:, :2]
    halves = (loc[2:].T * SIZE_VARIANCE).exp() * anchors[:, 2:] / 2
    boxes = torch.cat([centers - halves, centers + halves], dim=1)
    scores = conf.softmax(0)
    found = []
    for label in (scores[1:].amax(1) > SCORE).nonzero()[:, 0].tolist():
        of_class = scores[label + 1]
        candidates = (of_class > SCORE).nonzero()[:, 0]
        best, place = of_class[candidates].sort(descending=True)
        chosen = boxes[candidates[place[:MOST]]]
        kept = greedily(chosen)
        found.append((chosen[kept], best[:MOST][kept], torch.full((len(kept),), label + 1)))
    if not found:
        return torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64)
    boxes, scores, classes = (torch.cat(parts) for parts in zip(*found, strict=True))
    best = scores.argsort(descending=True)[:MOST]
    return boxes[best], scores[best], classes[best]


def greedily(boxes):
    """Places of the boxes that NMS keeps, of boxes sorted by score."""
    low, high = torch.maximum(boxes[:, None, :2], boxes[:, :2]), torch.minimum(boxes[:, None, 2:], boxes[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    overlaps = (shared / (area[:, None] + area - shared) >= IOU).numpy()
    free, kept = np.ones(len(boxes), bool), []
    for place in range(len(boxes)):
        if free[place]:
            kept.append(place)
            free &= ~overlaps[place]
    return torch.tensor(kept)


def channels_first(images):
    """NHWC -> NCHW in channels_last, which is the same memory."""
    return torch.tensor(images).permute(0, 3, 1, 2)


def reference_order(cells, boxes_per_cell) -> np.ndarray:
    """Our number of each anchor in the reference's order: box of the cell, row, column."""
    order, start = [], 0
    for side, boxes in zip(cells, boxes_per_cell, strict=True):
        numbers = start + np.arange(side * side * boxes).reshape(side * side, boxes)
        order.append(numbers.T.ravel())
        start += numbers.size
    return np.concatenate(order)

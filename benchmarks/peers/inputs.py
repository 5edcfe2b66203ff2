# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What all sides of compare.py get: weights, images and targets. python benchmarks/peers/inputs.py FOLDER BATCH_SIZE

Writes ssd.safetensors with MLPerf's names, model.onnx where tf2onnx is installed, and inputs.npz. The images are those
of ssd_tf.data.formats.shapes, the weights are drawn, with heads of such a size that an image has some hundred
candidates for NMS.
"""

import os
import pathlib
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import PIL.Image

from ssd_tf import specs
from ssd_tf.data.annotations import Category
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.shapes import draw_shapes
from ssd_tf.export.description import describe
from ssd_tf.export.forms import export_model
from ssd_tf.geometry.anchors import default_boxes
from ssd_tf.geometry.matching import match
from ssd_tf.models.layers import BatchNorm
from ssd_tf.models.preprocessing import preprocess
from ssd_tf.models.ssd import build_model, drawing_weights
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.convert import write_tensors
from ssd_tf.weights.model_info import ModelInfo

DETECTOR, CLASSES = "ssd300_resnet34", 80
# Boxes of an image: as many as an image of COCO has.
BOXES = 7
LOGIT_DEVIATION = 0.7
# Of a trained net nearly all anchors are background.
BACKGROUND_BIAS = 8.0


def main() -> None:
    folder, batch_size = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    spec = specs.spec(DETECTOR)
    images, boxes, classes = drawn(batch_size, spec.image_size)
    model = drawn_model(spec, preprocess(images, spec))
    write_tensors(folder / "ssd.safetensors", model)
    categories = tuple(Category(k, f"class {k}") for k in range(1, CLASSES + 1))
    description = describe(ModelInfo(spec, categories))
    try:
        export_model(description, model, folder / "model.onnx", "onnx")
    except UserError as error:
        print(error)
    offsets, labels = match(spec, boxes, classes, jit_compile=False)
    np.savez(
        folder / "inputs.npz",
        images=images,
        boxes=boxes,
        classes=classes,
        normalized=preprocess(images, spec),
        offsets=offsets,
        labels=labels,
        anchors=default_boxes(spec),
        cells=[level.cells for level in spec.levels],
        boxes_per_cell=[level.boxes_per_cell for level in spec.levels],
    )


def drawn(batch_size: int, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images uint8 [B, side, side, 3], boxes [B, BOXES, 4], classes [B, BOXES]."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        dataset = read_coco(draw_shapes(folder, num_images=batch_size, image_size=(side, side)), folder / "images")
        images = [np.asarray(PIL.Image.open(image.path).convert("RGB")) for image in dataset.images]
    corners, sizes = rng.uniform(0, 0.6, (batch_size, BOXES, 2)), rng.uniform(0.05, 0.4, (batch_size, BOXES, 2))
    boxes = np.concatenate([corners, corners + sizes], axis=-1).astype(np.float32)
    return np.stack(images), boxes, rng.integers(1, CLASSES + 1, (batch_size, BOXES)).astype(np.int32)


def drawn_model(spec, images) -> keras.Model:
    """With statistics of these images, and logits of deviation LOGIT_DEVIATION on each level, around the bias."""
    with drawing_weights(0):
        model = build_model(spec, CLASSES)
    norms = [layer for layer in model.layers if isinstance(layer, BatchNorm)]
    for norm in norms:
        norm.momentum = 0.0
    model(images, training=True)
    for norm in norms:
        norm.momentum = spec.batch_norm.momentum
    layers = [model.get_layer(f"logits{index}") for index in range(len(spec.levels))]
    heads = keras.Model(model.input, [layer.output for layer in layers])
    for layer, logits in zip(layers, heads(images), strict=True):
        layer.kernel.assign(layer.kernel * (LOGIT_DEVIATION / np.std(logits)))
        bias = np.zeros((layer.filters // (CLASSES + 1), CLASSES + 1), np.float32)
        bias[:, 0] = BACKGROUND_BIAS
        layer.bias.assign(bias.ravel())
    return model


if __name__ == "__main__":
    main()

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images of any size -> batches as a model takes them -> the detections of each image.

What a LiteRT or ONNX model needs is NumPy and PIL alone; TensorFlow is imported where a model is TensorFlow's.
"""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ssd_tf.data.annotations import Category
from ssd_tf.drawing.detections import visible
from ssd_tf.export import litert_detect
from ssd_tf.geometry.detections import Detections
from ssd_tf.specs import DetectorSpec

if TYPE_CHECKING:
    import tensorflow as tf


class AnyPredictor(Protocol):
    """A model in any form, called on uint8 RGB [B, *input_size, 3]; the attributes are Predictor's."""

    spec: DetectorSpec
    categories: tuple[Category, ...]
    min_score: float
    on_tensorflow: bool

    @property
    def input_size(self) -> tuple[int, int]: ...

    @property
    def max_detections(self) -> int: ...

    def __call__(self, images: "np.ndarray | tf.Tensor", score_threshold: float | None = None) -> Detections: ...


def model_input(predictor: AnyPredictor, image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 of the predictor's input size, [S, S, 3], with the same pixels as in evaluation.

    Without TensorFlow one of a thousand values is another, by one: sums in another order are rounded.
    """
    return resized(predictor, image, predictor.input_size)


def resized(predictor: AnyPredictor, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 of this height and width, as the predictor's model takes images."""
    antialias = predictor.spec.preprocessing.antialias
    if predictor.on_tensorflow:
        import tensorflow as tf

        with tf.device("/cpu:0"):  # as in evaluation; and a GPU would make it wait for the model
            return _resizer(size, antialias)(image).numpy()
    return litert_detect.resize(image, size, antialias)


def detect_batch(
    predictor: AnyPredictor, inputs: Sequence[np.ndarray], batch_size: int, score_threshold: float
) -> list[Detections]:
    """The detections in each of at most `batch_size` results of `model_input`, NumPy and of one image.

    Those wholly outside their image are left out: default boxes may lie there (all but a few of the last levels of
    ssd300_res10 do), and nobody can see what such a box is around. Evaluation counts them, as the references do.

    A batch of TensorFlow's is filled up with black images, so that one graph serves all.
    """
    batch = np.zeros((batch_size if predictor.on_tensorflow else len(inputs), *inputs[0].shape), np.uint8)
    batch[: len(inputs)] = inputs
    found = [np.asarray(value) for value in predictor(batch, score_threshold)]
    return [_in_image(Detections(*(value[place : place + 1] for value in found))) for place in range(len(inputs))]


def _in_image(found: Detections) -> Detections:
    """NumPy detections of one image without those wholly outside it."""
    count = int(found.count[0])
    kept = np.flatnonzero(visible(found.boxes[0, :count]))
    if len(kept) == count:
        return found

    def first(values):
        new = np.zeros_like(values)
        new[0, : len(kept)] = values[0, kept]
        return new

    return Detections(
        first(found.boxes), first(found.scores), first(found.classes), np.full_like(found.count, len(kept))
    )


@functools.cache
def _resizer(size: tuple[int, int], antialias: bool) -> "Callable[[np.ndarray], tf.Tensor]":
    """`resize` as one graph for images of all sizes, which takes half as long as its ops one by one."""
    import tensorflow as tf

    from ssd_tf.data.images import resize

    return tf.function(
        lambda image: resize(image, size, antialias),
        input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)],
        autograph=False,
    )

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A trained detector, ready to use: uint8 images in, detections out. Whatever --model names is loaded here."""

import functools
import pathlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf import specs
from ssd_tf.data.annotations import Category
from ssd_tf.data.images import resize
from ssd_tf.data.manifest import Manifest
from ssd_tf.drawing.detections import visible
from ssd_tf.export.exported import ExportedPredictor, LiteRTPredictor, OnnxPredictor, load_exported
from ssd_tf.geometry.detections import Detections, detect
from ssd_tf.models.folding import fold_batch_norm
from ssd_tf.models.preprocessing import preprocess
from ssd_tf.models.ssd import build_model
from ssd_tf.specs import DetectorSpec
from ssd_tf.utils.hardware import cpu_name
from ssd_tf.weights.convert import read_model
from ssd_tf.weights.keras_file import SUFFIX as KERAS_SUFFIX
from ssd_tf.weights.keras_file import load_keras
from ssd_tf.weights.model_dir import find_checkpoint, restore_model
from ssd_tf.weights.model_info import ModelInfo, load_info, require_same_model
from ssd_tf.weights.published import find_detector, is_published

# Of an image, the most detections that COCO's AP looks at.
COCO_DETECTIONS = 100


class Predictor:
    """Calls a model on uint8 RGB [B, S, S, 3] and returns Detections (normalised boxes, classes 1..C).

    Attributes:
      spec: the detector.
      categories: entry k - 1 is class k.
      min_score: no detection with a lower score comes out; 0 here, since only exported models have such a limit.
      max_detections: K.
      frozen: the model's weights of the start count for good, which is faster; else those of each call.
    """

    min_score = 0.0

    def __init__(
        self, spec: DetectorSpec, categories: tuple[Category, ...], model: keras.Model, *, frozen: bool = False
    ):
        self.spec = spec
        self.categories = categories
        self.frozen = frozen
        self._run_model = _frozen(model) if frozen else functools.partial(model, training=False)
        self._predict = tf.function(self._forward)

    @property
    def max_detections(self) -> int:
        return self.spec.detection.max_detections

    def __call__(self, images: tf.Tensor, score_threshold: float | None = None) -> Detections:
        if score_threshold is None:
            score_threshold = self.spec.detection.score_threshold
        return self._predict(images, tf.constant(score_threshold))

    def _forward(self, images, score_threshold):
        outputs = self._run_model(preprocess(images, self.spec))
        return detect(self.spec, outputs["offsets"], outputs["logits"], score_threshold)


def _frozen(model: keras.Model) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """The model with constants for weights, which TensorFlow lays out for its kernels once, and not at each call."""
    folded = fold_batch_norm(model)
    weights = [np.asarray(variable) for variable in folded.non_trainable_variables]

    def run(images: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs, _ = folded.stateless_call([], [tf.constant(value) for value in weights], images, training=False)
        return outputs

    return run


AnyPredictor = Predictor | ExportedPredictor


def load_predictor(path: str | pathlib.Path) -> AnyPredictor:
    """The predictor of a model in any form: model_dir, checkpoint, .keras, SavedModel, LiteRT or ONNX file, or
    "torchvision:NAME" for a detector of `published`, which is downloaded.

    A checkpoint computes in Keras' global dtype policy.

    Raises:
      OSError, ValueError: there is no model, or it cannot be loaded.
    """
    if exported := load_exported(pathlib.Path(path)):
        return exported
    info, model = load_model(path)
    return Predictor(info.spec, info.categories, model, frozen=True)


def load_predictor_for(path: str | pathlib.Path, manifest: Manifest) -> AnyPredictor:
    """The same, to be scored on a split, with `warn_of_limits`.

    Raises:
      As `load_predictor`; ValueError too where the model and the split have other classes.
    """
    predictor = load_predictor(path)
    found, wanted = (ModelInfo(predictor.spec, part.categories) for part in (predictor, manifest))
    require_same_model(pathlib.Path(path), found, wanted)
    warn_of_limits(predictor)
    return predictor


def model_input(predictor: AnyPredictor, image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 [S, S, 3], with the same pixels as in evaluation."""
    return _resizer(predictor.spec.image_size, predictor.spec.preprocessing.antialias)(image).numpy()


def detect_batch(
    predictor: AnyPredictor, inputs: Sequence[np.ndarray], batch_size: int, score_threshold: float
) -> list[Detections]:
    """The detections in each of at most `batch_size` results of `model_input`, NumPy and of one image.

    Those wholly outside their image are left out: default boxes may lie there (all but a few of the last levels of
    ssd300_res10 do), and nobody can see what such a box is around. Evaluation counts them, as the references do.

    The batch is filled up with black images, so that one graph serves all.
    """
    batch = np.zeros((batch_size, *inputs[0].shape), np.uint8)
    batch[: len(inputs)] = inputs
    found = [np.asarray(value) for value in predictor(tf.constant(batch), score_threshold)]
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
def _resizer(size: int, antialias: bool) -> Callable[[np.ndarray], tf.Tensor]:
    """`resize` as one graph for images of all sizes, which takes half as long as its ops one by one."""
    return tf.function(
        lambda image: resize(image, size, antialias),
        input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)],
        autograph=False,
    )


def warn_of_limits(predictor: AnyPredictor) -> None:
    """Logs a warning where an exported model leaves out what counts for AP."""
    warn_of_min_score(predictor, predictor.spec.detection.score_threshold)
    if predictor.max_detections < COCO_DETECTIONS:
        logging.warning(
            "this model was exported with --max_detections=%d: AP, which looks at %d, may be lower",
            predictor.max_detections,
            COCO_DETECTIONS,
        )


def warn_of_min_score(predictor: AnyPredictor, wanted: float) -> None:
    """Logs a warning where an exported model leaves out detections with scores that are wanted."""
    if predictor.min_score > wanted:
        logging.warning(
            "this model was exported with --score_threshold=%g: detections between %g and that are missing",
            predictor.min_score,
            wanted,
        )


def device_name(predictor: AnyPredictor) -> str:
    """What a predictor runs on, such as "GPU NVIDIA H100" or "CPU Intel Xeon ..."; takes a second the first time."""
    gpus = tf.config.list_physical_devices("GPU")
    # The two run on the CPU here, whatever else there is.
    if not gpus or isinstance(predictor, LiteRTPredictor | OnnxPredictor):
        return f"CPU {cpu_name()}"
    name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "")
    return f"GPU {name}".strip()


def load_model(path: str | pathlib.Path) -> tuple[ModelInfo, keras.Model]:
    """The Keras model of a model_dir, of one of its checkpoints, of a .keras file, or of "torchvision:NAME".

    Raises:
      As `load_predictor`.
    """
    if is_published(path):
        return read_model(path, specs.named(find_detector(path).detector))
    if pathlib.Path(path).suffix == KERAS_SUFFIX:
        return load_keras(path)
    model_dir, checkpoint = find_checkpoint(path)
    info = load_info(model_dir)
    model = build_model(info.spec, len(info.categories))
    restore_model(model, checkpoint)
    logging.info("%s for %d classes from %s", info.spec.name, len(info.categories), checkpoint)
    return info, model

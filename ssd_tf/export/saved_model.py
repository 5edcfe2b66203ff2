# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A trained detector -> a SavedModel for TensorFlow Serving. What evaluation does to an image is inside the graph.

Letters: B images of a request, H x W pixels of an image, K detections, A anchors, C classes, S side of the input.

| signature | takes | answers |
|---|---|---|
| serving_default | `image_bytes`: string [B]; JPEG, PNG, BMP or GIF of any sizes | detections, `errors` string [B] |
| detect | `images`: uint8 RGB [B, H, W, 3] | detections |
| raw | `images`: float [B, S, S, 3], preprocessed | `offsets` [B, A, 4], `logits` [B, A, C + 1] |

Detections are `boxes` [B, K, 4], [ymin, xmin, ymax, xmax], normalised; `boxes_pixels`, the same in pixels of each
image; `scores` [B, K], best first; `class_ids` int64 [B, K], the data set's; `class_names` [B, K]; `count` int32 [B].
From `count` on all is zero or empty. An image that cannot be decoded has count 0 and a reason in `errors`, else "".
"""

import pathlib
import secrets
import shutil
import tempfile
from typing import Any

import keras
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from ssd_tf.data import images as image_ops
from ssd_tf.data.reading import or_default
from ssd_tf.export.description import DESCRIPTION, LABELS, Description, labels_text, to_json
from ssd_tf.export.exported import versions
from ssd_tf.geometry.decoding import detect
from ssd_tf.models.preprocessing import preprocess
from ssd_tf.specs import DetectorSpec
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import make_folder
from ssd_tf.weights.model_info import CONFIG

# The name that the warm-up requests ask for. TensorFlow Serving sends them to the model whatever its name.
_SERVED_NAME = "default"
# A larger image is refused before it is decoded; 64 megapixels are 200 MB of RGB.
MAX_PIXELS = 1 << 26
# Images of a request that are decoded at the same time, which bounds their memory.
DECODED_AT_ONCE = 4
_UNREADABLE = f"expected a whole JPEG, PNG, BMP (without palette) or GIF of 1 to {MAX_PIXELS} pixels"


def export_saved_model(description: Description, model: keras.Model, output: str | pathlib.Path) -> pathlib.Path:
    """Writes OUTPUT/N, where N is one more than the highest version there.

    A version appears all at once: a server that watches the folder never loads half of one.

    Args:
      description: detector, classes and thresholds.
      model: as build_model's, in float32.
      output: the folder of all versions, as TensorFlow Serving's model_base_path.

    Returns:
      The folder of the new version.

    Raises:
      ValueError: output is a model_dir, which must not be taken for the versions in it.
      NotADirectoryError: output is a file.
    """
    output = pathlib.Path(output)
    if (output / CONFIG).exists():
        raise UserError(f"expected a folder for exported versions. Received: {output}, which is a model_dir")
    make_folder(output)
    temporary = output / f".{secrets.token_hex(4)}.tmp"
    try:
        with tempfile.TemporaryDirectory() as assets:
            _write(description, model, pathlib.Path(assets), temporary)
        version = _publish(temporary, output)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return version


def _publish(folder: pathlib.Path, output: pathlib.Path) -> pathlib.Path:
    """Gives a finished export the next number that is free; another export may take one at the same time."""
    while True:
        version = output / str(max(versions(output), default=0) + 1)
        try:
            return folder.rename(version)
        except OSError:
            if not version.exists():
                raise


def _write(description: Description, model: keras.Model, assets: pathlib.Path, output: pathlib.Path) -> None:
    module = tf.Module()
    # TensorFlow's own variables: of Keras' wrappers round them `save` makes copies, and a session, which is how
    # TensorFlow Serving loads, would restore the copies alone.
    module.parameters = [variable.value for variable in model.variables]
    module.assets = []
    for name, text in ((LABELS, labels_text(description.info.categories)), (DESCRIPTION, to_json(description))):
        (assets / name).write_text(text, encoding="utf-8")
        module.assets.append(tf.saved_model.Asset(str(assets / name)))
    tf.saved_model.save(module, str(output), _Signatures(description, model).functions())
    _write_warmup(output, description.info.spec)


class _Signatures:
    """What the module's docstring says of each signature."""

    def __init__(self, description: Description, model: keras.Model):
        self._description, self._model = description, model
        self._spec = description.info.spec
        categories = description.info.categories
        # By class; 0 is padding.
        self._ids = tf.constant([0, *(category.id for category in categories)], tf.int64)
        self._names = tf.constant(["", *(category.name for category in categories)])

    def functions(self) -> dict[str, Any]:
        size = self._spec.image_size
        signatures = {
            "serving_default": tf.TensorSpec([None], tf.string, name="image_bytes"),
            "detect": tf.TensorSpec([None, None, None, 3], tf.uint8, name="images"),
            "raw": tf.TensorSpec([None, size, size, 3], tf.float32, name="images"),
        }
        return {name: tf.function(getattr(self, name), input_signature=[spec]) for name, spec in signatures.items()}

    def serving_default(self, image_bytes):
        size = self._spec.image_size
        sides = tf.TensorSpec([], tf.int32)
        images, heights, widths = tf.map_fn(
            lambda encoded: _read(encoded, size, self._spec.preprocessing.antialias),
            image_bytes,
            parallel_iterations=DECODED_AT_ONCE,
            fn_output_signature=(tf.TensorSpec([size, size, 3], tf.uint8), sides, sides),
        )
        return {**self._answer(images, heights, widths), "errors": tf.where(heights > 0, "", _UNREADABLE)}

    def detect(self, images):
        shape = tf.shape(images)
        heights, widths = tf.fill(shape[:1], shape[1]), tf.fill(shape[:1], shape[2])
        resized = image_ops.resize(images, self._spec.image_size, self._spec.preprocessing.antialias)
        return self._answer(resized, heights, widths)

    def raw(self, images):
        # oneDNN's convolutions refuse an empty batch, so one image takes its place.
        batch = tf.shape(images)[0]
        filled = tf.pad(images, [[0, tf.cast(batch == 0, tf.int32)], [0, 0], [0, 0], [0, 0]])
        outputs = self._model(filled, training=False)
        return {"offsets": outputs["offsets"][:batch], "logits": outputs["logits"][:batch]}

    def _answer(self, images, heights, widths):
        outputs, wanted = self.raw(preprocess(images, self._spec)), self._description
        found = detect(
            self._spec,
            outputs["offsets"],
            outputs["logits"],
            wanted.score_threshold,
            wanted.iou_threshold,
            wanted.max_detections,
            jit_compile=False,  # the graph may run where there is no XLA
        )
        # A black image stands in for one that cannot be decoded; what is found in it does not count.
        readable = heights > 0
        kept = readable[:, None] & tf.sequence_mask(found.count, wanted.max_detections)
        boxes = tf.where(kept[..., None], found.boxes, 0.0)
        classes = tf.where(kept, found.classes, 0)
        sides = tf.cast(tf.stack([heights, widths, heights, widths], axis=-1), tf.float32)
        return {
            "boxes": boxes,
            "boxes_pixels": boxes * sides[:, None],
            "scores": tf.where(kept, found.scores, 0.0),
            "class_ids": tf.where(kept, tf.gather(self._ids, classes), 0),
            "class_names": tf.gather(self._names, classes),
            "count": tf.where(readable, found.count, 0),
        }


def _read(encoded: tf.Tensor, size: int, antialias: bool):
    """What the model sees of an encoded image, its height and its width; black, 0 and 0 where it is unreadable."""

    def read(content):
        image = image_ops.decode_upright(image_ops.bounded(content, MAX_PIXELS))
        shape = tf.shape(image)
        return image_ops.resize(image, size, antialias), shape[0], shape[1]

    return or_default(read, encoded, (tf.zeros([size, size, 3], tf.uint8), 0, 0))


def _write_warmup(folder: pathlib.Path, spec: DetectorSpec) -> None:
    """Requests that TensorFlow Serving sends to itself, so that the first one of a client is not the slow one."""
    black = tf.zeros([spec.image_size, spec.image_size, 3], tf.uint8)
    requests = (
        ("serving_default", "image_bytes", tf.io.encode_jpeg(black)[None]),
        ("detect", "images", black[None]),
        ("raw", "images", preprocess(black, spec)[None]),
    )
    predict: Any = predict_pb2  # generated code, whose names no type checker sees
    logs: Any = prediction_log_pb2
    extra = folder / "assets.extra"
    extra.mkdir()
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        for signature, name, value in requests:
            request = predict.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = _SERVED_NAME, signature
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
            log = logs.PredictionLog(predict_log=logs.PredictLog(request=request))
            writer.write(log.SerializeToString())

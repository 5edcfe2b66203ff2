# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A trained detector -> a LiteRT (TFLite) file for phones and small boards, with its metadata inside.

The model takes RGB [1, S, S, 3] in 0..255, as float32, or as uint8 where it is quantised to int8, and normalises it.
Letters: A anchors, C classes, K detections, S side of the input.
"""

import dataclasses
import io
import math
import pathlib
import tempfile
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from ssd_tf.export import flatbuffer
from ssd_tf.export.description import DESCRIPTION, LABELS, Description, labels_text, require_clamped_overlaps, to_json
from ssd_tf.export.metadata import with_metadata
from ssd_tf.export.quantization import quantize_int8, with_float16_weights, with_int8_weights
from ssd_tf.geometry.anchors import default_boxes
from ssd_tf.models.preprocessing import preprocess
from ssd_tf.specs import DetectorSpec
from ssd_tf.utils.errors import UserError, first_line
from ssd_tf.utils.files import atomic_path, require_file_target

QUANTIZE = ("none", "float16", "dynamic", "int8")
NMS = ("none", "op")
# Between the places of two classes, in image sides: boxes of different classes would have to be that large to overlap.
CLASS_DISTANCE = 4.0


@dataclasses.dataclass(frozen=True)
class LiteRTConfig:
    """Settings of a LiteRT file.

    Attributes:
      quantize: "none"; "float16" (weights); "dynamic" (int8 weights); "int8" (weights and activations, by images).
      nms: "none" answers offsets and logits; "op" answers detections, by the op TFLite_Detection_PostProcess.
    """

    quantize: str = "none"
    nms: str = "none"

    def __post_init__(self):
        for name, known in (("quantize", QUANTIZE), ("nms", NMS)):
            if getattr(self, name) not in known:
                raise UserError(f"{name}: expected one of {', '.join(known)}. Received: {getattr(self, name)!r}")


def export_litert(
    description: Description,
    model: keras.Model,
    output: str | pathlib.Path,
    config: LiteRTConfig,
    calibration: Iterable[np.ndarray] = (),
) -> None:
    """Writes a .tflite file of builtin ops.

    Args:
      description: detector, classes and thresholds.
      model: as build_model's.
      output: the file.
      config: quantisation, and where detections are made.
      calibration: uint8 RGB [S, S, 3] images, for int8: they tell the range of every tensor.

    Raises:
      ValueError: int8 without calibration images or without ai-edge-litert; the file would need TensorFlow's ops; the
        spec has negative_overlaps.
      OSError: the file cannot be written.
    """
    output = pathlib.Path(output)
    require_file_target(output)
    content = packed(description, convert(description, model, config, calibration), config)
    with atomic_path(output) as temporary:
        temporary.write_bytes(content)


def convert(
    description: Description, model: keras.Model, config: LiteRTConfig, calibration: Iterable[np.ndarray] = ()
) -> bytes:
    """The model that `export_litert` writes, without what it carries."""
    require_clamped_overlaps(description, "litert")
    size = description.info.spec.image_size
    archive = keras.export.ExportArchive()
    archive.track(model)
    answer = _detections(description, model) if config.nms == "op" else _outputs(description.info.spec, model)
    archive.add_endpoint("serving_default", answer, [tf.TensorSpec([1, size, size, 3], tf.float32, name="images")])
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        try:
            content = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        except ConverterError as error:
            raise UserError(f"the model has ops that LiteRT does not have: {first_line(error)}") from error
    if config.quantize == "float16":
        content = with_float16_weights(content)
    elif config.quantize == "dynamic":
        content = with_int8_weights(content)
    elif config.quantize == "int8":
        content = quantize_int8(content, calibration)
    _require_builtin(content, allowed={"TFLite_Detection_PostProcess"} if config.nms == "op" else set())
    return content


def packed(description: Description, content: bytes, config: LiteRTConfig) -> bytes:
    """The model with metadata, label file, description and, where it leaves decoding to others, default boxes."""
    files = {
        LABELS: labels_text(description.info.categories).encode(),
        DESCRIPTION: to_json(description, **dataclasses.asdict(config)).encode(),
    }
    if config.nms == "none":
        buffer = io.BytesIO()
        np.save(buffer, default_boxes(description.info.spec))
        files["anchors.npy"] = buffer.getvalue()
    return with_metadata(content, description.info.spec.name, files, labels=LABELS if config.nms == "op" else None)


def _outputs(spec: DetectorSpec, model: keras.Model):
    def answer(images):
        outputs = model(preprocess(images, spec), training=False)
        return {"logits": outputs["logits"], "offsets": outputs["offsets"]}

    return answer


def _detections(description: Description, model: keras.Model):
    """Detections by the op TFLite_Detection_PostProcess, the same as those of ssd_tf.detect.

    The op has two kinds of NMS. The one for several classes loses the class whose number is the number of threads
    (LiteRT 2.3: with two threads class 2, from 0, is never found), and keeps 100 of a class. So the other one is used,
    which knows no classes, with the best anchors of each class moved to a place of their own. It keeps a box whose IoU
    with a better one is exactly the threshold, whatever the spec says of such a box.

    Raises:
      ValueError: the spec clips boxes before non-maximum suppression or bounds their growth, which the op does not.
    """
    spec = description.info.spec
    if spec.detection.clip_boxes:
        raise UserError(
            f"nms=op: {spec.name} clips boxes before non-maximum suppression, which TFLite_Detection_PostProcess cannot"
        )
    if spec.detection.max_growth is not None:
        raise UserError(f"nms=op: {spec.name} bounds the growth of boxes, which TFLite_Detection_PostProcess cannot")
    num_classes, kept = len(description.info.categories), description.max_detections
    candidates = min(spec.detection.candidates_per_class, spec.num_anchors)
    anchors_a4 = tf.constant(default_boxes(spec))
    columns = math.ceil(math.sqrt(num_classes))
    places_c2 = np.stack(np.divmod(np.arange(num_classes), columns), axis=1).astype(np.float32) * CLASS_DISTANCE
    post_process = _post_process_op(description, spec.variances)

    def answer(images):
        outputs = model(preprocess(images, spec), training=False)
        scores_ca = tf.transpose(tf.nn.softmax(outputs["logits"])[0, :, 1:])
        scores_cn, anchor_cn = tf.math.top_k(scores_ca, candidates)
        offsets_m4 = tf.reshape(tf.gather(outputs["offsets"][0], anchor_cn), [1, num_classes * candidates, 4])
        moved = tf.gather(anchors_a4, anchor_cn) + tf.constant(np.pad(places_c2, [(0, 0), (0, 2)])[:, None])
        scores_mc = tf.reshape(scores_cn[..., None] * tf.eye(num_classes)[:, None], [1, -1, num_classes])
        boxes, classes, scores, count = post_process(offsets_m4, scores_mc, tf.reshape(moved, [-1, 4]))
        # The op leaves whatever was in memory behind the last detection.
        found = (tf.range(kept) < tf.cast(count, tf.int32))[None]
        classes = tf.where(found, classes, 0.0)
        back = tf.gather(tf.constant(np.tile(places_c2, 2)), tf.cast(classes, tf.int32))
        # A signature sorts its outputs by name; these names give the order that readers of this op expect.
        return {
            "detection_boxes": tf.where(found[..., None], boxes - back, 0.0),
            "detection_classes": classes,
            "detection_scores": tf.where(found, scores, 0.0),
            "num_detections": count,
        }

    return answer


def _post_process_op(description: Description, variances: tuple[float, ...]):
    y_scale, x_scale, h_scale, w_scale = (1.0 / variance for variance in variances)
    attributes = {
        "max_detections": f"i: {description.max_detections}",
        "max_classes_per_detection": "i: 1",
        "use_regular_nms": "b: false",
        "nms_score_threshold": f"f: {description.score_threshold}",
        "nms_iou_threshold": f"f: {description.iou_threshold}",
        "num_classes": f"i: {len(description.info.categories)}",
        "y_scale": f"f: {y_scale}",
        "x_scale": f"f: {x_scale}",
        "h_scale": f"f: {h_scale}",
        "w_scale": f"f: {w_scale}",
    }
    text = " ".join(f'attr {{ key: "{key}" value {{ {value} }} }}' for key, value in attributes.items())
    kept = description.max_detections

    @tf.function(experimental_implements=f'name: "TFLite_Detection_PostProcess" {text}')
    def post_process(offsets, scores, anchors):
        # The converter puts the op in place of this body; only the shapes count.
        del offsets, scores, anchors
        return tf.zeros([1, kept, 4]), tf.zeros([1, kept]), tf.zeros([1, kept]), tf.zeros([1])

    return post_process


def _require_builtin(content: bytes, allowed: set[str]) -> None:
    """Raises ValueError where a model needs an op that LiteRT itself does not have."""
    custom = {code.customCode.decode() for code in flatbuffer.read(content).operatorCodes if code.customCode}
    if custom - allowed:
        raise UserError(f"the LiteRT model needs ops that LiteRT does not have: {', '.join(sorted(custom - allowed))}")

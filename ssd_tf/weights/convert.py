# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Weight files <-> folders of ours: other people's weights become a model_dir, and a model_dir their file."""

import pathlib
from typing import Any

import keras
import numpy as np
import safetensors.numpy

from ssd_tf.data.annotations import Category
from ssd_tf.data.formats.coco import COCO_CATEGORIES
from ssd_tf.models.ssd import build_model, drawing_weights
from ssd_tf.specs import DetectorSpec
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import atomic_path
from ssd_tf.weights import layout, sources
from ssd_tf.weights.caffe import turned_round
from ssd_tf.weights.caffe_ssd import CaffeDetector, read_caffe_detector
from ssd_tf.weights.load import read_content
from ssd_tf.weights.model_dir import save_model
from ssd_tf.weights.model_info import ModelInfo
from ssd_tf.weights.published import local_file
from ssd_tf.weights.pytorch import state_dict
from ssd_tf.weights.torchvision import COCO_BY_ID

# By the alphabet, as all of these number them.
_VOC_NAMES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
_VOC_CATEGORIES = tuple(Category(number, name) for number, name in enumerate(_VOC_NAMES, start=1))
# Whose weights of 20 classes are for VOC's.
_TRAINED_ON_VOC = ("amdegroot", "Caffe", "torchcv", "kuangliu")
_WRITERS = {
    ".safetensors": lambda path, tensors: safetensors.numpy.save_file(tensors, path),
    ".npz": lambda path, tensors: _save_npz(path, tensors),
}


def import_model(
    source: str | pathlib.Path,
    spec: DetectorSpec,
    output: pathlib.Path,
    categories: tuple[Category, ...] = (),
    num_classes: int = 0,
) -> ModelInfo:
    """Makes a model_dir of a weight file.

    Args:
      output: the folder to make.
      source, spec, categories, num_classes: see `read_model`.

    Returns:
      What the model is.

    Raises:
      As `read_model`; ValueError too where output holds a model.
    """
    info, model = read_model(source, spec, categories, num_classes)
    save_model(output, info, model, [str(source)])
    return info


def read_model(
    source: str | pathlib.Path, spec: DetectorSpec, categories: tuple[Category, ...] = (), num_classes: int = 0
) -> tuple[ModelInfo, keras.Model]:
    """The model in a weight file.

    Args:
      source: a .pth, .pt, .safetensors, .npz or .caffemodel file, or "torchvision:NAME", with the tensors of a detector
        that `load_weights` knows, or of a backbone alone that `load_backbone` knows: then all else is fresh.
      categories: the classes; empty takes them from the file, see `categories_of`.
      num_classes: how many classes there must be, where categories are not given; 0: as many as the file has.

    Raises:
      FileNotFoundError: there is no such file; OSError: it cannot be downloaded.
      KeyError, ValueError: it cannot be read or does not fit, or its classes are not known.
    """
    source = local_file(source)
    content = read_content(source)
    tensors = state_dict(content, str(source))
    backbone = sources.is_backbone(tensors)
    if backbone and not categories:
        if not num_classes:
            raise UserError(
                f"{source} holds a backbone alone: the classes (annotations), or their number, must be given"
            )
        categories = _numbered(num_classes)
    categories = categories or categories_of(content, tensors, spec, str(source), num_classes)
    info = ModelInfo(spec, categories)
    with drawing_weights(seed=0):  # those of the heads, where the file holds a backbone
        model = build_model(spec, len(categories))
    assign = sources.assign_backbone if backbone else sources.assign
    assign(model, tensors, str(source))
    return info, model


def import_caffe_model(
    source: pathlib.Path,
    prototxt: pathlib.Path,
    output: pathlib.Path,
    categories: tuple[Category, ...] = (),
    num_classes: int = 0,
) -> ModelInfo:
    """Makes a model_dir of a .caffemodel and the .prototxt that says what net it is.

    Args:
      source: the .caffemodel.
      prototxt: for deployment, or for the test phase: it ends in a DetectionOutput layer.
      output, categories, num_classes: as in `import_model`; empty categories are COCO's or VOC's where there are 80 or
        20 classes.

    Returns:
      What the model is; the spec is the table's, where there is an equal one.

    Raises:
      FileNotFoundError: a file is not there.
      KeyError, ValueError: the net is no SSD that a spec describes, the caffemodel is of another net (both name the
        first layer that does not fit), its classes are not known, or output holds a model.
    """
    if source.suffix != ".caffemodel":
        raise UserError(f"{source}: expected a .caffemodel beside a .prototxt")
    detector = read_caffe_detector(prototxt)
    tensors = read_content(source)
    detector.blobs.check(tensors, str(source))
    if num_classes not in (0, detector.num_classes) or (categories and len(categories) != detector.num_classes):
        wanted = num_classes or len(categories)
        raise UserError(f"{prototxt}: number of classes: expected {wanted}. Received: {detector.num_classes}")
    if not categories:
        categories = _caffe_categories(detector, str(prototxt), bool(num_classes))
    info = ModelInfo(detector.spec, categories)
    model = build_model(detector.spec, len(categories))
    if detector.bgr:
        tensors = turned_round(tensors, detector.blobs.names["conv1_1", "kernel"])
    layout.assign(model, tensors, str(source), lambda *ours: detector.blobs.names[ours], anchor_major=True)
    save_model(output, info, model, [str(source), str(prototxt)])
    return info


def _caffe_categories(detector: CaffeDetector, prototxt: str, numbered: bool) -> tuple[Category, ...]:
    count = detector.num_classes
    if count == len(COCO_CATEGORIES):
        return COCO_CATEGORIES
    if count == len(_VOC_CATEGORIES):
        return _VOC_CATEGORIES
    if detector.spec.name == "ssd300_res10" and count == 1:
        return (Category(1, "face"),)
    if not numbered:
        raise _unnamed(prototxt, count)
    return _numbered(count)


def categories_of(
    content: Any, tensors: dict[str, np.ndarray], spec: DetectorSpec, source: str, num_classes: int = 0
) -> tuple[Category, ...]:
    """The classes of a detector's tensors.

    Where a training checkpoint names them, those names; where none are named, COCO's if there are 80, or the 90 ids of
    torchvision, of which ten name nothing and are left out; VOC's if there are 20 of amdegroot's, Caffe's, torchcv's or
    kuangliu's; else "class 1", "class 2", ... if their number was given. COCO's classes get COCO's ids, others 1, 2 on.
    Where the number 90 was given, torchvision's are all kept, "unused k" among them.

    Raises:
      ValueError: the tensors are no detector's, there are not num_classes of them, or the classes are not known.
    """
    boxes = spec.levels[0].boxes_per_cell
    count = sources.num_classes(tensors, boxes, source)
    if sources.has_ids_of_coco(tensors, boxes) and num_classes in (0, len(COCO_CATEGORIES), count):
        return COCO_BY_ID if num_classes == count else COCO_CATEGORIES
    if num_classes not in (0, count):
        raise UserError(f"{source}: expected {num_classes} classes. Received: tensors for {count}")
    names = _label_map(content)
    if names and len(names) != count:
        raise UserError(f"{source}: names {len(names)} classes, but its tensors are for {count}")
    if len(COCO_CATEGORIES) == count and (not names or names == tuple(c.name for c in COCO_CATEGORIES)):
        return COCO_CATEGORIES
    if names:
        return tuple(Category(number, name) for number, name in enumerate(names, start=1))
    if count == len(_VOC_CATEGORIES) and sources.source_of(tensors).name in _TRAINED_ON_VOC:
        return _VOC_CATEGORIES
    if not num_classes:
        raise _unnamed(source, count)
    return _numbered(count)


def require_writable(path: pathlib.Path) -> None:
    """Raises ValueError where `write_tensors` cannot write a file with such an ending."""
    if path.suffix not in _WRITERS:
        raise UserError(f"{path}: expected a file that ends in {' or '.join(_WRITERS)}")


def write_tensors(path: pathlib.Path, model: keras.Model, weight_names: str = DetectorSpec.weight_names) -> None:
    """Writes a model as a state_dict (names and layout) to a .safetensors or .npz file.

    Args:
      path: the file.
      model: as `build_model` made it.
      weight_names: whose names; see DetectorSpec.

    Raises:
      ValueError: the ending is another.
    """
    require_writable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        _WRITERS[path.suffix](temporary, sources.state_dict(model, weight_names))


def _save_npz(path: pathlib.Path, tensors: dict[str, np.ndarray]) -> None:
    # np.savez appends .npz to a name that does not end in it; a file it takes as it is.
    with path.open("wb") as file:
        np.savez(file, **tensors)  # pyright: ignore[reportArgumentType] - names are never allow_pickle


def _label_map(content: Any) -> tuple[str, ...]:
    """The names of classes 1, 2, ... in a training checkpoint; its label_map is {0: "background", 1: name, ...}."""
    label_map = content.get("label_map") if isinstance(content, dict) else None
    if not isinstance(label_map, dict):
        return ()
    names = [label_map.get(number) for number in range(1, len(label_map) + (0 not in label_map))]
    texts = tuple(name for name in names if isinstance(name, str))
    return texts if len(texts) == len(names) else ()


def _unnamed(path: str, count: int) -> UserError:
    return UserError(f"{path}: does not name its classes ({count}): they, or their number, must be given")


def _numbered(count: int) -> tuple[Category, ...]:
    return tuple(Category(number, f"class {number}") for number in range(1, count + 1))

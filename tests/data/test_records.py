# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What goes into a record comes out of it, under the feature names of the TensorFlow Object Detection API."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data import records
from ssd_tf.data.annotations import AnnotatedImage

NAMES = {3: "car", 90: "toothbrush"}
# Magic numbers are enough: records do not decode.
JPEG, PNG = b"\xff\xd8\xff\xe0 pixels", b"\x89PNG\r\n\x1a\n pixels"


def image(n=2):
    return AnnotatedImage(
        image_id=397133,
        path=pathlib.Path("/somewhere/val2017/000000397133.jpg"),
        height=427,
        width=640,
        boxes=np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 1.0, 0.75]], np.float64)[:n],
        category_ids=np.array([90, 3], np.int64)[:n],
        areas=np.array([1234.5, 20000.0])[:n],
        is_crowd=np.array([False, True])[:n],
    )


def features_of(serialized: bytes):
    return tf.train.Example.FromString(serialized).features.feature


def parsed(serialized: bytes) -> records.Example:
    return records.Example(*(value.numpy() for value in records.parse(tf.constant(serialized))))


def without(serialized: bytes, *names: str) -> bytes:
    example = tf.train.Example.FromString(serialized)
    for name in names:
        del example.features.feature[name]
    return example.SerializeToString()


@pytest.mark.parametrize("n", [2, 1, 0])
def test_record_gives_back_what_it_was_made_of(n):
    given = image(n)
    found = parsed(records.serialize(given, JPEG, NAMES))
    assert found.encoded == JPEG
    assert found.source_id == b"397133"
    assert (found.height, found.width) == (427, 640)
    np.testing.assert_array_equal(found.boxes, given.boxes.astype(np.float32))
    np.testing.assert_array_equal(found.category_ids, given.category_ids)
    np.testing.assert_array_equal(found.areas, given.areas.astype(np.float32))
    np.testing.assert_array_equal(found.is_crowd, given.is_crowd)
    assert found.boxes.shape == (n, 4)
    assert (found.boxes.dtype, found.category_ids.dtype, found.is_crowd.dtype) == (np.float32, np.int64, bool)


def test_feature_names_and_values_are_those_of_the_object_detection_api():
    features = features_of(records.serialize(image(), JPEG, NAMES))
    # tensorflow/models research/object_detection/dataset_tools/create_coco_tf_record.py, without what masks need.
    assert features["image/encoded"].bytes_list.value[:] == [JPEG]
    assert features["image/format"].bytes_list.value[:] == [b"jpeg"]
    assert features["image/filename"].bytes_list.value[:] == [b"000000397133.jpg"]
    assert features["image/source_id"].bytes_list.value[:] == [b"397133"]
    assert features["image/height"].int64_list.value[:] == [427]
    assert features["image/width"].int64_list.value[:] == [640]
    for column, name in enumerate(("ymin", "xmin", "ymax", "xmax")):
        values = features[f"image/object/bbox/{name}"].float_list.value[:]
        assert values == image().boxes[:, column].astype(np.float32).tolist()
    assert features["image/object/class/label"].int64_list.value[:] == [90, 3]
    assert features["image/object/class/text"].bytes_list.value[:] == [b"toothbrush", b"car"]
    assert features["image/object/is_crowd"].int64_list.value[:] == [0, 1]
    assert features["image/object/area"].float_list.value[:] == [1234.5, 20000.0]


# The header of Windows 3, which has 40 bytes.
BMP_OF_24_BITS = b"BM" + bytes(12) + b"\x28" + bytes(13) + b"\x18\x00"


@pytest.mark.parametrize(
    ("encoded", "name"),
    [(JPEG, b"jpeg"), (PNG, b"png"), (b"GIF89a...", b"gif"), (BMP_OF_24_BITS, b"bmp")],
    ids=["jpeg", "png", "gif", "bmp"],
)
def test_format_is_told_by_the_bytes_not_by_the_name(encoded, name):
    assert features_of(records.serialize(image(), encoded, NAMES))["image/format"].bytes_list.value[:] == [name]


def test_bytes_that_are_no_image_are_refused():
    with pytest.raises(ValueError, match="one of JPEG, PNG, GIF, BMP"):
        records.serialize(image(), b"words", NAMES)


def test_records_of_others_without_areas_get_those_of_the_boxes():
    found = parsed(without(records.serialize(image(), JPEG, NAMES), "image/object/area"))
    # 0.2 x 0.2 and 1.0 x 0.25 of 427 x 640 pixels; float32 keeps seven digits, differences of corners six.
    np.testing.assert_allclose(found.areas, [0.04 * 427 * 640, 0.25 * 427 * 640], rtol=1e-6)


def test_records_of_others_without_crowd_flags_have_no_crowds():
    found = parsed(without(records.serialize(image(), JPEG, NAMES), "image/object/is_crowd"))
    assert found.is_crowd.tolist() == [False, False]
    assert found.areas.tolist() == [1234.5, 20000.0]


def test_records_of_others_without_boxes_parse():
    objects = [f"image/object/{name}" for name in ("area", "is_crowd", "class/label", "class/text")]
    objects += [f"image/object/bbox/{name}" for name in ("ymin", "xmin", "ymax", "xmax")]
    found = parsed(without(records.serialize(image(), JPEG, NAMES), *objects))
    assert found.boxes.shape == (0, 4)
    assert [len(x) for x in (found.category_ids, found.areas, found.is_crowd)] == [0, 0, 0]


def test_records_say_whether_they_have_boxes():
    serialized = records.serialize(image(), JPEG, NAMES)
    none = without(serialized, "image/object/class/label")
    assert records.has_boxes(tf.constant([serialized, none, serialized])).numpy().tolist() == [True, False, True]


def test_identity_is_the_image_id_and_the_file_name():
    serialized = records.serialize(image(), JPEG, NAMES)
    assert [part.numpy() for part in records.identity(tf.constant(serialized))] == [b"397133", b"000000397133.jpg"]
    others = without(serialized, "image/filename")
    assert [part.numpy() for part in records.identity(tf.constant(others))] == [b"397133", b""]


def test_record_without_an_image_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="image/encoded"):
        records.parse(tf.constant(without(records.serialize(image(), JPEG, NAMES), "image/encoded")))


def test_features_are_in_the_order_of_their_names_so_that_every_run_writes_the_same_bytes():
    # A map of protocol buffers has no order of its own; unsorted, "bbox/xmax" comes first here and elsewhere another.
    serialized = records.serialize(image(), JPEG, NAMES)
    places = [serialized.index(name.encode()) for name in sorted(features_of(serialized))]
    assert places == sorted(places)
    assert serialized == records.serialize(image(), JPEG, NAMES)


def test_parsing_works_inside_a_dataset():
    serialized = [records.serialize(image(n), JPEG, NAMES) for n in (2, 0, 1)]
    dataset = tf.data.Dataset.from_tensor_slices(serialized).map(records.parse)
    assert [len(example.boxes) for example in dataset.as_numpy_iterator()] == [2, 0, 1]

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A real trained Caffe SSD, OpenCV's Res10 face detector, against what Caffe and OpenCV make of it on two images.

Its golden values were computed with Caffe's own layers and with OpenCV 4.14.
"""

import json
import zlib

import cv2
import family_recipe
import keras
import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.geometry.anchors import anchor_corners
from ssd_tf.inference.load import load_predictor
from ssd_tf.inference.predictor import load_model
from ssd_tf.weights.convert import import_caffe_model
from tests.apps.conftest import run_well
from tests.family import SWAPPED

IMAGES = ("face_detection_input", "object_detection_input")
FACES = 5  # above 0.5, in the first image; the second has none


@pytest.fixture(scope="module")
def res10(shared):
    folder = shared / "data" / "res10-ssd-face"
    if not folder.is_dir():
        pytest.skip(f"the Res10 face model is not here: {folder}")
    return folder


@pytest.fixture(scope="module")
def expected(shared):
    folder = shared / "golden" / "family"
    if not folder.is_dir():
        pytest.skip(f"golden values of the Res10 face model are not here: {folder}")
    with np.load(folder / "res10_face.npz") as arrays:
        return {**arrays, **json.loads((folder / "res10_face.json").read_text())}


@pytest.fixture(scope="module")
def model_dir(res10, tmp_path_factory):
    folder = tmp_path_factory.mktemp("res10") / "model"
    source = res10 / "res10_300x300_ssd_iter_140000.caffemodel"
    info = import_caffe_model(source, res10 / "deploy.prototxt", folder)
    assert info.spec is ssd_tf.spec("ssd300_res10")
    assert info.categories == (Category(1, "face"),)
    return folder


def resized(res10, image, expected):
    """RGB uint8 [1, 300, 300, 3] of an image, resized by OpenCV as for the golden values."""
    pixels = cv2.resize(cv2.imread(str(res10 / f"{image}.jpg")), (300, 300))
    blob = np.ascontiguousarray((pixels - np.float32([104, 177, 123])).transpose(2, 0, 1))
    if zlib.crc32(blob[None].tobytes()) != expected[image]["blob_crc32"]:
        pytest.skip("this OpenCV decodes or resizes JPEG otherwise than the one that made the golden values")
    return pixels[None, ..., ::-1]


@pytest.mark.parametrize("image", IMAGES)
def test_offsets_scores_and_detections_are_caffe_s(res10, model_dir, expected, image):
    info, model = load_model(model_dir)
    np.testing.assert_allclose(anchor_corners(info.spec)[:, SWAPPED], expected["priorbox_ltrb"], rtol=0, atol=1e-6)
    inputs = ssd_tf.preprocess(tf.constant(resized(res10, image, expected)), info.spec)
    layers = {"input_bn": "data_bn", "pool1": "conv1_pool", "l2norm0": "conv4_3_norm"}
    probe = keras.Model(model.input, [model.output, *(model.get_layer(name).output for name in layers)])
    outputs, *activations = probe(inputs)
    for name, values in zip(layers.values(), activations, strict=True):
        nchw = np.transpose(values, (0, 3, 1, 2)).reshape(-1)
        sample = nchw[family_recipe.sample_index(nchw.size, 512, f"res10/{name}")]
        # Measured: 1.7e-6 at values up to 4.3.
        np.testing.assert_allclose(sample, expected[f"{image}_caffe_{name}_sample"], rtol=0, atol=1e-5, err_msg=name)
    offsets = outputs["offsets"].numpy()[0][:, SWAPPED]
    # Measured: 2.1e-5 at values up to 8.3; as far as OpenCV and Caffe are apart.
    np.testing.assert_allclose(offsets, expected[f"{image}_mbox_loc"], rtol=0, atol=1e-4)
    scores = tf.nn.softmax(outputs["logits"]).numpy()[0, :, 1]
    # Measured: 1.9e-6.
    np.testing.assert_allclose(scores, expected[f"{image}_conf_softmax"].reshape(-1), rtol=0, atol=1e-5)
    found = ssd_tf.detect(info.spec, outputs["offsets"], outputs["logits"])
    rows, count = expected[f"{image}_detection_out_caffe"], int(found.count[0])
    assert count == len(rows) == {"face_detection_input": 101, "object_detection_input": 130}[image]
    # Measured: 1.2e-7 and 4.8e-7.
    np.testing.assert_allclose(found.scores[0, :count], rows[:, 1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.boxes[0, :count].numpy()[:, SWAPPED], rows[:, 2:], rtol=0, atol=1e-5)


@pytest.mark.proof
def test_programs_find_the_five_faces(res10, expected, tmp_path):
    source = res10 / "res10_300x300_ssd_iter_140000.caffemodel"
    flags = (f"--source={source}", f"--prototxt={res10 / 'deploy.prototxt'}", f"--output={tmp_path / 'model'}")
    assert "ssd300_res10 for 1 class in" in run_well("import_weights", *flags)
    run_well("predict", f"--model={tmp_path / 'model'}", f"--input={res10}", f"--output_dir={tmp_path / 'found'}")
    found = json.loads((tmp_path / "found" / "predictions.json").read_text())["annotations"]
    assert {entry["file_name"] for entry in found} == {"face_detection_input.jpg"}
    faces = expected["face_detection_input"]["above_0.5"]  # score, l, t, r, b
    assert len(found) == len(faces) == FACES
    for entry, (score, *box) in zip(found, faces, strict=True):
        left, top, width, height = entry["bbox"]
        # TensorFlow decodes and resizes a JPEG file otherwise than OpenCV, by a level of 255 here and there. Measured:
        # 1.1e-3 in the score, 1.4e-4 of a side, which is a sixth of a pixel of 1920 x 1080.
        assert entry["score"] == pytest.approx(score, abs=5e-3)
        corners = [left / 1920, top / 1080, (left + width) / 1920, (top + height) / 1080]
        np.testing.assert_allclose(corners, box, rtol=0, atol=1e-3)


@pytest.mark.proof
@pytest.mark.parametrize(("form", "ending"), [("saved_model", ""), ("litert", ".tflite"), ("onnx", ".onnx")])
def test_exported_forms_find_the_same(res10, model_dir, expected, tmp_path, form, ending):
    image = tf.constant(resized(res10, IMAGES[0], expected))
    rows = expected[f"{IMAGES[0]}_detection_out_caffe"]
    output = tmp_path / f"faces{ending}"
    run_well("export", f"--model={model_dir}", f"--output={output}", f"--format={form}")
    found = load_predictor(output)(image)
    count = int(found.count[0])
    assert count == len(rows)
    # Measured: 3.6e-7 and 4.8e-7.
    np.testing.assert_allclose(found.scores[0, :count], rows[:, 1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.asarray(found.boxes[0, :count])[:, SWAPPED], rows[:, 2:], rtol=0, atol=1e-5)

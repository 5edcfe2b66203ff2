# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Files that are no detector in a .keras file; that good ones come back is tested with the Python face."""

import zipfile

import keras
import numpy as np
import pytest

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.keras_file import load_keras, save_keras
from ssd_tf.weights.model_info import ModelInfo

INFO = ModelInfo(ssd_tf.spec("ssd128_tiny"), (Category(7, "кот"),))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "mine.keras"
    save_keras(path, INFO, ssd_tf.build_model("ssd128_tiny", 1))
    return path


def test_file_comes_back(saved):
    info, model = load_keras(saved)
    assert info == INFO and model.name == "ssd128_tiny"
    assert keras.saving.load_model(saved).count_params() == model.count_params()


@pytest.mark.parametrize(
    "name", ["ssd300_vgg16", "ssdlite320_mobilenet_v2", "ssdlite320_mobilenet_v3_large", "ssd300_res10"]
)
def test_layers_of_every_backbone_come_back(name, tmp_path):
    info, model = ModelInfo(ssd_tf.spec(name), INFO.categories), ssd_tf.build_model(name, 1)
    save_keras(tmp_path / "mine.keras", info, model)
    found, loaded = load_keras(tmp_path / "mine.keras")
    assert found == info
    for weight, wanted in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), wanted.numpy())


def test_other_ending_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"expected a file that ends in \.keras\. Received: .*mine\.h5"):
        save_keras(tmp_path / "mine.h5", INFO, keras.Model())


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model at .*none\.keras"):
        load_keras(tmp_path / "none.keras")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own, with NumPy 2
def test_keras_model_of_somebody_else_is_refused(tmp_path):
    path = tmp_path / "theirs.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(UserError, match=r"theirs\.keras: a Keras model, but not one that Detector\.save wrote"):
        load_keras(path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_file_that_is_cut_off_is_refused(saved, tmp_path, share):
    content = saved.read_bytes()
    path = tmp_path / "cut.keras"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=r"cut\.keras: cannot be read as a detector"):
        load_keras(path)


@pytest.mark.parametrize("entry", ["ssd_tf.json", "config.json"])
def test_entry_that_says_something_else_is_refused(saved, tmp_path, entry):
    path = tmp_path / "changed.keras"
    with zipfile.ZipFile(saved) as before, zipfile.ZipFile(path, "w") as after:
        for name in before.namelist():
            after.writestr(name, b"{}" if name == entry else before.read(name))
    with pytest.raises(UserError, match=r"changed\.keras: cannot be read as a detector"):
        load_keras(path)

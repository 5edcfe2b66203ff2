# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A small model with detections that stand clear of each other, and images for it."""

import pathlib
from collections.abc import Callable

import keras
import numpy as np
import pytest
import recipe

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.export.description import Description, describe
from ssd_tf.export.forms import export_model
from ssd_tf.export.litert import LiteRTConfig, export_litert
from ssd_tf.inference.predictor import Predictor
from ssd_tf.weights.model_info import ModelInfo
from tests.fixtures.norms import with_trained_norms
from tests.fixtures.once import made_once

# Sparse ids, not in the order of the names, one name beyond ASCII.
CATEGORIES = (Category(3, "triangle"), Category(7, "круг"), Category(90, "a cross"))


@pytest.fixture(scope="session")
def description() -> Description:
    # The threshold leaves about a hundred detections of an image.
    return describe(ModelInfo(ssd_tf.spec("ssd128_tiny"), CATEGORIES), score_threshold=0.2)


@pytest.fixture(scope="session")
def model() -> keras.Model:
    """Random weights, with larger ones for the logits: scores of all sizes, so that none are nearly equal.

    Its normalisations do something, so that a form that lost one would answer otherwise.
    """
    keras.utils.set_random_seed(3)
    model = with_trained_norms(ssd_tf.build_model("ssd128_tiny", len(CATEGORIES)))
    for level in range(4):
        head = model.get_layer(f"logits{level}")
        head.kernel.assign(head.kernel * 3.0)
        head.bias.assign(np.tile([2.0, 0.0, 0.0, 0.0], head.bias.shape[0] // 4))
    return model


@pytest.fixture(scope="session")
def predictor(description, model) -> Predictor:
    return Predictor(ssd_tf.spec("ssd128_tiny"), CATEGORIES, model)


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """uint8 [4, 128, 128, 3]."""
    return np.stack([recipe.aug_image_u8(k, (128, 128)) for k in range(4)])


@pytest.fixture(scope="session")
def served(tmp_path_factory, description, model) -> pathlib.Path:
    """A folder of versions with version 1 of the SavedModel, made once; tests only read it."""

    def export(folder: pathlib.Path) -> None:
        assert export_model(description, model, folder / "shapes", "saved_model") == folder / "shapes" / "1"

    return made_once(tmp_path_factory, "served", export) / "shapes"


@pytest.fixture(scope="session")
def onnx_file(tmp_path_factory, description, model) -> pathlib.Path:
    """The ONNX file, made once; tests only read it."""

    def export(folder: pathlib.Path) -> None:
        export_model(description, model, folder / "shapes.onnx", "onnx")

    return made_once(tmp_path_factory, "onnx", export) / "shapes.onnx"


@pytest.fixture(scope="session")
def litert_file(tmp_path_factory, description, model, images) -> Callable[..., pathlib.Path]:
    """litert_file(quantize, nms): the LiteRT file of that form, made once, when it is first asked for."""

    def file(quantize: str, nms: str = "none") -> pathlib.Path:
        def export(folder: pathlib.Path) -> None:
            export_litert(description, model, folder / f"{quantize}_{nms}.tflite", LiteRTConfig(quantize, nms), images)

        return made_once(tmp_path_factory, f"litert_{quantize}_{nms}", export) / f"{quantize}_{nms}.tflite"

    return file

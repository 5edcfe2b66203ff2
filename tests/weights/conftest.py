# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of weight files."""

import pytest

import ssd_tf
from ssd_tf.weights.pytorch import read_pytorch
from tests.weights.torch_files import FORMS


@pytest.fixture(scope="session")
def torch():
    return pytest.importorskip("torch", reason="PyTorch writes the files of this test")


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def saved(torch, form, tmp_path):
    """Writes an object as PyTorch does, in either format, and reads it."""

    def save_and_read(content, **options):
        torch.save(content, tmp_path / "saved.pth", _use_new_zipfile_serialization=form == "zip", **options)
        return read_pytorch(tmp_path / "saved.pth")

    return save_and_read


@pytest.fixture(scope="module")
def built(request):
    """A model of the test file's SPEC and CLASSES, and its first weights."""
    model = ssd_tf.build_model(request.module.SPEC, request.module.CLASSES)
    return model, model.get_weights()


@pytest.fixture
def model(built):
    """The same model for all tests of a file, with its first weights."""
    model, weights = built
    model.set_weights(weights)
    return model

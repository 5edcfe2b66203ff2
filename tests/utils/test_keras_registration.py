# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Modules that are imported with another, whichever comes first; shown with modules that are quickly imported."""

import importlib
import inspect
import pathlib
import sys

import pytest

import ssd_tf
from ssd_tf.utils import keras_registration


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Stands in for Keras with a module of this test, and gives the modules that came with it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(keras_registration, "_KERAS", "stand_in_for_keras")
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    (tmp_path / "stand_in_for_keras.py").write_text("VALUE = 1\n")
    (tmp_path / "comes_with_it.py").write_text("from stand_in_for_keras import VALUE\n")
    yield lambda: {"stand_in_for_keras", "comes_with_it"} & set(sys.modules)
    for name in ("stand_in_for_keras", "comes_with_it"):
        sys.modules.pop(name, None)


def test_module_comes_after_keras_and_not_before(modules):
    finders = list(sys.meta_path)
    keras_registration.import_with_keras(["comes_with_it"])
    assert modules() == set()
    assert importlib.util.find_spec("stand_in_for_keras") and modules() == set()  # looking is not importing
    found = importlib.import_module("stand_in_for_keras")
    assert modules() == {"stand_in_for_keras", "comes_with_it"}
    assert sys.meta_path == finders
    assert inspect.getsource(found) == "VALUE = 1\n"


def test_module_comes_at_once_where_keras_is_there(modules):
    importlib.import_module("stand_in_for_keras")
    finders = list(sys.meta_path)
    keras_registration.import_with_keras(["comes_with_it"])
    assert modules() == {"stand_in_for_keras", "comes_with_it"}
    assert sys.meta_path == finders


def test_keras_that_is_not_installed_is_not_found(modules, tmp_path):
    (tmp_path / "stand_in_for_keras.py").unlink()
    keras_registration.import_with_keras(["comes_with_it"])
    with pytest.raises(ModuleNotFoundError, match="stand_in_for_keras"):
        importlib.import_module("stand_in_for_keras")


def test_every_module_that_registers_a_class_comes_with_keras():
    root = pathlib.Path(ssd_tf.__file__).parent
    registering = {
        ".".join(path.relative_to(root.parent).with_suffix("").parts)
        for path in root.rglob("*.py")
        if "\n@keras.saving.register_keras_serializable" in path.read_text()
    }
    assert registering == set(ssd_tf.REGISTERING)

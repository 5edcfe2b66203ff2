# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The package's public names, and that importing it costs nothing."""

import os
import pathlib
import subprocess
import sys

import pytest

import ssd_tf

_ROOT = pathlib.Path(ssd_tf.__file__).parent.parent


def heavy_modules_after(code: str) -> list[str]:
    """Which of TensorFlow and Keras a fresh interpreter has loaded after the code."""
    report = "import sys; print(*sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, "-c", f"{code}; {report}"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_import_does_not_start_tensorflow():
    assert heavy_modules_after("import ssd_tf") == []


def test_looking_up_a_detector_and_its_anchors_does_not_start_tensorflow():
    code = "import ssd_tf; assert ssd_tf.default_boxes(ssd_tf.spec('ssd128_tiny')).shape == (1520, 4)"
    assert heavy_modules_after(code) == []


def test_a_name_that_needs_tensorflow_loads_it():
    # Shows that the two tests above can fail.
    assert heavy_modules_after("import ssd_tf; ssd_tf.match") != []


@pytest.mark.parametrize("name", sorted(set(ssd_tf.__all__) - {"__version__"}))
def test_public_name_resolves_to_the_thing_of_that_name(name):
    value = getattr(ssd_tf, name)
    assert value.__name__ == name
    assert value.__module__.startswith("ssd_tf.")
    assert value.__doc__


def test_public_names_are_those_of_the_design():
    assert set(ssd_tf.__all__) >= {
        *("spec", "default_boxes", "build_model", "match", "multibox_loss", "MultiBoxLoss", "detect"),
        *("load_weights", "preprocess", "Detector", "Prediction", "TrainConfig", "prepare", "train"),
    }
    assert set(ssd_tf.__all__) <= set(dir(ssd_tf))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No ssd_tf attribute detekt"):
        _ = ssd_tf.detekt

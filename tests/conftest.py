# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Fixtures that several test files use: folders of data, and the reference's layout of anchors."""

import os
import pathlib
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import tensorflow as tf

import ssd_tf

# A shell that runs pytest in the background makes it ignore Ctrl-C, and so the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Four devices, so that what runs on several replicas can be tested in this process. All else runs on the first.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
)

_TESTS = pathlib.Path(__file__).parent
# What several folders of tests share.
pytest_plugins = [
    "tests.fixtures.live",
    "tests.fixtures.package_index",
    "tests.fixtures.prepared_split",
    "tests.fixtures.report_run",
    "tests.fixtures.small_runs",
    "tests.fixtures.trained",
    "tests.fixtures.weights_server",
]
# recipe.py makes the inputs of the golden values.
sys.path.insert(0, str(_TESTS / "golden"))


@pytest.fixture(scope="session")
def golden() -> pathlib.Path:
    """The folder of golden values, computed with the PyTorch reference; its README says how."""
    return _TESTS / "golden"


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """Real images and annotations, which are not part of the repository."""
    folder = _TESTS.parent.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"real images and annotations are not here: {folder}")
    return folder


@pytest.fixture(scope="session")
def reference_order() -> np.ndarray:
    """int [8732]: entry i is the place in the reference's order of our anchor i.

    The reference runs over level, kind, row, column; ours over level, row, column, kind.
    """
    order, start = [], 0
    for level in ssd_tf.spec("ssd300_resnet34").levels:
        kinds, cells = level.boxes_per_cell, level.cells
        count = kinds * cells * cells
        order.append(start + np.arange(count).reshape(kinds, cells, cells).transpose(1, 2, 0).reshape(-1))
        start += count
    return np.concatenate(order)

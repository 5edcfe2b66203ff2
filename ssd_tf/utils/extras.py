# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Packages that are not installed with ssd_tf itself, but with one of its extras."""

import importlib
import importlib.util
from typing import Any

from ssd_tf.utils.errors import UserError

# The extra of setup.cfg that installs a module.
_EXTRAS = {
    "apache_beam": "beam",
    "apache_beam.options.pipeline_options": "beam",
    "ai_edge_litert.interpreter": "litert",
    "tf2onnx": "onnx",
    "onnxruntime": "onnx",
    "mlperf_loadgen": "mlperf",
    "mlperf_logging.mllog.mllog": "mlperf",
    "PySide6.QtWidgets": "app",
}


def is_installed(module: str) -> bool:
    """Whether the package of a module is there; it is not imported."""
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def import_extra(module: str) -> Any:
    """The module.

    Raises:
      ValueError: it is not installed; the message says how to install it.
    """
    if not is_installed(module):
        package = module.partition(".")[0]
        raise UserError(f"this needs {package}, which is not installed: pip install 'ssd_tf[{_EXTRAS[module]}]'")
    return importlib.import_module(module)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Imports of packages that an extra of ours installs, and of those whose C++ side prints while they are loaded."""

import contextlib
import importlib
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

from ssd_tf.utils.errors import UserError

# The extra of setup.cfg that installs a module.
_EXTRAS = {
    "apache_beam": "beam",
    "apache_beam.options.pipeline_options": "beam",
    "tf2onnx": "onnx",
    "onnxruntime": "onnx",
    "mlperf_loadgen": "mlperf",
    "mlperf_logging.mllog.mllog": "mlperf",
    "PySide6.QtWidgets": "app",
    "pillow_heif": "heic",
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


# File descriptor 2 is the whole process's.
_STDERR = threading.RLock()


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Holds back what is written to stderr, by C++ too; shows it where the block raises. One thread at a time."""
    with _STDERR, tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)

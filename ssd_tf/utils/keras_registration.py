# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Makes Keras know layers of ours wherever both are imported, in either order, without importing Keras ourselves.

keras.saving.load_model finds a class by the name under which the class registered itself when its module was imported.
Keras has no registration by name alone, and those modules import TensorFlow, which `import ssd_tf` must not. So they
are imported when Keras is: at once where it is there already, else right after it, by a finder of Python's import
system (https://docs.python.org/3/reference/import.html#the-meta-path).
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence

_KERAS = "keras"


def import_with_keras(modules: Sequence[str]) -> None:
    """Imports the modules as soon as Keras is imported: now, or later."""
    if _KERAS in sys.modules:
        _import_all(modules)
    else:
        sys.meta_path.insert(0, _AfterKeras(modules))


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Finds Keras where it always is, and imports other modules after it."""

    def __init__(self, modules: Sequence[str]):
        self._modules = modules

    def find_spec(self, fullname: str, path=None, target=None) -> importlib.machinery.ModuleSpec | None:
        if fullname != _KERAS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_then_import(module: types.ModuleType) -> None:
            run(module)
            sys.meta_path.remove(self)
            _import_all(self._modules)

        # On the loader itself, which is new with each spec: it stays the loader that others know.
        setattr(spec.loader, "exec_module", run_then_import)  # noqa: B010 - its class declares it a method
        return spec


def _import_all(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A detector as a .keras file: Keras' own archive, with one more entry that says what detector and classes it is."""

import json
import pathlib
import tempfile
import warnings
import zipfile

import keras

from ssd_tf.utils.errors import UserError, first_line
from ssd_tf.utils.files import require_file_target
from ssd_tf.weights.model_info import ModelInfo, info_from_json, info_to_json

SUFFIX = ".keras"
# The entry of the archive; Keras reads its own entries by name and leaves others alone.
_INFO = "ssd_tf.json"


def save_keras(path: str | pathlib.Path, info: ModelInfo, model: keras.Model) -> None:
    """Writes the file, whole or not at all. `keras.saving.load_model` reads it too, after `import ssd_tf`.

    Raises:
      ValueError: the path does not end in .keras.
      OSError: the file cannot be written.
    """
    path = pathlib.Path(path)
    if path.suffix != SUFFIX:
        raise UserError(f"expected a file that ends in {SUFFIX}. Received: {path}")
    require_file_target(path)
    # Keras looks at the ending, which that of `atomic_path` is not.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        temporary = pathlib.Path(folder) / path.name
        with warnings.catch_warnings():
            # Keras 3.15 turns its variables into arrays in a way that NumPy 2 calls deprecated.
            warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
            model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(_INFO, json.dumps(info_to_json(info), indent=1))
        temporary.replace(path)


def load_keras(path: str | pathlib.Path) -> tuple[ModelInfo, keras.Model]:
    """What `save_keras` wrote. The layers compute in what they computed in when they were saved.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no .keras file, or one that `save_keras` did not write.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no model at {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            if _INFO not in archive.namelist():
                raise UserError(f"{path}: a Keras model, but not one that Detector.save wrote: it has no {_INFO}")
            info = info_from_json(json.loads(archive.read(_INFO)))
        model = keras.saving.load_model(path, compile=False)
    except UserError:
        raise
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as a detector in a {SUFFIX} file: {first_line(error)}") from error
    return info, model

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What model a folder or a file holds, as config.json and every exported model say it. No TensorFlow is needed."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from ssd_tf import specs
from ssd_tf.data.annotations import Category
from ssd_tf.specs import DetectorSpec
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import parse_json, write_atomically

CONFIG = "config.json"


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What a checkpoint's model is: its spec, and its classes in order (class k is entry k - 1)."""

    spec: DetectorSpec
    categories: tuple[Category, ...]


def info_to_json(info: ModelInfo) -> dict[str, Any]:
    """What config.json and exported models say of a model; `info_from_json` reads it."""
    return {
        "detector": info.spec.name,
        "spec": specs.spec_to_json(info.spec),
        "categories": [dataclasses.asdict(category) for category in info.categories],
    }


def info_from_json(content: Mapping[str, Any]) -> ModelInfo:
    """The model that such content describes; older content has the name of a detector and no spec.

    Raises:
      KeyError, TypeError, ValueError: it is not of that form.
    """
    spec = specs.spec_from_json(content["spec"]) if "spec" in content else specs.named(content["detector"])
    return ModelInfo(spec, tuple(Category(c["id"], c["name"]) for c in content["categories"]))


def save_config(model_dir: pathlib.Path, info: ModelInfo, settings: dict[str, Any]) -> None:
    """Writes config.json: the model, and the settings it is trained with."""
    write_config(model_dir, {**info_to_json(info), "settings": settings})


def load_settings(model_dir: pathlib.Path) -> dict[str, Any] | None:
    """The settings that the run in this folder has; None where the model was made elsewhere and saved here."""
    return json.loads((model_dir / CONFIG).read_text()).get("settings")


def load_info(model_dir: pathlib.Path) -> ModelInfo:
    """The ModelInfo in config.json.

    Raises:
      FileNotFoundError: there is none.
      ValueError: it is not one of ours.
    """
    path = model_dir / CONFIG
    if not path.is_file():
        raise FileNotFoundError(f"{model_dir} is not a model_dir: it has no {CONFIG}")
    try:
        return info_from_json(parse_json(path.read_text()))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a configuration of ssd_tf ({error!r})") from error


def require_same_detector(path: pathlib.Path, found: ModelInfo, wanted: ModelInfo) -> None:
    """Raises ValueError where a checkpoint of `found` is of another detector than `wanted`."""
    if found.spec.name != wanted.spec.name:
        raise UserError(f"{path} holds a {found.spec.name}, not a {wanted.spec.name}")
    if found.spec != wanted.spec:
        fields = ", ".join(specs.differences(found.spec, wanted.spec))
        raise UserError(f"{path} holds another {found.spec.name}: its spec differs in {fields}")


def require_same_model(path: pathlib.Path, found: ModelInfo, wanted: ModelInfo) -> None:
    """Raises ValueError where a checkpoint of `found` cannot be used for `wanted`."""
    require_same_detector(path, found, wanted)
    if len(found.categories) != len(wanted.categories):
        raise UserError(
            f"{path} was trained for {len(found.categories)} classes, the data set has {len(wanted.categories)}"
        )
    if found.categories != wanted.categories:
        pairs = zip(found.categories, wanted.categories, strict=True)
        ours, theirs = next((a, b) for a, b in pairs if a != b)
        raise UserError(
            f"{path} was trained for other classes: {ours.id} {ours.name!r} where the data set has {theirs.id} "
            f"{theirs.name!r}"
        )


def write_config(model_dir: pathlib.Path, content: dict[str, Any]) -> None:
    """Writes config.json."""
    write_atomically(model_dir / CONFIG, json.dumps(content, indent=1) + "\n")

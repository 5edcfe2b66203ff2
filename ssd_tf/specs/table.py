# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The table of detectors, and how one is found: by its name, or in a JSON file."""

import pathlib

from ssd_tf.specs import mobilenet, res10, resnet, vgg16
from ssd_tf.specs.detector import DetectorSpec, spec_from_json
from ssd_tf.specs.sizes import with_image_size
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import parse_json


def spec(detector: "str | pathlib.Path | DetectorSpec", image_size: int = 0) -> DetectorSpec:
    """The detector that is meant: by its name in the table, as a JSON file, or a spec, which is returned as it is.

    Args:
      image_size: side of its input in pixels, as `with_image_size` takes it; 0 leaves it.

    Raises:
      ValueError: no detector has that name (the message lists those that there are), the file holds no spec, or the
        detector does not work on images of that size.
      FileNotFoundError: a path that ends in .json names no file.
    """
    if isinstance(detector, DetectorSpec):
        found = detector
    elif str(detector).endswith(".json"):
        found = _read(pathlib.Path(detector))
    else:
        found = named(str(detector))
    return with_image_size(found, image_size) if image_size else found


def _read(path: pathlib.Path) -> DetectorSpec:
    if not path.is_file():
        raise FileNotFoundError(f"no file with a detector's spec at {path}")
    try:
        return spec_from_json(parse_json(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise UserError(f"{path}: not a detector's spec: {error}") from error


def named(name: str) -> DetectorSpec:
    """The detector of that name in the table.

    Raises:
      ValueError: there is none; the message lists those that there are.
    """
    if name not in DETECTORS:
        raise UserError(
            f"unknown detector {name!r}; expected one of: {', '.join(DETECTORS)}; or a .json file with a spec"
        )
    return DETECTORS[name]


# The tiny one stands last: it is no one's reference.
DETECTORS = {
    entry.name: entry
    for entry in (*resnet.REFERENCES, *vgg16.REFERENCES, *mobilenet.REFERENCES, res10.SSD300, resnet.SSD128_TINY)
}

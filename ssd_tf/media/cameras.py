# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The cameras of this machine."""

import dataclasses
import pathlib
import re
import sys

from ssd_tf.media.opencv_source import can_open_camera

# Where Linux keeps a folder for each video device.
_DEVICES = pathlib.Path("/sys/class/video4linux")
# Other systems do not tell: so many numbers are tried. Each try may take a second, and the light of a camera turns on.
_TRIED = 3


@dataclasses.dataclass(frozen=True)
class Camera:
    """A camera: the number by which it is opened, and what the system calls it."""

    number: int
    name: str


def list_cameras() -> list[Camera]:
    """The cameras, by number; an empty list where there is none.

    Elsewhere than on Linux this opens the cameras, so that it takes seconds and leaves out those that are in use.
    """
    if sys.platform == "linux":
        return cameras_in(_DEVICES)
    return [Camera(number, f"camera {number}") for number in range(_TRIED) if can_open_camera(number)]


def cameras_in(devices: pathlib.Path) -> list[Camera]:
    """The cameras in a folder like /sys/class/video4linux.

    A camera has several devices; that of index 0 gives images.
    """
    if not devices.is_dir():
        return []
    found = []
    for device in devices.iterdir():
        number = re.fullmatch(r"video(\d+)", device.name)
        if number and _text(device / "index") in ("0", ""):
            found.append(Camera(int(number[1]), _text(device / "name") or f"camera {number[1]}"))
    return sorted(found, key=lambda camera: camera.number)


def _text(path: pathlib.Path) -> str:
    """The line in a file; empty where the file is missing, since a camera may be unplugged at any time."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""

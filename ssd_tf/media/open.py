# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What --source names: a camera, a stream of the network, a video, or a folder or pattern of images."""

import pathlib
import re

from ssd_tf.data.image_files import is_image
from ssd_tf.media.image_source import ImageSource
from ssd_tf.media.inputs import find_images, matches
from ssd_tf.media.opencv_source import VideoSource
from ssd_tf.media.remote_source import RemoteSource
from ssd_tf.media.source import Source


def open_source(text: str) -> Source:
    """Opens what --source names: "0" (a camera), a video, rtsp://... or http://..., a folder or pattern of images.

    Raises:
      FileNotFoundError: there is no such file or camera.
      ValueError, OSError: it is there, but cannot be used.
    """
    source = find_source(text)
    try:
        source.open()
    except BaseException:
        source.close()
        raise
    return source


def find_source(text: str) -> Source:
    """The same, not yet opened: returns at once.

    Raises:
      FileNotFoundError: there is no such file.
    """
    if camera := re.fullmatch(r"(?:/dev/video)?(\d+)", text):
        return RemoteSource(camera[1])
    if re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE):
        return RemoteSource(text)
    path = pathlib.Path(text)
    if not (text and (path.exists() or matches(text))):  # an empty path is the current folder
        raise FileNotFoundError(f"no camera, address, file, folder or match: {text!r}")
    if path.is_file() and not is_image(path):
        return VideoSource(text)
    return ImageSource(text, find_images(text))

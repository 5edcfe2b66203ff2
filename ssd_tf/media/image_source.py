# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images one after the other, as a source of frames."""

import pathlib

import numpy as np
from absl import logging

from ssd_tf.media.source import Frame, Source, SourceInfo
from ssd_tf.utils.errors import UserError

# Images a second: slow enough to look at each.
IMAGES_FPS = 1.0


class ImageSource(Source):
    """Image files, which may differ in size. One that cannot be read is left out, with a line in the log."""

    def __init__(self, text: str, paths: list[pathlib.Path]):
        self._text = text
        self._paths = paths
        self._place = 0  # in self._paths
        self._next: np.ndarray | None = None

    def open(self) -> None:
        """Raises ValueError where no image can be read."""
        self._next = self._read_next()
        if self._next is None:
            raise UserError(f"{self._text}: not readable as an image")
        height, width = self._next.shape[:2]
        path = self._paths[0] if len(self._paths) == 1 else None
        name = pathlib.Path(self._text).name or self._text
        self.info = SourceInfo(name, "images", IMAGES_FPS, len(self._paths), width, height, path)

    def read(self) -> Frame | None:
        image = self._next if self._next is not None else self._read_next()
        self._next = None
        if image is None:
            return None
        index = self._place - 1
        return Frame(image, index, index / IMAGES_FPS, self._paths[index].name)

    def close(self) -> None:
        self._next = None

    def _read_next(self) -> np.ndarray | None:
        from ssd_tf.data.image_files import read_image  # late: imports TensorFlow, which takes seconds

        while self._place < len(self._paths):
            path = self._paths[self._place]
            self._place += 1
            try:
                return read_image(path)
            except UserError as error:
                logging.warning("%s; it is left out", error)
                self.left_out += (str(error),)
        return None

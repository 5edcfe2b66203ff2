# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images of any kind and size -> what was found in each, in its own pixels. N is the number of objects."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageOps

from ssd_tf.data.annotations import Category
from ssd_tf.data.formats.coco_results import coco_results
from ssd_tf.data.image_files import read_image, rgb
from ssd_tf.drawing.detections import draw_detections
from ssd_tf.geometry.boxes import to_pixels_xyxy
from ssd_tf.geometry.detections import Detections
from ssd_tf.inference.ahead import batched, map_ahead
from ssd_tf.inference.batches import AnyPredictor, detect_batch, model_input
from ssd_tf.inference.load import warn_of_min_score
from ssd_tf.media.inputs import find_images
from ssd_tf.utils.errors import UserError

# Objects in the text of a Prediction.
_SHOWN = 5

AnImage = str | os.PathLike[str] | np.ndarray | PIL.Image.Image


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """What was found in an image, best first.

    Attributes:
      detections: of one image: normalised boxes, not clipped, each with a part inside the image; classes 1..C.
      categories: entry k - 1 is class k.
      source: the image: its path, or the array or PIL image that was given.
      height, width: of the image in pixels.
    """

    detections: Detections
    categories: tuple[Category, ...]
    source: AnImage
    height: int
    width: int

    def __len__(self) -> int:
        return int(self.detections.count[0])

    def __repr__(self) -> str:
        best = [f"{name} {score:.2f}" for name, score in zip(self.names, self.scores, strict=True)][:_SHOWN]
        more = [f"{len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        return f"Prediction({', '.join([*best, *more])})"

    @property
    def boxes_xyxy(self) -> np.ndarray:
        """float32 [N, 4]: [xmin, ymin, xmax, ymax] in pixels of the image; some reach beyond its edge."""
        return to_pixels_xyxy(self._boxes, self.height, self.width).astype(np.float32)

    @property
    def scores(self) -> np.ndarray:
        """float32 [N] in [0, 1], descending."""
        return np.asarray(self.detections.scores)[0, : len(self)]

    @property
    def labels(self) -> np.ndarray:
        """int64 [N]: the data set's own ids, which may be sparse."""
        return np.array([self.categories[k - 1].id for k in self._classes], np.int64)

    @property
    def names(self) -> list[str]:
        """The name of the class of each of the N objects."""
        return [self.categories[k - 1].name for k in self._classes]

    @property
    def image(self) -> np.ndarray:
        """The image as uint8 RGB [H, W, 3]; a file is read again."""
        return pixels(self.source)

    def plot(self) -> np.ndarray:
        """A copy of the image with boxes and labels, uint8 RGB; a small image is enlarged by a whole factor."""
        names = {k: category.name for k, category in enumerate(self.categories, start=1)}
        return draw_detections(self.image, self._boxes, np.array(self._classes, np.int32), self.scores, names)

    def to_coco(self, image_id: int) -> list[dict[str, Any]]:
        """The objects in COCO's results format: sparse ids, [x, y, w, h] in pixels."""
        return list(coco_results(self.detections, 0, self.categories, image_id, self.height, self.width))

    @property
    def _boxes(self) -> np.ndarray:
        return np.asarray(self.detections.boxes)[0, : len(self)]

    @property
    def _classes(self) -> list[int]:
        return np.asarray(self.detections.classes)[0, : len(self)].tolist()


def predict(
    predictor: AnyPredictor, images: AnImage | Iterable[AnImage], score_threshold: float, batch_size: int
) -> list[Prediction]:
    """What the detector finds in each image, in their order.

    Args:
      predictor: what detects.
      images: as `listed` takes them.
      score_threshold: leaves out what scores less, or as much.
      batch_size: images in a step. Reading and resizing are ahead of the model by as many.

    Raises:
      FileNotFoundError: an image is not there.
      ValueError: one is no image, or an argument is out of range.
    """
    if not 0.0 <= score_threshold <= 1.0:
        raise UserError(f"score_threshold: expected 0 to 1. Received: {score_threshold}")
    if batch_size < 1:
        raise UserError(f"batch_size: expected at least 1. Received: {batch_size}")
    warn_of_min_score(predictor, score_threshold)
    sources = listed(images)
    batch_size = min(batch_size, _power_of_two(len(sources)))
    ahead = batch_size if len(sources) > 1 else 0
    loaded = map_ahead(functools.partial(_load, predictor), map(_opened, sources), ahead)
    predictions = []
    for batch in batched(loaded, batch_size):
        found = detect_batch(predictor, [one.square for one in batch], batch_size, score_threshold)
        predictions += [
            Prediction(objects, predictor.categories, one.source, one.height, one.width)
            for objects, one in zip(found, batch, strict=True)
        ]
    return predictions


def listed(images: AnImage | Iterable[AnImage]) -> list[AnImage]:
    """The images that are meant, one by one.

    Args:
      images: an image, or any number of them, of any size: paths, PIL images, uint8 RGB [H, W, 3]; or an array
        [B, H, W, 3]. A path that stands alone may be a folder, or a pattern such as "photos/*.jpg".

    Raises:
      FileNotFoundError: a path that stands alone names nothing.
      ValueError: it is nothing of this kind.
    """
    if isinstance(images, str | os.PathLike):
        return [*find_images(os.fspath(images))]
    if isinstance(images, PIL.Image.Image):
        return [images]
    if isinstance(images, np.ndarray):
        return [*images] if images.ndim == 4 else [images]
    if isinstance(images, Iterable):
        return list(images)
    raise UserError(f"expected a path, an array, a PIL image, or a list of them. Received: {type(images).__name__}")


def pixels(image: AnImage) -> np.ndarray:
    """uint8 RGB [H, W, 3] of an image, upright: a file's or a PIL image's EXIF orientation is followed.

    Raises:
      FileNotFoundError: it is not there.
      ValueError: it is no image.
    """
    if isinstance(image, str | os.PathLike):
        path = pathlib.Path(image)
        if not path.is_file():
            raise FileNotFoundError(f"no image at {path}")
        return read_image(path)
    if isinstance(image, PIL.Image.Image):
        return rgb(PIL.ImageOps.exif_transpose(image))
    if not isinstance(image, np.ndarray):
        raise UserError(f"expected a path, an array or a PIL image. Received: {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise UserError(f"expected a uint8 RGB image [H, W, 3]. Received: {image.dtype} {list(image.shape)}")
    return image


class _Loaded(NamedTuple):
    """An image as the model takes it, and what is kept of it."""

    source: AnImage
    height: int
    width: int
    square: np.ndarray


def _load(predictor: AnyPredictor, source: AnImage) -> _Loaded:
    image = pixels(source)
    return _Loaded(source, image.shape[0], image.shape[1], model_input(predictor, image))


def _opened(source: AnImage) -> AnImage:
    """The same; a PIL image reads its file when it is first used, which threads must not do at the same time."""
    if isinstance(source, PIL.Image.Image):
        source.load()
    return source


def _power_of_two(number: int) -> int:
    """The smallest that is at least `number`: each size of batch costs TensorFlow a graph, so there are few."""
    return 1 << max(number - 1, 0).bit_length()

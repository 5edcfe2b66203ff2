# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""AnnotatedImage: the one form that every data set is read into, and the checks that each goes through."""

import collections
import dataclasses
import errno
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from ssd_tf.geometry.boxes import clip, to_coco_xywh
from ssd_tf.utils.errors import UserError

# A box may leave its image by this much of a side before it is reported as clipped: files round to 0.01 pixel.
ROUNDING = 1e-4
# What boxes are given in where the annotations do not say the size of their image.
PIXELS, FRACTIONS = "pixels", "fractions"


@dataclasses.dataclass(frozen=True)
class Category:
    """A class as the data set knows it: its own id, which may be sparse, and its name."""

    id: int
    name: str


def named_categories(classes: Sequence[str] | Mapping[int, str]) -> tuple[Category, ...]:
    """Categories from their names in order, with ids 1, 2, ..., or from names by id; by ascending id.

    Raises:
      ValueError: it is neither, there is none, or a name occurs twice.
    """
    if isinstance(classes, Mapping):
        numbered = list(classes.items())
    elif isinstance(classes, Sequence) and not isinstance(classes, str):
        numbered = list(enumerate(classes, start=1))
    else:
        numbered = []
    names = [name for _, name in numbered]
    whole = all(isinstance(number, int) and isinstance(name, str) for number, name in numbered)
    if not names or not whole or len(set(names)) != len(names):
        raise UserError(f"classes: expected a list of names, each once, or names by id. Received: {classes!r}")
    return tuple(Category(number, name) for number, name in sorted(numbered))


@dataclasses.dataclass(frozen=True)
class Stored:
    """An image inside another file: its own name, and where in that file its bytes are."""

    name: str
    offset: int
    length: int


@dataclasses.dataclass(frozen=True)
class AnnotatedImage:
    """An image and its ground truth. N is the number of boxes, which may be 0.

    Attributes:
      image_id: the data set's id.
      path: where the file lies.
      height, width: in pixels, as the annotations say; where they do not, those of the upright file.
      boxes: float64 [N, 4], [ymin, xmin, ymax, xmax], normalised.
      category_ids: int64 [N], the data set's own ids.
      areas: float64 [N], in square pixels; COCO's area is that of the object's mask.
      is_crowd: bool [N].
      is_difficult: bool [N]: PASCAL VOC's objects that are hard to recognise; None where the format knows none.
      stored: where in the file at `path` the image is; None where it is the file.
      without_size: PIXELS or FRACTIONS where the annotations do not say the size; "" where they do.
    """

    image_id: int
    path: pathlib.Path
    height: int
    width: int
    boxes: np.ndarray
    category_ids: np.ndarray
    areas: np.ndarray
    is_crowd: np.ndarray
    is_difficult: np.ndarray | None = None
    stored: Stored | None = None
    without_size: str = ""

    @property
    def name(self) -> str:
        """The image's file name, without folders."""
        return self.stored.name if self.stored else self.path.name

    def read_bytes(self) -> bytes:
        """The image as it was encoded.

        Raises:
          OSError: the file cannot be read, or ends before the image does.
        """
        if self.stored is None:
            return self.path.read_bytes()
        with self.path.open("rb") as file:
            file.seek(self.stored.offset)
            content = file.read(self.stored.length)
        if len(content) < self.stored.length:
            raise OSError(errno.EIO, "the file ends before the image does", str(self.path))
        return content

    def take(self, keep: np.ndarray) -> "AnnotatedImage":
        """The image with some of its boxes: those that `keep`, bool [N], says."""
        return dataclasses.replace(
            self,
            boxes=self.boxes[keep],
            category_ids=self.category_ids[keep],
            areas=self.areas[keep],
            is_crowd=self.is_crowd[keep],
            is_difficult=None if self.is_difficult is None else self.is_difficult[keep],
        )


@dataclasses.dataclass(frozen=True)
class AnnotatedDataset:
    """What a reader returns.

    Attributes:
      categories: in the data set's order.
      images: in the data set's order.
      findings: what was not as it should be, or was converted: messages by kind, such as "dropped".
    """

    categories: tuple[Category, ...]
    images: tuple[AnnotatedImage, ...]
    findings: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)


def plain_image(
    image_id: int,
    path: pathlib.Path,
    size: tuple[int, int],
    boxes: np.ndarray,
    category_ids: Sequence[int],
    without_size: str = "",
) -> AnnotatedImage:
    """An image of a format that knows boxes and classes alone: no crowds, and a box's area is its own.

    Args:
      image_id, path, without_size: as AnnotatedImage has them.
      size: height and width in pixels.
      boxes: [N, 4], [ymin, xmin, ymax, xmax], normalised.
      category_ids: N of them.
    """
    height, width = size
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    extent = to_coco_xywh(boxes, height, width)[:, 2:]
    ids = np.array(category_ids, np.int64)
    return AnnotatedImage(
        image_id=image_id,
        path=path,
        height=height,
        width=width,
        boxes=boxes,
        category_ids=ids,
        areas=extent.prod(axis=1),
        is_crowd=np.zeros(len(boxes), bool),
        without_size=without_size,
    )


def clean_boxes(image: AnnotatedImage) -> tuple[AnnotatedImage, list[str]]:
    """The image with boxes clipped to it and without those that have no extent inside it.

    Returns:
      The image, and one finding for each box that was changed or dropped, such as "dropped: ...".
    """
    clipped = clip(image.boxes)
    finite = np.all(np.isfinite(image.boxes), axis=1)
    extent = np.where(finite[:, None], clipped[:, 2:] - clipped[:, :2], 0.0)
    keep: np.ndarray = np.all(extent > 0.0, axis=1)
    moved: np.ndarray = keep & np.any(np.abs(clipped - image.boxes) > ROUNDING, axis=1)

    findings = []
    xywh = to_coco_xywh(image.boxes, image.height, image.width)
    for index in range(len(keep)):
        if keep[index] and not moved[index]:
            continue
        what = "clipped" if keep[index] else "dropped"
        numbers = ", ".join(f"{value:g}" for value in xywh[index])
        findings.append(
            f"{what}: box [x, y, w, h] = [{numbers}] of class id {image.category_ids[index]} "
            f"in a {image.width}x{image.height} image"
        )
    return dataclasses.replace(image, boxes=clipped).take(keep), findings


@dataclasses.dataclass(frozen=True)
class ClassCount:
    """How often a class occurs: images that have it, and boxes (crowds included)."""

    category: Category
    images: int
    boxes: int


def count_classes(categories: Sequence[Category], images: Sequence[AnnotatedImage]) -> list[ClassCount]:
    """Images and boxes of every category, in the data set's order."""
    num_boxes: collections.Counter = collections.Counter()
    num_images: collections.Counter = collections.Counter()
    for image in images:
        num_boxes.update(image.category_ids.tolist())
        num_images.update(set(image.category_ids.tolist()))
    return [ClassCount(c, num_images[c.id], num_boxes[c.id]) for c in categories]

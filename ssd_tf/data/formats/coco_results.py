# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Detections in COCO's results format (https://cocodataset.org/#format-results), kept as arrays.

A detector gives up to 200 boxes an image: as a dict each, those of COCO's 5,000 images take half a gigabyte.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np

from ssd_tf.data.annotations import Category
from ssd_tf.geometry.boxes import to_coco_xywh
from ssd_tf.geometry.detections import Detections


class Results(Sequence[dict[str, Any]]):
    """COCO results. As a sequence each is a dict of image_id, category_id, bbox and score, made when it is taken.

    Attributes:
      image_ids, category_ids: int64 [D], the data set's own; object where these are no numbers.
      boxes: float64 [D, 4], [x, y, w, h] in pixels.
      scores: float64 [D].
    """

    def __init__(self, image_ids: np.ndarray, category_ids: np.ndarray, boxes: np.ndarray, scores: np.ndarray):
        self.image_ids, self.category_ids, self.boxes, self.scores = image_ids, category_ids, boxes, scores

    @classmethod
    def of(cls, rows: "Sequence[Mapping[str, Any]]") -> "Results":
        """The same results; what is of this kind already is returned as it is."""
        if isinstance(rows, Results):
            return rows
        return cls(
            np.array([row["image_id"] for row in rows], object),
            np.array([row["category_id"] for row in rows], object),
            np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4),
            np.array([row["score"] for row in rows], np.float64),
        )

    @classmethod
    def joined(cls, parts: "Iterable[Results]") -> "Results":
        """All of them, one after the other."""
        columns = [(part.image_ids, part.category_ids, part.boxes, part.scores) for part in parts]
        if not columns:
            return cls.of([])
        return cls(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    def __len__(self) -> int:
        return len(self.scores)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] - the arrays may change

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Results": ...
    def __getitem__(self, index: int | slice) -> "dict[str, Any] | Results":
        if isinstance(index, slice):
            return self.take(index)
        return _row(self.image_ids[index], self.category_ids[index], self.boxes[index].tolist(), self.scores[index])

    def take(self, places: slice | np.ndarray) -> "Results":
        """Those at these places, int [N], in that order; or those where a mask, bool [D], is set."""
        return Results(self.image_ids[places], self.category_ids[places], self.boxes[places], self.scores[places])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        columns = (self.image_ids, self.category_ids, self.boxes, self.scores)
        return map(_row, *(column.tolist() for column in columns))


def coco_results(
    found: Detections, index: int, categories: tuple[Category, ...], image_id: int, height: int, width: int
) -> Results:
    """Image `index` of a batch of detections (NumPy) as COCO results: sparse ids, [x, y, w, h] in pixels.

    Nothing is rounded: two scores that differ only in the seventh digit still rank one before the other.
    """
    count = int(found.count[index])
    ids = np.array([category.id for category in categories], np.int64)
    return Results(
        np.full(count, image_id, np.int64),
        ids[np.asarray(found.classes[index, :count], np.int64) - 1],
        to_coco_xywh(found.boxes[index, :count], height, width),
        np.asarray(found.scores[index, :count], np.float64),
    )


def _row(image_id: Any, category_id: Any, box: list[float], score: Any) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": category_id, "bbox": box, "score": score}

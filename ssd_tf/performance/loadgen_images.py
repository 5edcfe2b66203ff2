# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The images of a prepared split as LoadGen asks for them: by index, in memory between load and unload.

LoadGen calls this a "query sample library". S: side of the images, as in the design.
"""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ssd_tf.data.annotations import Category
from ssd_tf.data.bad_examples import NO_FAULT, BadExamples
from ssd_tf.data.examples import FILLING, EvalBatch
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import eval_dataset
from ssd_tf.evaluation.evaluator import add_ground_truth
from ssd_tf.specs import DetectorSpec
from ssd_tf.utils.errors import UserError

# Images read at a time.
_READ_BATCH = 16


class SplitImages:
    """The images of a split for LoadGen (its "query sample library"), which loads and unloads them by index.

    Those that cannot be decoded are left out, as `evaluate_split` does; the others are numbered from 0 in the order of
    `eval_dataset`.

    Args:
      data_dir, manifest: the split.
      spec: of the detector, which says how large images are made and how they are resized.

    Attributes:
      ground_truth: COCO instances; entry i of its images is image i.
      categories: entry k - 1 is class k.
      spec: as given.

    Raises:
      ValueError: a record cannot be read, or no image can.
    """

    def __init__(self, data_dir: str | pathlib.Path, manifest: Manifest, spec: DetectorSpec):
        self.spec = spec
        self.categories: tuple[Category, ...] = manifest.categories
        self.ground_truth: dict[str, list[dict[str, Any]]] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": c.id, "name": c.name} for c in manifest.categories],
        }
        self._dataset = eval_dataset(data_dir, manifest, spec, _READ_BATCH)
        self._bad_examples = BadExamples(data_dir, manifest, skip_bad_records=False)
        self._loaded: dict[int, np.ndarray] = {}
        self._index_of: dict[int, int] = {}
        for batch, k in self._read():
            self._index_of[int(batch.record[k])] = len(self)
            add_ground_truth(self.ground_truth, batch, k)
        if not len(self):
            raise UserError(f"{data_dir}: expected images in split {manifest.split!r}. Received: none")

    def __len__(self) -> int:
        return len(self.ground_truth["images"])

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 [S, S, 3] of a loaded image; KeyError for another one."""
        return self._loaded[index]

    def load(self, indexes: Sequence[int]) -> None:
        """Reads images into memory; an index may come several times."""
        missing = set(indexes)
        for batch, k in self._read():
            index = self._index_of[int(batch.record[k])]
            if index in missing:
                self._loaded[index] = batch.images[k].copy()
                missing.remove(index)
            if not missing:
                return

    def unload(self, indexes: Sequence[int]) -> None:
        for index in set(indexes):
            self._loaded.pop(index, None)

    def _read(self) -> Iterator[tuple[EvalBatch, int]]:
        for batch in self._dataset.as_numpy_iterator():
            real = batch.record != FILLING
            self._bad_examples.add(batch.record[real], batch.fault[real])
            for k in np.flatnonzero(real & (batch.fault == NO_FAULT)).tolist():
                yield batch, k

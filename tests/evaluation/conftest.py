# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A small prepared split, and a detector for it that needs no training."""

import pathlib
import zlib
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data import shapes
from ssd_tf.data.coco import read_coco
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import eval_dataset
from ssd_tf.data.prepare import prepare
from ssd_tf.evaluation.loadgen_pictures import Pictures
from ssd_tf.geometry.detections import Detections

SIZE, NUM_IMAGES, KEPT = 32, 11, 20


class Split(NamedTuple):
    """A prepared split, and a detector that knows its pictures by their bytes and is a little wrong about each."""

    folder: pathlib.Path
    manifest: Manifest
    truth: dict[bytes, tuple[np.ndarray, np.ndarray]]

    def predict(self, images: tf.Tensor) -> Detections:
        """Shifted truth in any order of scores; nothing in one picture of the split, and in any other picture."""
        found = Detections(
            np.zeros((len(images), KEPT, 4), np.float32),
            np.zeros((len(images), KEPT), np.float32),
            np.zeros((len(images), KEPT), np.int32),
            np.zeros(len(images), np.int32),
        )
        for k, image in enumerate(images.numpy()):
            boxes, classes = self.truth.get(image.tobytes(), (np.zeros((0, 4)), np.zeros(0)))
            rng, n = np.random.default_rng(zlib.crc32(image.tobytes())), len(classes)
            found.boxes[k, :n] = boxes + rng.normal(0, 0.02, (n, 4))
            found.scores[k, :n] = np.sort(rng.uniform(0.05, 1, n))[::-1]
            found.classes[k, :n], found.count[k] = classes, n
        return Detections(*map(tf.constant, found))


@pytest.fixture(scope="session")
def drawn_split(tmp_path_factory) -> Split:
    """Eleven drawn pictures; nothing is found in the first."""
    folder = tmp_path_factory.mktemp("split")
    path = shapes.draw_shapes(folder / "drawn", NUM_IMAGES, image_size=(96, 72), start_id=300)
    manifest = prepare(read_coco(path, path.parent / "images"), folder, "val", {}, num_shards=2)
    class_of = {category.id: k for k, category in enumerate(manifest.categories, start=1)}
    truth = {}
    for batch in eval_dataset(folder, manifest, SIZE, 1).skip(1).as_numpy_iterator():
        n = batch.num_boxes[0]
        classes = np.array([class_of[i] for i in batch.category_ids[0, :n].tolist()])
        truth[batch.images[0].tobytes()] = (batch.boxes[0, :n], classes)
    return Split(folder, manifest, truth)


@pytest.fixture(scope="session")
def pictures(drawn_split) -> Pictures:
    """Those of drawn_split, for LoadGen."""
    return Pictures(drawn_split.folder, drawn_split.manifest, SIZE)

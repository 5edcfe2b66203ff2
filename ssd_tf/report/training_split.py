# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is known of the split that a detector was trained on, to compare with the one that it is scored on."""

import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ssd_tf.data.annotations import ClassCount
from ssd_tf.data.manifest import Manifest, load_manifest
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.geometry.detections import Detections
from ssd_tf.inference.batches import AnyPredictor
from ssd_tf.inspection.duplicates import difference_hash, near_duplicates
from ssd_tf.inspection.sources import prepared_source
from ssd_tf.inspection.splits import read_split

if TYPE_CHECKING:
    import tensorflow as tf

# Images of training that AP is measured on: enough to see overfitting, some seconds to a minute.
_SAMPLE = 200
# More images than this are not compared with each other for copies, which takes 20 ms an image of training.
_MOST_COMPARED = 5000


class TrainingSplit(NamedTuple):
    """Of the split that the detector was trained on.

    Attributes:
      classes: how many images and boxes of each class it has.
      sample: the first so many of its images were scored.
      ap50: of these; None where no image has an object.
      copies: how many images of the split that is scored look like one of training; None where that was not looked for.
      compared: the images of the split that is scored.
    """

    classes: tuple[ClassCount, ...]
    sample: int
    ap50: float | None
    copies: int | None
    compared: int


class HashingPredictor:
    """Calls a predictor, and keeps the hash of each image that it is given, as `look_at_training` takes them.

    The images are as the model takes them. On 824 photos and micrographs their hashes differed from those of the whole
    images in 2 of 64 bits at the most at a side of 300 and more, and with antialias in 3 at a side of 128; without it
    2 % of these differed in more bits than copies may.
    """

    def __init__(self, predict: Callable[["tf.Tensor"], Detections]):
        self._predict = predict
        self.hashes: list[np.uint64] = []

    def __call__(self, images: "tf.Tensor") -> Detections:
        self.hashes += [difference_hash(image) for image in np.asarray(images)]
        return self._predict(images)


def look_at_training(
    predictor: AnyPredictor,
    data_dir: str,
    split: str,
    scored_dir: str,
    scored: Manifest,
    scored_hashes: Sequence[np.uint64],
    batch_size: int,
) -> TrainingSplit | None:
    """Scores a sample of the training split, and looks for its images in the split that is scored.

    None where the training split is not there any more, has other classes, or is the one that is scored.

    Args:
      predictor: of the checkpoint.
      data_dir, split: of training.
      scored_dir, scored: of the split that is scored.
      scored_hashes: of its images, in any order; black ones, which fill up batches, are like no other.
      batch_size: images in a step.

    Raises:
      ValueError: a record cannot be read.
    """
    if (pathlib.Path(data_dir).resolve(), split) == (pathlib.Path(scored_dir).resolve(), scored.split):
        return None
    try:
        manifest = load_manifest(data_dir, split)
    except FileNotFoundError:
        return None
    if manifest.categories != scored.categories:
        return None
    sample = min(_SAMPLE, manifest.num_images)
    metrics = evaluate_split(
        predictor, data_dir, manifest, predictor.spec, batch_size, skip_bad_records=True, most=sample
    ).metrics
    ap50 = None if "AP50" in metrics.undefined else metrics.summary["AP50"]
    copies = None
    if manifest.num_images + scored.num_images <= _MOST_COMPARED:
        trained = read_split(prepared_source(data_dir, manifest))
        copies = len(near_duplicates(trained.hashes[trained.readable], np.array(scored_hashes, np.uint64)))
    return TrainingSplit(manifest.classes, sample, ap50, copies, scored.num_images)

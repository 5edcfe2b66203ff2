# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is known of the split that a detector was trained on, to compare with the one that it is scored on."""

import pathlib
from typing import NamedTuple

from ssd_tf.data.annotations import ClassCount
from ssd_tf.data.manifest import Manifest, load_manifest
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.inference.batches import AnyPredictor
from ssd_tf.inspection.copies import find_copies
from ssd_tf.inspection.sources import prepared_source
from ssd_tf.inspection.splits import read_split

# Images of training that AP is measured on: enough to see overfitting, some seconds to a minute.
_SAMPLE = 200
# More images than this are not compared with each other for copies, which takes 20 ms an image.
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


def look_at_training(
    predictor: AnyPredictor, data_dir: str, split: str, scored_dir: str, scored: Manifest, batch_size: int
) -> TrainingSplit | None:
    """Scores a sample of the training split, and looks for its images in the split that is scored.

    None where the training split is not there any more, has other classes, or is the one that is scored.

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
        sources = (prepared_source(data_dir, manifest), prepared_source(scored_dir, scored))
        copies = find_copies([read_split(source) for source in sources]).images_of(1)
    return TrainingSplit(manifest.classes, sample, ap50, copies, scored.num_images)

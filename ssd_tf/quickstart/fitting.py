# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Whether a detector's default boxes fit each class of a data set, and a detector with others where they do not."""

from typing import NamedTuple

import numpy as np

from ssd_tf.data.annotations import AnnotatedDataset
from ssd_tf.inspection.anchor_recall import anchor_recall
from ssd_tf.inspection.fit import WELL
from ssd_tf.inspection.proposal import propose
from ssd_tf.specs import DetectorSpec, with_finer_level

# Boxes of others are taken where they match so much more of a class.
_GAIN = 0.05
# A class of fewer boxes decides nothing, unless all have so few: one odd box would.
_FEWEST = 4


class Fitted(NamedTuple):
    """A detector with default boxes of the data set's own, and why it is taken."""

    spec: DetectorSpec
    why: str


def fit(dataset: AnnotatedDataset, spec: DetectorSpec, keep_levels: bool = False) -> Fitted | None:
    """The detector with default boxes for these objects; None where its own fit every class, or as well as others.

    A class that its default boxes hardly match is learnt slowly, however many others they match. Where no sizes on the
    detector's own levels match it well, since their cells are too far apart, the detector gets a finer level.

    Args:
      keep_levels: add none, so that weights of the whole detector fit.
    """
    boxes_of = {category.name: _boxes(dataset, category.id) for category in dataset.categories}
    boxes_of = {name: boxes for name, boxes in boxes_of.items() if len(boxes)}
    if not boxes_of:
        return None
    every_box = np.concatenate(list(boxes_of.values()))
    boxes_of = {name: boxes for name, boxes in boxes_of.items() if len(boxes) >= _FEWEST} or boxes_of
    own = {name: anchor_recall(boxes, spec).recall for name, boxes in boxes_of.items()}
    poor = [name for name in own if own[name] < WELL]
    taken, recall, added = spec, own, ""
    bases = [(spec, "")]
    if not keep_levels and (finer := with_finer_level(spec)):
        bases.append((finer, "a finer level and "))
    for base, addition in bases:
        if all(recall[name] >= WELL for name in poor):
            break
        proposed = propose(every_box, base)
        found = {name: anchor_recall(boxes_of[name], proposed).recall for name in poor}
        if any(found[name] >= recall[name] + _GAIN for name in poor):
            taken, recall, added = proposed, found, addition
    if taken is spec:
        return None
    gained = max(poor, key=lambda name: recall[name] - own[name])
    why = (
        f"{added}default boxes of its own: those of {spec.name} match {own[gained]:.0%} of class {gained!r}, "
        f"these {recall[gained]:.0%}"
    )
    return Fitted(taken, why)


def _boxes(dataset: AnnotatedDataset, category_id: int) -> np.ndarray:
    """The objects of a class, float64 [N, 4], [xmin, ymin, xmax, ymax] as fractions of their images."""
    found = [image.boxes[(image.category_ids == category_id) & ~image.is_crowd] for image in dataset.images]
    boxes_n4 = np.concatenate([np.zeros((0, 4)), *found])
    return boxes_n4[(boxes_n4[:, 2:] > boxes_n4[:, :2]).all(axis=1)][:, [1, 0, 3, 2]]

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which detector's default boxes fit the boxes of a data set, and default boxes of its own where none does."""

from typing import NamedTuple

import numpy as np

from ssd_tf import specs
from ssd_tf.inspection.anchor_recall import AnchorRecall, anchor_recall, best_fit
from ssd_tf.inspection.proposal import propose
from ssd_tf.specs import DETECTORS, DetectorSpec

# A detector whose default boxes match fewer of the boxes does not fit well: one object in ten is then learnt from a
# single default box that lies badly.
WELL = 0.9


class Fit(NamedTuple):
    """How the default boxes of detectors fit.

    Attributes:
      recalls: of all detectors of the table, and of the one that was asked for.
      chosen: of the one that was asked for, or that fits best.
      spec: the chosen detector.
      is_asked: the chosen one was asked for.
      proposed: it with default boxes made for the data set, where its own do not fit well
        and others fit better; and how these fit.
    """

    recalls: tuple[AnchorRecall, ...]
    chosen: AnchorRecall
    spec: DetectorSpec
    is_asked: bool
    proposed: tuple[DetectorSpec, AnchorRecall] | None


def fit_detectors(boxes_n4: np.ndarray, detector: str = "") -> Fit | None:
    """How every detector fits; None where there are no boxes.

    Args:
      boxes_n4: [ymin, xmin, ymax, xmax] as fractions of the image, in [0, 1].
      detector: a name of the table or a JSON file; "" chooses the one that fits best.

    Raises:
      ValueError, FileNotFoundError: there is no such detector.
    """
    asked = specs.spec(detector) if detector else None
    if not len(boxes_n4):
        return None
    boxes_xyxy = boxes_n4[:, [1, 0, 3, 2]]
    table = dict(DETECTORS) if asked is None else {**DETECTORS, asked.name: asked}
    recalls = tuple(anchor_recall(boxes_xyxy, spec) for spec in table.values())
    by_name = {recall.detector: recall for recall in recalls}
    chosen = by_name[asked.name] if asked else best_fit(recalls)
    spec = table[chosen.detector]
    proposed = None
    if chosen.recall < WELL:
        own = propose(boxes_xyxy, spec)
        proposed = (own, anchor_recall(boxes_xyxy, own)) if own != spec else None
    return Fit(recalls, chosen, spec, asked is not None, proposed)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the viewer wants to see of a frame's detections, and the image of it."""

import dataclasses

import numpy as np

from ssd_tf.drawing.detections import draw_detections
from ssd_tf.drawing.placement import LabelMemory
from ssd_tf.media.scaling import fit_within
from ssd_tf.viewer.engine.messages import Detected


@dataclasses.dataclass(frozen=True)
class View:
    """What the viewer wants to see.

    Attributes:
      score_threshold: detections with a lower score are not drawn. Under 0.05 there are none.
      hidden_classes: are not drawn; of 1..C.
      size: (width, height) in the screen's own pixels that the image shall fit; None is the frame's size.
      text_scale: pixels of the screen for one of the desktop's, so that labels can be read on fine screens.
    """

    score_threshold: float = 0.3
    hidden_classes: frozenset[int] = frozenset()
    size: tuple[int, int] | None = None
    text_scale: float = 1.0

    def at_frame_size(self) -> "View":
        """The same boxes, in the frame's own pixels."""
        return dataclasses.replace(self, size=None, text_scale=1.0)


def draw_view(detected: Detected, view: View, labels: LabelMemory) -> tuple[np.ndarray, int]:
    """The image, uint8 RGB [h, w, 3], and how many boxes it has. `labels` keeps them where they were."""
    frame, found = detected.captured.frame.image, detected.found
    count = int(found.count[0])
    classes, scores = found.classes[0, :count], found.scores[0, :count]
    wanted = (scores >= view.score_threshold) & ~np.isin(classes, list(view.hidden_classes))
    image = draw_detections(
        fit_within(frame, view.size) if view.size else frame,
        found.boxes[0, :count][wanted],
        classes[wanted],
        scores[wanted],
        detected.names,
        min_side=0,
        text_scale=view.text_scale,
        memory=labels,
    )
    return image, int(wanted.sum())


def count_classes(detected: Detected, view: View) -> dict[int, int]:
    """Class (1..C) -> detections with score enough, those of hidden classes included."""
    found = detected.found
    count = int(found.count[0])
    enough = found.scores[0, :count] >= view.score_threshold
    classes, numbers = np.unique(found.classes[0, :count][enough], return_counts=True)
    return dict(zip(classes.tolist(), numbers.tolist(), strict=True))

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which boxes are drawn, which detections are counted, and in which size."""

import numpy as np
import pytest

from ssd_tf.drawing.placement import LabelMemory
from ssd_tf.viewer.engine.view import View, count_classes, draw_view
from tests.viewer.engine.test_display import detected


@pytest.mark.parametrize(
    ("view", "objects", "counts"),
    [
        (View(), 1, {1: 1}),
        (View(score_threshold=0.95), 0, {}),
        (View(hidden_classes=frozenset({1})), 0, {1: 1}),
        (View(hidden_classes=frozenset({2})), 1, {1: 1}),
    ],
)
def test_score_and_hidden_classes_decide_what_is_drawn_and_the_score_what_is_counted(view, objects, counts):
    image, drawn = draw_view(detected(), view, LabelMemory())
    assert (drawn, count_classes(detected(), view)) == (objects, counts)
    assert (image.max() > 0) == (objects > 0)  # the frame itself is black


def test_image_fits_the_view_or_has_the_frames_own_size():
    view = View(score_threshold=0.5, size=(40, 300), text_scale=2.0)
    assert draw_view(detected(), view, LabelMemory())[0].shape == (30, 40, 3)
    assert view.at_frame_size() == View(score_threshold=0.5)
    assert draw_view(detected(), view.at_frame_size(), LabelMemory())[0].shape == (120, 160, 3)


def test_frame_itself_stays_as_it_is():
    frame = detected()
    draw_view(frame, View(), LabelMemory())
    assert not np.any(frame.captured.frame.image)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How an exported model's detections are compared with the checkpoint's."""

import numpy as np


def assert_same_detections(found, wanted, box_tolerance: float = 1e-4, score_tolerance: float = 1e-4) -> None:
    """The same number of detections, in the same order, and enough of them to mean something."""
    np.testing.assert_array_equal(found.count, wanted.count)
    assert np.all(np.asarray(wanted.count) >= 5)
    np.testing.assert_allclose(found.scores, wanted.scores, rtol=0, atol=score_tolerance)
    np.testing.assert_array_equal(found.classes, wanted.classes)
    np.testing.assert_allclose(found.boxes, wanted.boxes, rtol=0, atol=box_tolerance)

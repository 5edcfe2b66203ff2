# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Default boxes of a data set's own are taken where a class is not matched, however rare it is."""

import pathlib

import numpy as np
import pytest

import ssd_tf
from ssd_tf.data.annotations import AnnotatedDataset, AnnotatedImage, Category
from ssd_tf.quickstart.fitting import fit

SPEC = ssd_tf.spec("ssdlite320_mobilenet_v2")
CELL, DOT = Category(1, "cell"), Category(2, "dot")


def dataset(*sides_and_classes, crowd=False) -> AnnotatedDataset:
    """Squares with these sides in pixels of the input, each at another place."""
    rng = np.random.default_rng(0)
    sides = np.array([side for side, _ in sides_and_classes])[:, None] / SPEC.image_size
    corners = rng.uniform(0, 1 - sides, (len(sides), 2))
    ids = np.array([category.id for _, category in sides_and_classes], int)
    boxes = np.concatenate([corners, corners + sides], axis=1)
    image = AnnotatedImage(1, pathlib.Path("a.jpg"), 320, 320, boxes, ids, np.ones(len(ids)), np.full(len(ids), crowd))
    return AnnotatedDataset((CELL, DOT), (image,))


def test_a_rare_class_of_small_objects_gets_default_boxes():
    found = fit(dataset(*[(80, CELL)] * 60, *[(38, DOT)] * 4), SPEC)
    assert found is not None
    assert found.spec.name == "ssdlite320_mobilenet_v2_proposed"
    assert found.why.startswith("default boxes of its own")
    assert "match 0% of class 'dot'" in found.why


def test_a_class_of_few_boxes_decides_nothing_beside_others():
    assert fit(dataset(*[(80, CELL)] * 60, *[(38, DOT)] * 3), SPEC) is None
    assert fit(dataset(*[(38, DOT)] * 3), SPEC) is not None


SMALL = dataset(*[(80, CELL)] * 60, *[(18, DOT)] * 40)


def test_objects_too_small_for_the_cells_get_a_finer_level():
    found = fit(SMALL, SPEC)
    assert found is not None
    assert found.spec.name == "ssdlite320_mobilenet_v2_stride8_proposed"
    assert found.why.startswith("a finer level and default boxes of its own")


def test_a_detector_that_keeps_its_levels_gets_default_boxes_alone():
    found = fit(SMALL, SPEC, keep_levels=True)
    assert found is not None
    assert len(found.spec.levels) == len(SPEC.levels)


@pytest.mark.parametrize("sides", [[(80, CELL)] * 30, [(80, CELL)] * 30 + [(150, DOT)] * 3])
def test_a_detector_whose_own_fit_stays(sides):
    assert fit(dataset(*sides), SPEC) is None


def test_objects_that_are_too_small_for_any_default_box_change_nothing():
    assert fit(dataset(*[(80, CELL)] * 30, *[(2, DOT)] * 3), SPEC) is None


def test_a_class_that_nothing_matches_does_not_keep_default_boxes_from_another():
    found = fit(dataset(*[(38, CELL)] * 60, *[(2, DOT)] * 5), SPEC)
    assert found is not None
    assert "match 0% of class 'cell'" in found.why


def test_crowds_do_not_count():
    assert fit(dataset(*[(20, DOT)] * 4, crowd=True), SPEC) is None

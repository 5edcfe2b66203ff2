# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import numpy as np

from ssd_tf.inspection.statistics import (
    ClassRow,
    boxes_of_images,
    class_rows,
    lacking_classes,
    objects,
    without_boxes,
)
from tests.inspection.made import BOX, annotated, split

TRAIN = split([annotated("a", [1, 1, 2]), annotated("b", [2]), annotated("c", [])], classes=("cat", "dog", "cow"))
# The same classes, and one more, with other ids.
VAL = split([annotated("d", [3, 1])], name="val", classes=("dog", "cow", "fox"))


def test_classes_are_counted_by_name_in_each_split():
    assert class_rows([TRAIN, VAL]) == [
        ClassRow("cat", (1, 0), (2, 0)),
        ClassRow("dog", (2, 1), (2, 1)),
        ClassRow("cow", (0, 0), (0, 0)),
        ClassRow("fox", (0, 1), (0, 1)),
    ]


def test_classes_of_one_name_are_counted_together():
    twice = split([annotated("a", [1]), annotated("b", [2])], classes=("cat", "cat"))
    assert class_rows([twice]) == [ClassRow("cat", (2,), (2,))]


def test_classes_that_lack_boxes_are_told_from_those_that_lack_them_in_one_split():
    rows = class_rows([TRAIN, VAL])
    assert without_boxes(rows) == ["cow"]
    assert lacking_classes(rows, [TRAIN, VAL]) == {"no box in val": ["cat"], "no box in train": ["fox"]}
    assert lacking_classes(class_rows([TRAIN]), [TRAIN]) == {}


def test_splits_that_lack_a_class_alike_are_told_together():
    splits = [TRAIN, VAL, split([annotated("e", [2])], name="test", classes=("cat", "dog"))]
    found = lacking_classes(class_rows(splits), splits)
    assert found == {"no box in val and test": ["cat"], "no box in train and test": ["fox"]}


def test_objects_are_the_boxes_that_are_no_crowds():
    crowded = split([annotated("a", [1, 2], crowds=1), annotated("b", [])])
    np.testing.assert_array_equal(objects([crowded, TRAIN]), [BOX] * 5)
    assert objects([split([])]).shape == (0, 4)
    assert boxes_of_images(crowded).tolist() == [2, 0]


def test_a_box_that_has_lost_its_extent_is_no_object():
    assert len(objects([split([annotated("a", [1], (0.1, 0.2, 0.5, 0.2)), annotated("b", [1])])])) == 1

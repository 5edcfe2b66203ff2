# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
from ssd_tf.inspection.kinds import kinds_of
from ssd_tf.inspection.statistics import class_rows
from tests.inspection.made import annotated, split


def kinds(*splits):
    return kinds_of(splits, class_rows(splits))


def test_kinds_are_put_together_from_all_splits_what_loses_boxes_first():
    train = split(
        [annotated("a", [1, 2, 3])], findings={"look: without objects": ["a: x"], "dropped": ["a: y", "b: y"]}
    )
    val = split([annotated("b", [1, 2, 3])], name="val", findings={"dropped": ["c: y"], "missing": ["d"]})
    found = kinds(train, val)
    assert [(kind.name, kind.count) for kind in found] == [("missing", 1), ("dropped", 3), ("without objects", 1)]
    assert found[1].messages == [(0, "a: y"), (0, "b: y"), (1, "c: y")]
    assert all(kind.meaning and kind.advice for kind in found)


def test_a_kind_that_is_not_known_comes_last_without_advice():
    found = kinds(split([annotated("a", [1, 2, 3])], findings={"a new one": ["x"], "dropped": ["y"]}))
    assert [(kind.name, kind.meaning) for kind in found][1] == ("a new one", "")


def test_the_size_in_the_name_of_small_boxes_does_not_matter():
    (kind,) = kinds(
        split([annotated("a", [1, 2, 3])], findings={"look: boxes under 2 pixels at an input of 300x300": ["x"]})
    )
    assert "smaller than" in kind.meaning


def test_classes_without_boxes_are_told_once_for_all_splits():
    nothing = {"look: classes without a box": ["c (id 3)", "d (id 4)"]}
    classes = ("a", "b", "c", "d")
    train = split([annotated("a", [1, 2])], findings=nothing, classes=classes)
    val = split([annotated("b", [1, 3])], name="val", findings=nothing, classes=classes)
    lacking, without = kinds(train, val)
    assert (lacking.name, lacking.count) == ("classes that a split lacks", 2)
    assert lacking.messages == [(None, "no box in val: b"), (None, "no box in train: c")]
    assert (without.name, without.count, without.messages) == ("classes without a box", 1, [(None, "d")])


def test_nothing_odd_is_nothing():
    assert kinds(split([annotated("a", [1, 2, 3])])) == []

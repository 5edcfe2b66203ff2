# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Some classes of a data set, and data sets together; a name that several classes have loses no box."""

import pathlib

import pytest

from ssd_tf.data.annotations import AnnotatedDataset, Category, plain_image
from ssd_tf.data.formats.combine import of_classes, together

BOX = [0.1, 0.1, 0.5, 0.5]
TWICE = (Category(2, "cat"), Category(5, "dog"), Category(9, "cat"))


def dataset(categories: tuple[Category, ...], *ids: int) -> AnnotatedDataset:
    """One image with a box of each of these ids."""
    return AnnotatedDataset(categories, (plain_image(1, pathlib.Path("a.jpg"), (100, 100), [BOX] * len(ids), ids),))


def ids_of(one: AnnotatedDataset) -> list[list[int]]:
    return [image.category_ids.tolist() for image in one.images]


def test_classes_of_one_name_become_the_first_of_them():
    chosen = of_classes(dataset(TWICE, 2, 5, 9), ["cat", "bird"])
    assert chosen.categories == (Category(2, "cat"), Category(10, "bird"))
    assert ids_of(chosen) == [[2, 2]]
    assert chosen.findings == {"of other classes": ["a.jpg: dog"]}


def test_all_classes_by_name_keep_every_box():
    assert ids_of(of_classes(dataset(TWICE, 2, 5, 9), ["dog", "cat"])) == [[2, 5, 2]]


def test_no_names_change_nothing():
    given = dataset(TWICE, 2, 5, 9)
    assert of_classes(given, []) is given


def test_names_that_a_data_set_lacks_altogether_are_refused():
    with pytest.raises(ValueError, match=r"classes: expected some of .*\. Received: cow"):
        of_classes(dataset(TWICE, 2), ["cow"])


def test_data_sets_together_keep_the_ids_of_the_first():
    other = (Category(1, "dog"), Category(3, "cat"))
    both = together([dataset(TWICE, 2, 5, 9), dataset(other, 1, 3)], ["a", "b"])
    assert ids_of(both) == [[2, 5, 9], [5, 2]]
    assert [image.image_id for image in both.images] == [1, 2]

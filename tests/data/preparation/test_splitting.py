# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Each part of a divided data set has its share of the images and of every class."""

import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf.data.annotations import AnnotatedImage, plain_image
from ssd_tf.data.preparation.splitting import split_images
from ssd_tf.utils.errors import UserError


def image(*classes: int) -> AnnotatedImage:
    boxes = np.tile([0.1, 0.1, 0.5, 0.5], (len(classes), 1))
    return plain_image(1, pathlib.Path("a.jpg"), (10, 10), boxes, classes)


def shares(images, parts, name) -> list[int]:
    return [sum(name in images[k].category_ids for k in part) for part in parts]


def test_rare_class_is_in_every_part():
    # Of 100 images ten have class 7: 8, 1 and 1 of them are the shares of 0.8, 0.1 and 0.1.
    images = [image(1, 7) if k % 10 == 0 else image(1) for k in range(100)]
    parts = split_images(images, [0.8, 0.1, 0.1], seed=3)
    assert [len(part) for part in parts] == [80, 10, 10]
    assert shares(images, parts, 7) == [8, 1, 1]


def test_images_without_boxes_are_shared_out_too():
    images = [image() if k < 20 else image(1) for k in range(40)]
    parts = split_images(images, [0.5, 0.5], seed=0)
    assert [sum(k < 20 for k in part) for part in parts] == [10, 10]


def test_another_seed_divides_otherwise_and_the_same_alike():
    images = [image(k % 3) for k in range(60)]
    first = split_images(images, [0.5, 0.5], seed=0)
    assert split_images(images, [0.5, 0.5], seed=0) == first
    assert split_images(images, [0.5, 0.5], seed=1) != first


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sets(st.integers(1, 5)), min_size=12, max_size=40), st.integers(0, 9))
def test_every_image_is_in_one_part_and_the_sizes_hold(classes, seed):
    images = [image(*sorted(of_image)) for of_image in classes]
    parts = split_images(images, [0.7, 0.2, 0.1], seed)
    assert sorted(k for part in parts for k in part) == list(range(len(images)))
    for part, fraction in zip(parts, [0.7, 0.2, 0.1], strict=True):
        assert abs(len(part) - fraction * len(images)) < 1


@pytest.mark.parametrize("fractions", [[], [0.5, 0.6], [1.2, -0.2], [0.5, 0.5, 0.0], [float("nan"), 1.0]])
def test_fractions_that_are_no_division_are_refused(fractions):
    with pytest.raises(UserError, match="fractions: expected numbers above 0"):
        split_images([image(1)] * 9, fractions, 0)


def test_empty_part_is_refused():
    with pytest.raises(UserError, match=r"at least one image in each part\. Received: \[2, 0\] of 2"):
        split_images([image(1)] * 2, [0.9, 0.1], 0)

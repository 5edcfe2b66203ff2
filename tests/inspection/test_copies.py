# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np

from ssd_tf.inspection.copies import Place, find_copies
from tests.inspection.made import annotated, split

# Hashes far from each other and from that of a flat image.
A, B, C = 0x0F0F0F0F0F0F0F0F, 0x3333333333333333, 0xFF00FF00FF00FF00


def of(*hashes, name="train"):
    return split([annotated(f"{k}", [1]) for k in range(len(hashes))], name=name, hashes=hashes)


def test_images_in_two_splits_are_told_from_those_in_one():
    copies = find_copies([of(A, B, A), of(C, B ^ 1, B, name="val")])
    assert copies.between == [(Place(0, 1), Place(1, 1)), (Place(0, 1), Place(1, 2))]
    assert copies.within == [(Place(0, 0), Place(0, 2)), (Place(1, 1), Place(1, 2))]
    assert [copies.images_of(s) for s in range(2)] == [0, 2]


def test_an_image_that_is_in_three_splits_counts_once_in_each():
    copies = find_copies([of(A), of(A, name="val"), of(B, A, name="test")])
    assert len(copies.between) == 3
    assert [copies.images_of(s) for s in range(3)] == [0, 1, 1]


def test_images_that_cannot_be_read_are_no_copies():
    damaged = dataclasses.replace(of(A, B, A), readable=np.array([False, True, True]))
    copies = find_copies([damaged, of(A, name="val")])
    assert copies.between == [(Place(0, 2), Place(1, 0))] and copies.within == []


def test_nothing_has_no_copies():
    assert find_copies([of(), of(A, name="val")]) == find_copies([]) == ([], [])

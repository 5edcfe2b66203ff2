# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The table of detectors: its names, and that the numbers of each entry fit each other."""

import dataclasses
import itertools

import pytest

import ssd_tf
from ssd_tf.specs import DETECTORS

every_detector = pytest.mark.parametrize("spec", DETECTORS.values(), ids=DETECTORS)


@pytest.mark.parametrize("name", ["ssd300_resnet34", "ssd128_tiny"])
def test_known_name_gives_the_detector_of_that_name(name):
    assert ssd_tf.detector(name).name == name


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown detector 'ssd999'.*ssd300_resnet34.*ssd128_tiny"):
        ssd_tf.detector("ssd999")


def test_a_spec_of_ones_own_passes_through():
    mine = dataclasses.replace(ssd_tf.detector("ssd128_tiny"), name="mine")
    assert ssd_tf.detector(mine) is mine


def test_a_spec_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ssd_tf.detector("ssd128_tiny").image_size = 300


def test_number_of_anchors():
    # Liu et al. section 3.1: 38*38*4 + 19*19*6 + 10*10*6 + 5*5*6 + 3*3*4 + 1*1*4.
    assert ssd_tf.detector("ssd300_resnet34").num_anchors == 8732
    # 16*16*4 + 8*8*6 + 4*4*6 + 2*2*4.
    assert ssd_tf.detector("ssd128_tiny").num_anchors == 1520


def test_anchors_of_ssd300_are_the_paper_s_for_coco():
    levels = ssd_tf.detector("ssd300_resnet34").levels
    assert [level.size for level in levels] == [21, 45, 99, 153, 207, 261]
    assert [level.boxes_per_cell for level in levels] == [4, 6, 6, 6, 4, 4]
    assert [level.cells for level in levels] == [38, 19, 10, 5, 3, 1]


@every_detector
def test_table_lists_each_detector_under_its_name(spec):
    assert DETECTORS[spec.name] is spec


@every_detector
def test_next_size_is_the_next_level_s_size(spec):
    for level, following in itertools.pairwise(spec.levels):
        assert level.next_size == following.size > level.size
    assert spec.levels[-1].next_size > spec.levels[-1].size


@every_detector
def test_cells_follow_from_the_convolutions(spec):
    def convolve(cells, kernel, stride, padding):
        return (cells + 2 * padding - kernel) // stride + 1

    cells = convolve(convolve(spec.image_size, 7, 2, 3), 3, 2, 1)  # conv1 and the max pool
    for stage in spec.stages:
        cells = convolve(cells, 3, stage.stride, 1)
    expected = [cells]
    for block in spec.extra_blocks:
        expected.append(convolve(expected[-1], 3, block.stride, block.padding))
    assert [level.cells for level in spec.levels] == expected


@every_detector
def test_cells_cover_the_image(spec):
    # 38 cells of 8 pixels are 304 pixels wide: the last cell may reach beyond the image, by less than itself.
    for level in spec.levels:
        assert 0 <= level.cells * level.step - spec.image_size < level.step

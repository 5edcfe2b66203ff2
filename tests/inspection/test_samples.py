# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import numpy as np

from ssd_tf.drawing.palette import class_color
from ssd_tf.inspection.examples import Example
from ssd_tf.inspection.samples import choose_samples, draw_example, draw_sample
from ssd_tf.inspection.sources import annotated_sources
from ssd_tf.inspection.splits import read_split
from tests.inspection.made import SIZE, annotated, pattern, split, write_coco


def test_every_class_is_among_the_samples_however_rare():
    common = [annotated(f"{k}", [1]) for k in range(200)]
    splits = [split([*common, annotated("x", [2])]), split([annotated("y", [1, 3])], name="val")]
    chosen = choose_samples(splits, 4)
    assert len(chosen) == len(set(chosen)) == 4
    assert {(0, 200), (1, 0)} < set(chosen)


def test_the_choice_is_the_same_each_time_and_another_for_each_seed():
    splits = [split([annotated(f"{k}", [1]) for k in range(200)])]
    assert choose_samples(splits) == choose_samples(splits) == sorted(choose_samples(splits))
    assert len(choose_samples(splits)) == 24
    assert choose_samples(splits) != choose_samples(splits, seed=1)


def test_images_that_cannot_be_read_are_not_chosen():
    assert choose_samples([split([annotated("a", [1])], readable=False), split([annotated("b", [])])]) == [(1, 0)]
    assert choose_samples([]) == []


def test_a_sample_has_its_boxes_in_the_colours_of_their_classes(tmp_path):
    path = write_coco(tmp_path, {"a.png": pattern(0)}, {"a.png": [(10, 10, 40, 40, 2)]})
    of = read_split(annotated_sources([path], tmp_path / "images")[0])
    drawn = draw_sample(of, 0).drawn
    assert drawn.shape[0] * SIZE[1] == drawn.shape[1] * SIZE[0]
    assert (drawn == class_color(2)).all(axis=2).any()
    assert not (drawn == class_color(1)).all(axis=2).any()


def test_an_example_shows_the_box_that_it_is_about_or_all(tmp_path):
    path = write_coco(tmp_path, {"a.png": pattern(0)}, {"a.png": [(10, 10, 40, 40, 2)]})
    of = read_split(annotated_sources([path], tmp_path / "images")[0])
    marked = draw_example(of, Example("x", 0, np.array([0.2, 0.2, 0.8, 1.3])))
    assert marked.shape[1] > SIZE[1] and marked.shape[0] == SIZE[0]
    np.testing.assert_array_equal(draw_example(of, Example("x", 0, None)), draw_sample(of, 0).drawn)


def test_large_images_are_made_smaller(tmp_path):
    path = write_coco(tmp_path, {"a.png": np.zeros((600, 1200, 3), np.uint8)}, {})
    of = read_split(annotated_sources([path], tmp_path / "images")[0])
    assert draw_sample(of, 0).drawn.shape == (240, 480, 3)

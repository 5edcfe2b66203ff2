# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from ssd_tf.data.annotations import Stored, clean_boxes
from ssd_tf.data.preparation import findings
from ssd_tf.inspection.examples import box_in, find_examples
from tests.inspection.made import SIZE, annotated, split

HEIGHT, WIDTH = SIZE
OUTSIDE = (0.5, 0.75, 0.75, 1.25)


def places(of, messages, most=9):
    return [example.place for example in find_examples(of, messages, most)]


def test_the_box_of_a_finding_is_the_one_that_was_annotated():
    image = annotated("a.jpg", [1], OUTSIDE)
    _, (message,) = clean_boxes(image)
    np.testing.assert_allclose(box_in(message, HEIGHT, WIDTH), OUTSIDE)


def test_every_finding_about_a_box_tells_which():
    # Half a pixel wide, twice there, with an area of its image.
    image = annotated("a.jpg", [1, 1], (0.001, 0.001, 0.009, 0.006))
    image = dataclasses.replace(image, areas=image.areas + HEIGHT * WIDTH)
    found = dict(findings.of_image(image, image))
    assert len(found) == 4
    for message in found.values():
        np.testing.assert_allclose(box_in(message, HEIGHT, WIDTH), image.boxes[0], atol=1e-6)  # %g keeps 6 digits


def test_boxes_of_voc_are_known_too():
    message = "a.xml: dropped: box [xmin, ymin, xmax, ymax] = [40, 30, 40, 30] of class cat has no extent"
    np.testing.assert_allclose(box_in(message, HEIGHT, WIDTH), [0.5, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(box_in("a.xml: a box at [0, 6]; VOC's first is [1, 1]", HEIGHT, WIDTH), [0.1, 0, 0.1, 0])


@pytest.mark.parametrize("message", ["a.jpg: EXIF orientation 6", "box [x, y, w, h] = [nan, 1, inf, 2] of class id 1"])
def test_what_has_no_place_has_no_box(message):
    assert box_in(message, HEIGHT, WIDTH) is None


def test_an_image_is_known_by_name_by_path_and_without_its_ending():
    of = split([annotated("a: b.jpg", [1]), annotated("c.jpg", [1])])
    assert places(of, ["a: b.jpg: clipped: x"]) == [0]
    assert places(of, ["c.xml: dropped: x"]) == [1]
    assert places(of, ["images/c.jpg: image ids 1, 2"]) == [1]
    assert places(of, ["cat (id 3)", "", "d.jpg: x", "nothing: at: all"]) == []


def test_of_images_of_one_name_none_is_taken_for_the_other():
    stored = [dataclasses.replace(annotated("s", [1]), stored=Stored("a.jpg", k, 1)) for k in range(2)]
    assert places(split([*stored, annotated("b.jpg", [1])]), ["a.jpg: x", "b.jpg: x"]) == [2]


def test_images_that_cannot_be_read_are_no_examples():
    assert places(split([annotated("a.jpg", [1])], readable=False), ["a.jpg: x"]) == []


def test_of_many_images_a_few_are_taken_from_all_over():
    of = split([annotated(f"{k}.jpg", [1]) for k in range(100)])
    messages = [f"{k}.jpg: {what}" for k in range(100) for what in ("one", "two")]
    assert places(of, messages, 4) == [0, 33, 66, 99]
    assert [example.message for example in find_examples(of, messages, 1)] == ["0.jpg: one"]
    assert places(of, messages, 0) == []

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is odd and kept is told, each kind with an example; an ordinary data set has nothing to tell."""

import dataclasses

import numpy as np
import pytest

from ssd_tf.data.annotations import AnnotatedDataset, AnnotatedImage, Category, ClassCount, clean_boxes
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import notes
from ssd_tf.data.preparation.findings import of_dataset, of_image
from ssd_tf.data.preparation.prepare import prepare, report
from ssd_tf.geometry.boxes import from_coco_xywh


def image(*xywh, areas=None, classes=None, crowd=None) -> AnnotatedImage:
    """An image of 640x480 with boxes in pixels; areas and classes are the boxes' and 1, unless given."""
    boxes = np.array(xywh, np.float64).reshape(-1, 4)
    count = len(boxes)
    return AnnotatedImage(
        image_id=1,
        path="a.jpg",
        height=480,
        width=640,
        boxes=from_coco_xywh(boxes, 480, 640),
        category_ids=np.array(classes or [1] * count, np.int64),
        areas=boxes[:, 2:].prod(axis=1) if areas is None else np.array(areas, np.float64),
        is_crowd=np.zeros(count, bool) if crowd is None else np.array(crowd),
    )


def told(one: AnnotatedImage) -> dict[str, str]:
    return dict(of_image(one, clean_boxes(one)[0]))


ORDINARY = (20, 30, 100, 50)


@pytest.mark.parametrize(
    "one",
    [
        image(ORDINARY),
        image(ORDINARY, (21, 30, 100, 50)),
        image(ORDINARY, ORDINARY, classes=[1, 2]),
        image(ORDINARY, ORDINARY, crowd=[False, True]),
        image(ORDINARY, areas=[60]),  # a thin diagonal mask
        image((0, 0, 5, 4), areas=[24]),  # rounding
        image((600, 400, 100, 100)),  # leaves the image: clipped and told elsewhere
        image((20, 30, 4.3, 3.3)),  # 2.02 of 300 pixels wide, 2.06 high
        image(ORDINARY, (0, 0, 0, 0), (np.nan, 0, 1, 1), areas=[5000, 0, 1]),  # dropped and told elsewhere
        image(ORDINARY, (-np.inf, 0, np.inf, 1), (1, np.inf, 1, 1), areas=[5000, 3, 3]),
    ],
)
def test_ordinary_boxes_are_nothing_to_look_at(one):
    assert told(one) == {}


SMALL = "look: boxes under 2 pixels at an input of 300x300"


@pytest.mark.parametrize(
    ("one", "kind", "message"),
    [
        (image(), "look: without objects", "train leaves it out without --keep_background_images"),
        (image(ORDINARY, (5, 6, 4.2, 40)), SMALL, "1 of 2, such as [x, y, w, h] = [5, 6, 4.2, 40] of 640x480"),
        (image((5, 6, 40, 3.1)), SMALL, "1 of 1, such as [x, y, w, h] = [5, 6, 40, 3.1] of 640x480"),
        (
            image(ORDINARY, ORDINARY, ORDINARY),
            "look: boxes that are there twice",
            "2 of 3, such as [x, y, w, h] = [20, 30, 100, 50] of one class",
        ),
        (
            image(ORDINARY, (*ORDINARY[:2], 10, 10), areas=[5000, 200]),
            "look: areas that contradict their boxes",
            "1 of 2, such as [x, y, w, h] = [20, 30, 10, 10] of area 200",
        ),
        (
            image(ORDINARY, areas=[0]),
            "look: areas that contradict their boxes",
            "1 of 1, such as [x, y, w, h] = [20, 30, 100, 50] of area 0",
        ),
        (
            image((0.1, 0.2, 0.5, 0.5)),
            "look: boxes in 0..1",
            "1 of 1, such as [x, y, w, h] = [0.1, 0.2, 0.5, 0.5] inside the first pixel: are these parts of the "
            "image's sides?",
        ),
    ],
)
def test_odd_boxes_are_told(one, kind, message):
    assert told(one)[kind] == message


def test_a_file_under_two_spellings_is_one_file(tmp_path):
    (tmp_path / "img").mkdir()
    paths = [tmp_path / "img" / "a.jpg", tmp_path / "img" / ".." / "img" / "a.jpg", tmp_path / "img" / "b.jpg"]
    images = [dataclasses.replace(image(ORDINARY), image_id=k, path=path) for k, path in enumerate(paths)]
    assert of_dataset(images, [], 3) == {"look: one file for several images": [f"{paths[0]}: image ids 0, 1"]}


def test_data_set_is_looked_at_as_a_whole():
    classes = [
        ClassCount(Category(1, "cat"), 2, 2),
        ClassCount(Category(4, "dog"), 0, 0),
        ClassCount(Category(5, "cat"), 1, 1),
    ]
    first = image(ORDINARY)
    images = [first, dataclasses.replace(first, image_id=7), dataclasses.replace(first, image_id=8, path="b.jpg")]
    assert of_dataset(images, classes, 3) == {
        "look: one file for several images": ["a.jpg: image ids 1, 7"],
        "look: classes without a box": ["dog (id 4)"],
        "look: one name for several classes": ["cat: ids 1, 5"],
    }
    assert of_dataset(images[:1], classes[:1], 0) == {
        "look: nothing counts": ["no image has a box that is not a crowd: AP is not defined"]
    }


def test_findings_reach_the_manifest_the_report_and_the_notes(tmp_path):
    path = shapes.draw_shapes(tmp_path / "drawn", 2, image_size=(64, 64))
    dataset = read_coco(path, path.parent / "images")
    images = [dataclasses.replace(one, is_crowd=np.ones(len(one.boxes), bool)) for one in dataset.images]
    dataset = AnnotatedDataset(dataset.categories, tuple(images))
    manifest = prepare(dataset, tmp_path / "data", "val", {})
    assert "look: nothing counts" in manifest.findings
    lines = report(manifest).splitlines()
    assert "Nothing was dropped, clipped or unreadable." in lines and "look: nothing counts: 1" in lines
    assert notes(manifest) == [
        "split 'val': nothing counts: no image has a box that is not a crowd, so AP is not defined"
    ]

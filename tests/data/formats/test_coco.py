# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO instances are read as they are, and a file that is not one is refused by a message that names it."""

import copy
import json
import pathlib
import tracemalloc

import numpy as np
import pytest

from ssd_tf.data.formats.coco import read_coco
from ssd_tf.utils.errors import UserError


def content():
    """Two images of 200x100; the first has a box of class 90, the second one of class 7, which is a crowd."""
    return {
        "images": [
            {"id": 900, "file_name": "b.jpg", "height": 100, "width": 200},
            {"id": 4, "file_name": "a.jpg", "height": 100, "width": 200},
        ],
        "annotations": [
            {"id": 1, "image_id": 900, "category_id": 90, "bbox": [20, 10, 100, 50], "area": 7.5, "iscrowd": 0},
            {
                "id": 2,
                "image_id": 4,
                "category_id": 7,
                "bbox": [0, 0, 200, 100],
                "area": 99,
                "iscrowd": 1,
                "segmentation": {"counts": [5, 20, 19975], "size": [100, 200]},
            },
        ],
        "categories": [{"id": 90, "name": "toothbrush"}, {"id": 7, "name": "train", "supercategory": "vehicle"}],
    }


def write(folder: pathlib.Path, value) -> pathlib.Path:
    path = folder / "instances.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def read(folder: pathlib.Path, value):
    return read_coco(write(folder, value), folder / "images")


def error_of(folder: pathlib.Path, value) -> str:
    """The message of the ValueError, which must name the file."""
    with pytest.raises(ValueError, match=r"instances\.json") as caught:
        read(folder, value)
    return str(caught.value)


def test_images_keep_their_order_and_their_sparse_ids(tmp_path):
    dataset = read(tmp_path, content())
    assert [image.image_id for image in dataset.images] == [900, 4]
    assert [image.category_ids.tolist() for image in dataset.images] == [[90], [7]]
    assert [image.path for image in dataset.images] == [tmp_path / "images" / name for name in ("b.jpg", "a.jpg")]
    assert (dataset.images[0].height, dataset.images[0].width) == (100, 200)


def test_boxes_are_normalised_corners_and_areas_are_those_of_the_file(tmp_path):
    first = read(tmp_path, content()).images[0]
    # [20, 10, 100, 50] of 200x100: y 10..60 of 100, x 20..120 of 200.
    np.testing.assert_allclose(first.boxes, [[0.1, 0.1, 0.6, 0.6]], rtol=1e-12)
    assert first.areas.tolist() == [7.5]


def test_categories_are_sorted_by_id(tmp_path):
    categories = read(tmp_path, content()).categories
    assert [(category.id, category.name) for category in categories] == [(7, "train"), (90, "toothbrush")]


def test_ids_may_be_zero(tmp_path):
    value = content()
    value["images"][0]["id"] = value["annotations"][0]["image_id"] = 0
    value["categories"][0]["id"] = value["annotations"][0]["category_id"] = 0
    dataset = read(tmp_path, value)
    assert dataset.categories[0].id == 0
    assert dataset.images[0].image_id == 0
    assert dataset.images[0].category_ids.tolist() == [0]


def test_missing_area_is_that_of_the_box_and_missing_crowd_flag_is_no_crowd(tmp_path):
    value = content()
    for entry in value["annotations"]:
        del entry["area"], entry["iscrowd"]
    dataset = read(tmp_path, value)
    assert [image.areas.tolist() for image in dataset.images] == [[5000.0], [20000.0]]
    assert [image.is_crowd.tolist() for image in dataset.images] == [[False], [False]]


def test_crowd_with_run_length_segmentation_is_read(tmp_path):
    assert [image.is_crowd.tolist() for image in read(tmp_path, content()).images] == [[False], [True]]


def test_image_without_annotations_is_kept(tmp_path):
    value = content()
    value["annotations"] = []
    dataset = read(tmp_path, value)
    assert [image.boxes.shape for image in dataset.images] == [(0, 4), (0, 4)]


def test_file_name_with_folders_falls_back_to_the_name_alone(tmp_path):
    value = content()
    value["images"][0]["file_name"] = "/home/somebody/images/b.jpg"
    value["images"][1]["file_name"] = "val2017/a.jpg"
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "images" / name).touch()
    paths = [image.path for image in read(tmp_path, value).images]
    assert paths == [tmp_path / "images" / "b.jpg", tmp_path / "images" / "a.jpg"]


def test_file_name_with_folders_that_are_there_is_taken_as_it_is(tmp_path):
    value = content()
    value["images"][1]["file_name"] = "val2017/a.jpg"
    (tmp_path / "images" / "val2017").mkdir(parents=True)
    for name in ("a.jpg", "val2017/a.jpg"):
        (tmp_path / "images" / name).touch()
    assert read(tmp_path, value).images[1].path == tmp_path / "images" / "val2017" / "a.jpg"


def test_polygons_do_not_stay_in_memory(tmp_path):
    # Of COCO's 450 MB they are the most, and parsed they would take four times the bytes of their text.
    value = content()
    polygon = [k + 0.25 for k in range(1000)]
    value["annotations"] = [{**value["annotations"][0], "id": k, "segmentation": [polygon]} for k in range(200)]
    path = write(tmp_path, value)
    tracemalloc.start()
    try:
        dataset = read_coco(path, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(dataset.images[0].boxes) == 200
    # The file's bytes and its text, at one moment, and little else.
    assert peak < 2.5 * path.stat().st_size


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        read_coco(tmp_path / "nowhere.json", tmp_path)


@pytest.mark.parametrize(
    "junk",
    [b"", b"<annotation></annotation>", b'{"images": [', bytes(range(256)), b"\xff\xd8\xff\xe0\x00\x10JFIF"],
    ids=["empty", "xml", "cut", "binary", "jpeg"],
)
def test_file_that_is_not_json_is_refused(tmp_path, junk):
    path = tmp_path / "instances.json"
    path.write_bytes(junk)
    with pytest.raises(ValueError, match=r"instances\.json: not JSON"):
        read_coco(path, tmp_path)


@pytest.mark.parametrize("value", [[], [content()], "text", 5, None, {}, {"images": [], "annotations": []}])
def test_json_that_is_not_coco_is_refused(tmp_path, value):
    assert "not COCO instances" in error_of(tmp_path, value)


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_missing_or_misshapen_list_is_refused(tmp_path, key):
    without = content()
    del without[key]
    assert "not COCO instances" in error_of(tmp_path, without)
    assert "not COCO instances" in error_of(tmp_path, {**content(), key: {"1": {}}})


def test_no_categories_are_refused(tmp_path):
    assert "categories is empty" in error_of(tmp_path, {**content(), "annotations": [], "categories": []})


# (where, what to set there, what the message must say)
CONTRADICTIONS = {
    "annotation of an unlisted image": (("annotations", 1, "image_id"), 5, "annotation 2 belongs to image 5"),
    "annotation of an unlisted category": (("annotations", 1, "category_id"), 8, "annotation 2 has category 8"),
    "image id twice": (("images", 1, "id"), 900, "image id 900 is listed twice"),
    "category id twice": (("categories", 1, "id"), 90, "category id 90 is listed twice"),
    "bbox of three numbers": (("annotations", 0, "bbox"), [1, 2, 3], r"annotation 1: bbox: .* Received: \[1, 2, 3\]"),
    "bbox of words": (
        ("annotations", 0, "bbox"),
        ["a", "b", "c", "d"],
        "annotation 1: bbox: expected a number. Received: 'a'",
    ),
    "bbox is null": (("annotations", 0, "bbox"), None, r"annotation 1: bbox: expected \[x, y, w, h\], or"),
    "width that is no number": (("images", 0, "width"), {}, r"image 900: width: expected a number. Received: \{\}"),
    "image of negative width": (("images", 0, "width"), -1, "image 900: width: expected at least 1. Received: -1"),
    "image id is true": (
        ("images", 0, "id"),
        True,
        "image number 1: id: expected a whole number, or text. Received: True",
    ),
    "image id is null": (
        ("images", 0, "id"),
        None,
        "image number 1: id: expected a whole number, or text. Received: None",
    ),
    "area is a word": (("annotations", 0, "area"), "big", "annotation 1: area: expected a number. Received: 'big'"),
    "height is a word": (("images", 0, "height"), "tall", "image 900: height: expected a number. Received: 'tall'"),
    "image is a string": (("images", 0), "b.jpg", "image number 1: expected an object. Received: 'b.jpg'"),
    "annotation is a list": (("annotations", 0), [1, 900, 90], "annotation number 1: expected an object"),
    "category is a name": (("categories", 0), "toothbrush", "category number 1: expected an object"),
    "crowd is a list": (("annotations", 0, "iscrowd"), [0], r"annotation 1: iscrowd: expected 0 or 1. Received: \[0\]"),
    "area is a list": (("annotations", 0, "area"), [7], r"annotation 1: area: expected a number. Received: \[7\]"),
    "area is negative": (("annotations", 0, "area"), -1, "annotation 1: area: expected a number of at least 0"),
    "size of more than 64 bits": (("images", 0, "width"), 10**30, "image 900: width: .* of at most 64 bits"),
    "file name is a number": (("images", 0, "file_name"), 5, "image 900: file_name: expected text. Received: 5"),
    "class name is null": (("categories", 0, "name"), None, "category 90: name: expected text. Received: None"),
    "class name is half a character": (("categories", 0, "name"), "\ud800", "category 90: name: expected text"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_contradiction_is_refused_by_name(tmp_path, case):
    (*path, last), wrong, message = CONTRADICTIONS[case]
    value = content()
    place = value
    for key in path:
        place = place[key]
    place[last] = wrong
    with pytest.raises(ValueError, match=rf"instances\.json: .*{message}"):
        read(tmp_path, value)


def test_flags_that_are_text_say_what_they_say(tmp_path):
    value = content()
    value["annotations"][0]["iscrowd"], value["annotations"][1]["iscrowd"] = "0", "true"
    assert [image.is_crowd.tolist() for image in read(tmp_path, value).images] == [[False], [True]]


def test_area_that_is_null_is_that_of_the_box_and_told(tmp_path):
    value = content()
    value["annotations"][0]["area"] = None
    dataset = read(tmp_path, value)
    assert dataset.images[0].areas.tolist() == [5000.0]
    assert dataset.findings == {"converted": ["1 areas are null: those of the boxes are taken"]}


def test_ids_of_more_than_64_bits_are_numbered_and_told(tmp_path):
    value = content()
    value["images"][0]["id"] = value["annotations"][0]["image_id"] = 2**63
    value["categories"][1]["id"] = value["annotations"][1]["category_id"] = -(2**63) - 1
    dataset = read(tmp_path, value)
    assert [image.image_id for image in dataset.images] == [1, 2]
    assert [image.category_ids.tolist() for image in dataset.images] == [[1], [2]]
    assert [category.name for category in dataset.categories] == ["toothbrush", "train"]
    assert dataset.findings["converted"] == [
        f"category ids of more than 64 bits got the numbers from 1 on; the first: {-(2**63) - 1} is 2",
        f"image ids of more than 64 bits got the numbers from 1 on; the first: {2**63} is 1",
    ]


@pytest.mark.parametrize("junk", ["[" * 10**5 + "]" * 10**5, '{"a":' * 10**5, '{"images": ' + "9" * 5000 + "}"])
def test_json_that_python_cannot_hold_is_refused(tmp_path, junk):
    (tmp_path / "instances.json").write_text(junk)
    with pytest.raises(UserError, match=r"instances\.json: not JSON"):
        read_coco(tmp_path / "instances.json")


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        *(("images", field) for field in ("id", "file_name")),
        *(("annotations", field) for field in ("image_id", "category_id")),
        *(("categories", field) for field in ("id", "name")),
    ],
)
def test_missing_field_is_named_with_the_file(tmp_path, kind, field):
    value = copy.deepcopy(content())
    del value[kind][0][field]
    assert f": {field}: expected" in error_of(tmp_path, value)


def test_missing_box_is_named_with_its_annotation(tmp_path):
    value = content()
    del value["annotations"][0]["bbox"]
    assert "annotation 1: bbox: expected [x, y, w, h], or a segmentation" in error_of(tmp_path, value)


def test_real_coco_is_read(shared):
    folder = shared / "data" / "coco-mini"
    dataset = read_coco(folder / "annotations" / "instances_train2017.json", folder / "train2017")
    assert len(dataset.images) == 200
    assert len(dataset.categories) == 80
    assert (dataset.categories[0].id, dataset.categories[0].name) == (1, "person")
    assert (dataset.categories[79].id, dataset.categories[79].name) == (90, "toothbrush")
    assert all(image.path.is_file() for image in dataset.images)
    assert any(image.is_crowd.any() for image in dataset.images)


@pytest.mark.parametrize("split", ["train", "val", "trainval", "test"])
def test_real_blood_cells_are_read(shared, split):
    folder = shared / "data" / "bccd"
    path = folder / f"coco_{split}.json"
    dataset = read_coco(path, folder / "JPEGImages")
    assert {category.name for category in dataset.categories} == {"RBC", "WBC", "Platelets"}
    assert all(image.path.is_file() for image in dataset.images)
    listed = json.loads(path.read_text())
    assert [image.image_id for image in dataset.images] == [entry["id"] for entry in listed["images"]]
    assert sum(len(image.boxes) for image in dataset.images) == len(listed["annotations"]) > 0

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Detections in files are scored as those of a model, and files that do not belong together are refused."""

import json
import math

import pytest

from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.result_files import read_scored

TRUTH = {
    "images": [{"id": 7, "file_name": "v/a.jpg"}, {"id": 9, "file_name": "v/b.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 3, "bbox": [0, 0, 10, 10]},
        {"id": 2, "image_id": 9, "category_id": 5, "bbox": [5, 5, 20, 20], "area": 80, "iscrowd": "0", "difficult": 1},
    ],
    "categories": [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}],
}
FOUND = {
    "images": [{"id": 1, "file_name": "b.jpg"}, {"id": 2, "file_name": "c.jpg"}, {"id": 3, "file_name": "a.jpg"}],
    "annotations": [
        {"image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20], "score": 0.9},
        {"image_id": 2, "category_id": 1, "bbox": [5, 5, 20, 20], "score": 0.9},
        {"image_id": 3, "category_id": 2, "bbox": [0, 0, 10, 10], "score": 0.8},
    ],
    "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
}


def scored(tmp_path, found, truth=TRUTH):
    for name, content in (("found.json", found), ("truth.json", truth)):
        (tmp_path / name).write_text(json.dumps(content))
    return read_scored(tmp_path / "found.json", tmp_path / "truth.json")


def test_official_results_score_as_they_do_in_memory(shared):
    folder = shared / "data" / "coco-eval"
    files = (next(folder.glob("*results*.json")), next(folder.glob("instances*.json")))
    results, truth = (json.loads(path.read_text()) for path in files)
    assert coco_metrics(*read_scored(*files)[:2]).summary == coco_metrics(truth, results).summary


def test_predictions_are_matched_by_the_names_of_images_and_classes(tmp_path):
    truth, results, remarks = scored(tmp_path, FOUND)
    assert [(one["image_id"], one["category_id"], one["score"]) for one in results] == [(9, 5, 0.9), (7, 3, 0.8)]
    assert remarks == [
        "file names are compared without folders",
        "1 of 3 images of the predictions are not in the annotation file and are left out, the first: c.jpg",
    ]
    assert [one["iscrowd"] for one in truth["annotations"]] == [0, 0]
    assert [one["difficult"] for one in truth["annotations"]] == [0, 1]
    assert coco_metrics(truth, results).summary["AP"] == pytest.approx(1.0, abs=1e-12)


def test_whole_paths_tell_images_of_one_name_apart(tmp_path):
    truth = TRUTH | {"images": [{"id": 7, "file_name": "x/a.jpg"}, {"id": 9, "file_name": "y/a.jpg"}]}
    images = [{"id": 1, "file_name": "y/a.jpg"}, {"id": 3, "file_name": "x/a.jpg"}]
    found = FOUND | {"images": images, "annotations": FOUND["annotations"][::2]}
    assert [one["image_id"] for one in scored(tmp_path, found, truth).results] == [9, 7]
    with pytest.raises(ValueError, match=r"found\.json: expected each image once\. Received: a\.jpg several times"):
        scored(tmp_path, FOUND, truth)


def with_(**changed):
    return [{"image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1], "score": 0.5, **changed}]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"a": 1}, "expected a list of COCO results, or predictions.json"),
        (3, "expected a list of COCO results"),
        ([3], "expected a list of COCO results"),
        (with_(image_id=8), "detection number 1: image_id: expected one of the annotation file. Received: 8"),
        (with_(score=None), "detection number 1: score: expected a number. Received: None"),
        (with_(bbox=[1, 2, 3]), "bbox: expected"),
        (FOUND | {"categories": [{"id": 1, "name": "cow"}]}, "expected classes of the annotation file, cat, dog"),
        (FOUND | {"images": [{"id": 1, "file_name": "z.jpg"}]}, "no image of it is in the annotation file"),
    ],
)
def test_what_is_no_file_of_detections_is_refused(tmp_path, found, message):
    with pytest.raises(ValueError, match=message):
        scored(tmp_path, found)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bbox": [math.nan, 5, 20, 20]}, r"bbox: expected finite numbers\. Received: \[nan, 5"),  # overlaps all others
        ({"bbox": [5, 5, math.inf, 20]}, "bbox: expected finite numbers"),
        ({"score": math.nan}, "score: expected finite numbers"),
        ({"score": -math.inf}, "score: expected finite numbers"),
    ],
)
def test_numbers_that_are_not_finite_are_refused(tmp_path, changes, message):
    result = {"image_id": 7, "category_id": 3, "bbox": [0, 0, 10, 10], "score": 0.5}
    with pytest.raises(ValueError, match=rf"found\.json: detection number 1: {message}"):
        scored(tmp_path, [result | changes])


def test_boxes_of_the_annotation_file_must_be_finite_too(tmp_path):
    annotation = TRUTH["annotations"][0] | {"bbox": [0, 0, math.nan, 10]}
    with pytest.raises(ValueError, match=r"truth\.json: annotation 1: bbox: expected finite numbers"):
        scored(tmp_path, [], TRUTH | {"annotations": [annotation]})


@pytest.mark.parametrize(("part", "what"), [("images", "image"), ("categories", "category")])
def test_ids_of_predictions_that_are_there_twice_are_refused(tmp_path, part, what):
    twice = FOUND | {part: [*FOUND[part], FOUND[part][0] | {"file_name": "d.jpg", "name": "cat"}]}
    with pytest.raises(ValueError, match=rf"found\.json: {what} id 1 is listed twice"):
        scored(tmp_path, twice)


def test_classes_of_one_name_cannot_be_found_by_it(tmp_path):
    twice = TRUTH | {"categories": [*TRUTH["categories"], {"id": 8, "name": "cat"}]}
    with pytest.raises(ValueError, match=r"found\.json: expected an annotation file with each class name once"):
        scored(tmp_path, FOUND, twice)
    assert len(scored(tmp_path, [], twice).results) == 0  # a results file has the ids themselves


def sized(width, height):
    return {"images": [TRUTH["images"][0] | {"width": width, "height": height}, TRUTH["images"][1]]}


@pytest.mark.parametrize(("width", "height"), [(426, 640), (1280, 852), (640, 424)])
def test_detections_in_another_frame_than_the_annotations_are_refused(tmp_path, width, height):
    images = [{"id": 3, "file_name": "v/a.jpg", "width": width, "height": height}]
    found = FOUND | {"images": images, "annotations": FOUND["annotations"][2:]}
    with pytest.raises(ValueError, match=rf"a\.jpg'.* 640x426, .*Received: {width}x{height}") as error:
        scored(tmp_path, found, TRUTH | sized(640, 426))
    assert ("EXIF" in str(error.value)) == (width == 426)


@pytest.mark.parametrize(("width", "height"), [(640, 425), (None, None), (0, 0)])
def test_a_size_that_is_rounded_or_not_said_is_no_other_frame(tmp_path, width, height):
    images = [{"id": 3, "file_name": "v/a.jpg", "width": 640, "height": 426}]
    found = FOUND | {"images": images, "annotations": FOUND["annotations"][2:]}
    assert len(scored(tmp_path, found, TRUTH | sized(width, height)).results) == 1


def test_images_without_predictions_are_told(tmp_path):
    found = FOUND | {"images": [{"id": 3, "file_name": "v/a.jpg"}], "annotations": FOUND["annotations"][2:]}
    assert scored(tmp_path, found).remarks == [
        "1 of 2 images of the annotation file are not in the predictions, their boxes count as not found, the first: "
        "v/b.jpg"
    ]


def test_one_path_that_fits_does_not_keep_the_others_from_being_found(tmp_path):
    images = [{"id": 1, "file_name": "sub/b.jpg"}, {"id": 3, "file_name": "v/a.jpg"}]
    found = FOUND | {"images": images, "annotations": FOUND["annotations"][::2]}
    assert [one["image_id"] for one in scored(tmp_path, found).results] == [9, 7]


@pytest.mark.parametrize(
    ("here", "there"), [("v/\u00e9.jpg", "v/e\u0301.jpg"), ("v/a.jpg", "v\\a.jpg"), ("C:\\v\\a.jpg", "a.jpg")]
)
def test_names_of_another_system_are_found(tmp_path, here, there):
    truth = TRUTH | {"images": [{"id": 7, "file_name": here}], "annotations": []}
    found = FOUND | {"images": [{"id": 3, "file_name": there}], "annotations": FOUND["annotations"][2:]}
    assert [one["image_id"] for one in scored(tmp_path, found, truth).results] == [7]


def test_classes_that_the_annotation_file_lacks_are_left_out_and_counted(tmp_path):
    classes = [*FOUND["categories"], {"id": 3, "name": "cow"}]
    rows = [*FOUND["annotations"], FOUND["annotations"][0] | {"category_id": 3}]
    _, results, remarks = scored(tmp_path, FOUND | {"categories": classes, "annotations": rows})
    assert [one["category_id"] for one in results] == [5, 3]
    assert remarks[-1] == "1 detections of classes that the annotation file lacks are left out: cow"

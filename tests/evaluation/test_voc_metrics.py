# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""VOC's average precision is that of the tools that the field uses, and difficult objects count neither way."""

import json
import math
import pathlib

import numpy as np
import pytest

from ssd_tf.data.formats.voc import read_voc
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.voc_metrics import VOC_KINDS, average_precision, voc_kinds, voc_metrics
from ssd_tf.geometry.boxes import to_coco_xywh

GOLDEN_OF = {"voc07": "voc07_11_point", "voc12": "area"}


@pytest.fixture(scope="module")
def voc100(shared) -> tuple[dict, list]:
    """COCO instances of 100 images of VOC 2012 as our reader has them, and somebody's detections on them, whose corners
    are pixels of the XML files."""
    folder = shared / "data" / "voc2012-100"
    detections = json.loads((folder / "detections_coco_format" / "coco_dets.json").read_text())
    dataset = read_voc(folder)
    id_of = {category.name: category.id for category in dataset.categories}
    class_of = {category["id"]: id_of[category["name"]] for category in detections["categories"]}
    name_of = {image["id"]: pathlib.Path(image["file_name"]).stem for image in detections["images"]}
    image_of = {image.path.stem: image.image_id for image in dataset.images}
    truths = []
    for image in dataset.images:
        pixels = to_coco_xywh(image.boxes, image.height, image.width)
        for box, category_id, difficult in zip(pixels, image.category_ids, image.is_difficult, strict=True):
            row = {"image_id": image.image_id, "category_id": int(category_id), "bbox": box.tolist()}
            truths.append(row | {"difficult": int(difficult)})
    truth = {
        "images": [{"id": image.image_id} for image in dataset.images],
        "annotations": truths,
        "categories": [{"id": category.id, "name": category.name} for category in dataset.categories],
    }
    results = []
    for found in detections["annotations"]:
        x, y, width, height = found["bbox"]
        ids = {"image_id": image_of[name_of[found["image_id"]]], "category_id": class_of[found["category_id"]]}
        # Edges of the pixels x..x + width, counted from 1, as the reader makes them of the annotations.
        results.append(ids | {"bbox": [x - 1, y - 1, width + 1, height + 1], "score": found["score"]})
    return truth, results


@pytest.mark.parametrize("tool", ["py_faster_rcnn", "gluoncv"])
@pytest.mark.parametrize("kind", VOC_KINDS)
def test_numbers_are_those_of_tools_with_the_same_pixels(voc100, shared, tool, kind):
    golden = json.loads((shared / "golden" / "family" / "voc_eval.json").read_text())[tool][GOLDEN_OF[kind]]
    found = voc_metrics(*voc100)[kind]
    assert found.mean_ap == pytest.approx(golden["mAP"], abs=1e-6)
    names = {category["id"]: category["name"] for category in voc100[0]["categories"]}
    assert {names[k]: ap for k, ap in found.per_class.items()} == pytest.approx(golden["AP"], abs=1e-6)


def test_numbers_without_the_difficult_flags_are_those_of_a_tool_that_knows_none(voc100, shared):
    golden = json.loads((shared / "golden" / "family" / "voc_eval.json").read_text())
    truth, results = voc100
    plain = truth | {"annotations": [row | {"difficult": 0} for row in truth["annotations"]]}
    found = voc_metrics(plain, results)
    for kind, key in GOLDEN_OF.items():
        assert found[kind].mean_ap == pytest.approx(golden["py_faster_rcnn_all_objects_count"][key]["mAP"], abs=1e-6)


def test_coco_counts_difficult_objects_like_the_others(voc100):
    truth, results = voc100
    plain = truth | {"annotations": [row | {"difficult": 0} for row in truth["annotations"]]}
    assert coco_metrics(truth, results).summary == coco_metrics(plain, results).summary


BOX, FAR = [0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 10.0, 10.0]


def ap(found, truths):
    """found: (box, score); truths: (box, difficult); one image."""
    return average_precision(
        np.zeros(len(found), np.int64),
        np.array([box for box, _ in found], np.float64).reshape(-1, 4),
        np.array([score for _, score in found], np.float64),
        np.zeros(len(truths), np.int64),
        np.array([box for box, _ in truths], np.float64).reshape(-1, 4),
        np.array([difficult for _, difficult in truths], bool),
    )


def test_detection_of_a_difficult_object_is_neither_right_nor_wrong():
    found, truths = [(FAR, 0.9), (FAR, 0.8), (BOX, 0.5)], [(BOX, False), (FAR, True)]
    assert ap(found, truths) == pytest.approx((1.0, 1.0), abs=1e-12)


def test_second_detection_of_an_object_is_wrong():
    # Precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1: the curve is 1 up to 1/2, then 2/3.
    found, truths = [(BOX, 0.9), (BOX, 0.8), (FAR, 0.7)], [(BOX, False), (FAR, False)]
    assert ap(found, truths) == pytest.approx(((6 + 5 * 2 / 3) / 11, 0.5 + 0.5 * 2 / 3), abs=1e-12)


def test_detection_looks_only_at_the_object_it_overlaps_most():
    # Both overlap the left one most, although the second would do for the right one too: IoU 9/11 and 8/12.
    left, right = [0.0, 0.0, 10.0, 1.0], [3.0, 0.0, 10.0, 1.0]
    found = [(left, 0.9), ([1.0, 0.0, 10.0, 1.0], 0.8)]
    assert ap(found, [(left, False), (right, False)]).voc12 == pytest.approx(0.5, abs=1e-12)


def test_overlap_of_exactly_one_half_is_not_enough():
    assert ap([([0.0, 0.0, 10.0, 5.0], 0.9)], [(BOX, False)]) == (0.0, 0.0)
    assert ap([([0.0, 0.0, 10.0, 5.1], 0.9)], [(BOX, False)]) == (1.0, 1.0)


def test_nothing_found_scores_zero_and_nothing_to_find_is_not_defined():
    assert ap([], [(BOX, False)]) == (0.0, 0.0)
    assert all(math.isnan(value) for value in ap([(BOX, 0.9)], [(BOX, True)]))


def test_class_without_an_object_to_find_is_left_out_of_the_mean():
    truth = {
        "images": [{"id": 7}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": BOX},
            {"image_id": 7, "category_id": 2, "bbox": FAR, "iscrowd": 1},
        ],
        "categories": [{"id": k, "name": str(k)} for k in (1, 2, 3)],
    }
    results = [{"image_id": 7, "category_id": 1, "bbox": BOX, "score": 0.9}]
    found = voc_metrics(truth, results, ["voc12"])
    assert list(found) == ["voc12"]
    assert found["voc12"].mean_ap == pytest.approx(1.0, abs=1e-12)
    assert [math.isnan(value) for value in found["voc12"].per_class.values()] == [False, True, True]
    assert math.isnan(voc_metrics(truth | {"annotations": []}, results)["voc07"].mean_ap)


def test_images_may_have_names_for_ids():
    truth = {
        "images": [{"id": "left"}, {"id": "a right"}],
        "annotations": [{"image_id": name, "category_id": 1, "bbox": BOX} for name in ("left", "a right", "elsewhere")],
        "categories": [{"id": 1, "name": "cat"}],
    }
    results = [
        {"image_id": "a right", "category_id": 1, "bbox": BOX, "score": 0.9},
        {"image_id": "a right", "category_id": 1, "bbox": FAR, "score": 0.8},
        {"image_id": "left", "category_id": 1, "bbox": BOX, "score": 0.7},
    ]
    # Right, wrong, right: precision 1 up to half of the two, then 2/3.
    assert voc_metrics(truth, results)["voc12"].mean_ap == pytest.approx(0.5 + 0.5 * 2 / 3, abs=1e-12)


@pytest.mark.parametrize("metrics", [[], ["coco", "voc"], [""]])
def test_unknown_metric_is_refused(metrics):
    with pytest.raises(ValueError, match=r"metrics: expected some of coco, voc07, voc12\. Received: "):
        voc_kinds(metrics)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO metrics against the official numbers of the COCO API and against arithmetic by hand."""

import copy
import csv
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings

from ssd_tf.evaluation.coco_metrics import (
    SUMMARY_KEYS,
    coco_metrics,
    per_class_table,
    summary_table,
    value_text,
    write_reports,
    written_summary,
)
from tests.evaluation.coco_cases import cases, drawn_case, judged_by_pycocotools


def truth(*annotations, images=(1, 2)):
    """Ground truth of two 200 x 200 images and the classes 3 cat, 7 dog."""
    return {
        "images": [{"id": i, "width": 200, "height": 200} for i in images],
        "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}],
        "annotations": [{"id": k, **a} for k, a in enumerate(annotations)],
    }


def box(bbox, image_id=1, category_id=3, **more):
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, **more}


def as_detections(ground_truth):
    return [box(a["bbox"], a["image_id"], a["category_id"], score=1.0) for a in ground_truth["annotations"]]


def test_official_results_of_the_coco_api_get_their_official_numbers(shared):
    folder = shared / "data" / "coco-eval"
    ground_truth = json.loads((folder / "instances_val2014_100.json").read_text())
    results = json.loads((folder / "instances_val2014_fakebbox100_results.json").read_text())
    metrics = coco_metrics(ground_truth, results)
    # val2014_fake_eval_res.txt, type=bbox; it gives three decimals.
    official = [.505, .697, .573, .586, .519, .501, .387, .594, .595, .640, .566, .564]  # fmt: skip
    assert [round(metrics.summary[key], 3) for key in SUMMARY_KEYS] == official
    assert (metrics.num_images, metrics.num_detections) == (100, 734)
    defined = [c.ap for c in metrics.per_class if not math.isnan(c.ap)]
    assert np.mean(defined) == pytest.approx(metrics.summary["AP"], abs=1e-12)
    assert len(metrics.per_class) == 80 > len(defined)
    assert sum(c.boxes for c in metrics.per_class) == 830  # 839 annotations, 9 of them crowds
    # The numbers of each size are the means of the classes that have such boxes.
    for key, field in (("APs", "ap_small"), ("APm", "ap_medium"), ("APl", "ap_large")):
        mean = np.nanmean([getattr(c, field) for c in metrics.per_class])
        assert mean == pytest.approx(metrics.summary[key], abs=1e-12)


def assert_as_pycocotools(ground_truth, results):
    """The 12 numbers, and the precision of each class, IoU and recall, are equal, bit for bit."""
    judge = judged_by_pycocotools(ground_truth, results)
    metrics = coco_metrics(ground_truth, results)
    assert list(metrics.summary.values()) == judge.stats.tolist()
    precision = judge.eval["precision"][:, :, :, 0, 2]  # all sizes, 100 detections
    np.testing.assert_array_equal(metrics.precision, np.where(precision > -1, precision, math.nan))
    for k, result in enumerate(metrics.per_class):
        defined = precision[:, :, k][precision[:, :, k] > -1]
        assert result.ap == pytest.approx(defined.mean() if defined.size else math.nan, abs=1e-12, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(cases)
def test_small_cases_get_the_numbers_of_pycocotools(case):
    assert_as_pycocotools(*case)


@pytest.mark.parametrize(
    ("num_images", "num_classes"), [(60, 5), pytest.param(1000, 80, marks=pytest.mark.proof)], ids=["some", "many"]
)
def test_drawn_images_get_the_numbers_of_pycocotools(num_images, num_classes):
    assert_as_pycocotools(*drawn_case(num_images, num_classes, seed=num_images))


def test_official_results_get_the_numbers_of_pycocotools(shared):
    folder = shared / "data" / "coco-eval"
    assert_as_pycocotools(
        json.loads((folder / "instances_val2014_100.json").read_text()),
        json.loads((folder / "instances_val2014_fakebbox100_results.json").read_text()),
    )


def test_real_ground_truth_as_detections_scores_one(shared):
    path = shared / "data" / "coco-mini" / "annotations" / "instances_val2017.json"
    ground_truth = json.loads(path.read_text())
    crowdless = [a for a in ground_truth["annotations"] if not a.get("iscrowd")]
    ground_truth = {**ground_truth, "annotations": crowdless}
    summary = coco_metrics(ground_truth, as_detections(ground_truth)).summary
    # numpy.spacing(1) in COCOeval's denominator of the precision costs some 1e-16.
    assert [summary[k] for k in ("AP", "AP50", "AP75")] == pytest.approx([1, 1, 1], abs=1e-12)


def test_ground_truth_as_detections_scores_one_although_its_first_id_is_zero():
    ground_truth = truth(box([10, 10, 50, 50]), box([100, 80, 20, 30], 2, 7))
    assert ground_truth["annotations"][0]["id"] == 0
    metrics = coco_metrics(ground_truth, as_detections(ground_truth))
    assert [metrics.summary[k] for k in ("AP", "AP50", "AP75", "AR100")] == pytest.approx([1.0] * 4)


@pytest.mark.parametrize("large", [2**53 + 1, 2**60 + 1])
def test_ids_that_no_float_holds_count_like_others(large):
    ground_truth = truth(box([10, 10, 50, 50], large), box([10, 10, 50, 50], large - 1), images=(large, large - 1))
    metrics = coco_metrics(ground_truth, as_detections(ground_truth))
    assert metrics.summary["AP"] == pytest.approx(1.0)


def test_precision_and_recall_of_a_case_done_by_hand():
    ground_truth = truth(box([0, 0, 40, 40]), box([100, 100, 40, 40]))
    results = [
        box([0, 0, 40, 40], score=0.9),  # right
        box([0, 150, 40, 40], score=0.8),  # wrong
        box([100, 100, 40, 40], score=0.7),  # right
    ]
    metrics = coco_metrics(ground_truth, results)
    # Precision is 1 up to recall 1/2, and 2/3 from there to recall 1. Of COCO's 101 recalls
    # 0, 0.01 ... 1 the first 51 (0 to 0.50) see 1, the other 50 see 2/3. All ten IoU thresholds
    # are alike, as both hits are exact.
    expected = (51 * 1 + 50 * 2 / 3) / 101
    assert metrics.summary["AP"] == pytest.approx(expected, abs=1e-12)
    assert metrics.summary["APm"] == pytest.approx(expected, abs=1e-12)  # 40 x 40 is medium
    assert metrics.summary["AR1"] == pytest.approx(0.5)  # one of two boxes with one detection
    assert metrics.summary["AR10"] == pytest.approx(1.0)
    assert metrics.summary["APs"] == metrics.summary["ARl"] == -1  # nothing of this size
    cat, dog = metrics.per_class
    assert (cat.category_id, cat.name, cat.images, cat.boxes) == (3, "cat", 1, 2)
    assert (cat.ap, cat.ap50) == pytest.approx((expected, expected), abs=1e-12)
    assert (dog.images, dog.boxes) == (0, 0) and math.isnan(dog.ap) and math.isnan(dog.ap50)


def test_precision_curves_of_a_case_done_by_hand():
    # The case above: precision 1 up to recall 0.50, then 2/3. IoU 0.82 of the last box is enough up to 0.80.
    ground_truth = truth(box([0, 0, 50, 50]), box([100, 100, 40, 40]))
    results = [
        box([100, 100, 40, 40], score=0.9),
        box([0, 150, 40, 40], score=0.8),
        box([0, 0, 50, 41], score=0.7),
    ]
    metrics = coco_metrics(ground_truth, results)
    precision = metrics.precision
    assert precision.shape == (10, 101, 2)
    np.testing.assert_allclose(precision[:7, :, 0], [[1] * 51 + [2 / 3] * 50] * 7)
    np.testing.assert_allclose(precision[7:, :, 0], [[1] * 51 + [0] * 50] * 3)
    assert np.isnan(precision[:, :, 1]).all()  # there is no dog
    assert metrics.per_class[0].ap == pytest.approx(precision[:, :, 0].mean(), abs=1e-12)
    assert metrics.matches.correct.tolist() == [True, False, True]


def test_class_s_ap_by_size_is_of_its_boxes_of_that_size():
    # 20 x 20 is small and found, 50 x 50 medium and found by a box of IoU 0.82, 100 x 100 large and missed.
    ground_truth = truth(box([0, 0, 20, 20]), box([30, 0, 50, 50]), box([100, 100, 100, 100]))
    results = [box([0, 0, 20, 20], score=0.5), box([30, 0, 50, 41], score=0.5)]
    cat, dog = coco_metrics(ground_truth, results).per_class
    assert (cat.ap_small, cat.ap_medium, cat.ap_large) == pytest.approx((1, 0.7, 0))
    assert all(map(math.isnan, (dog.ap_small, dog.ap_medium, dog.ap_large)))


def test_inexact_box_counts_up_to_its_iou():
    # 41 of 50 rows: IoU 0.82, which is right at 0.50, 0.55 ... 0.80, 7 of the 10 thresholds.
    metrics = coco_metrics(truth(box([0, 0, 50, 50])), [box([0, 0, 50, 41], score=0.5)])
    assert metrics.summary["AP"] == pytest.approx(0.7)
    assert metrics.summary["AP75"] == pytest.approx(1.0)
    assert metrics.per_class[0].ap == pytest.approx(0.7)
    assert metrics.per_class[0].ap50 == pytest.approx(1.0)


def test_no_results_score_zero_where_there_is_ground_truth():
    metrics = coco_metrics(truth(box([0, 0, 40, 40])), [])
    assert {k for k, v in metrics.summary.items() if v == -1} == {"APs", "APl", "ARs", "ARl"}
    assert {v for v in metrics.summary.values() if v != -1} == {0.0}
    assert metrics.num_detections == 0
    assert metrics.per_class[0].ap == 0 and math.isnan(metrics.per_class[1].ap)


def test_no_ground_truth_at_all_is_undefined():
    metrics = coco_metrics(truth(), [box([0, 0, 9, 9], score=1.0)])
    assert set(metrics.summary.values()) == {-1.0} and set(written_summary(metrics.summary).values()) == {None}
    assert metrics.undefined["AP"] == metrics.undefined["AR1"] == "no image has a box that is not a crowd"


def test_false_positive_on_an_image_without_boxes_lowers_ap():
    ground_truth = truth(box([0, 0, 40, 40], image_id=1))
    right = box([0, 0, 40, 40], image_id=1, score=0.5)
    wrong = box([0, 0, 40, 40], image_id=2, score=0.9)
    # The wrong one comes first, so precision is 1/2 at every recall.
    assert coco_metrics(ground_truth, [right]).summary["AP"] == pytest.approx(1.0)
    assert coco_metrics(ground_truth, [right, wrong]).summary["AP"] == pytest.approx(0.5)


def test_crowd_absorbs_detections_and_is_not_to_be_found():
    single = box([0, 0, 40, 40])
    crowd = box([100, 100, 90, 90], iscrowd=1, area=8100)
    results = [box([0, 0, 40, 40], score=0.5)]
    results += [box([100 + 10 * k, 110, 30, 30], score=0.9) for k in range(3)]
    metrics = coco_metrics(truth(single, crowd), results)
    assert metrics.summary["AP"] == pytest.approx(1.0)
    assert metrics.per_class[0].boxes == 1
    # Without the crowd the three are wrong and come first: precision 1/4.
    assert coco_metrics(truth(single), results).summary["AP"] == pytest.approx(0.25)


def test_missing_area_is_that_of_the_box_and_given_area_is_kept():
    # 40 x 40 = 1600 > 32 x 32 is medium; the area of a mask may make the same box small.
    results = [box([0, 0, 40, 40], score=0.5)]
    by_box = coco_metrics(truth(box([0, 0, 40, 40])), results).summary
    by_mask = coco_metrics(truth(box([0, 0, 40, 40], area=900)), results).summary
    assert (by_box["APs"], by_box["APm"]) == pytest.approx((-1, 1))
    assert (by_mask["APs"], by_mask["APm"]) == pytest.approx((1, -1))


def test_arguments_are_not_changed_and_nothing_is_printed(capfd):
    ground_truth, results = truth(box([0, 0, 40, 40])), [box([0, 0, 40, 40], score=0.5)]
    before = copy.deepcopy((ground_truth, results))
    coco_metrics(ground_truth, results)
    assert (ground_truth, results) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("key", "unknown"), [("image_id", 12), ("category_id", 1)])
def test_first_unknown_id_is_named(key, unknown):
    good = box([0, 0, 9, 9], score=0.5)
    results = [good, good | {key: unknown}, good | {key: 99}]
    with pytest.raises(ValueError, match=rf"results\[1\] has {key}={unknown}$"):
        coco_metrics(truth(box([0, 0, 9, 9])), results)


def test_ground_truth_without_categories_is_refused():
    with pytest.raises(ValueError, match="'categories'"):
        coco_metrics({"images": [], "annotations": []}, [])


def test_summary_table_says_what_each_number_is():
    metrics = coco_metrics(truth(box([0, 0, 50, 50])), [box([0, 0, 50, 41], score=0.5)])
    lines = summary_table(metrics).splitlines()
    assert [line.split()[0] for line in lines] == ["metric", *SUMMARY_KEYS]
    assert lines[1].split() == ["AP", "0.700", "0.50:0.95", "all", "100"]
    assert lines[4].split()[:2] == ["APs", "n/a"]
    assert lines[7].split() == ["AR1", "0.700", "0.50:0.95", "all", "1"]


def test_per_class_table_has_the_best_first_and_says_what_it_leaves_out():
    ground_truth = truth(box([0, 0, 50, 50]), box([0, 0, 50, 50], category_id=7))
    metrics = coco_metrics(ground_truth, [box([0, 0, 50, 50], category_id=7, score=0.5)])
    lines = per_class_table(metrics).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["7", "dog", "1", "1", "1.000", "1.000"],
        ["3", "cat", "1", "1", "0.000", "0.000"],
    ]
    assert per_class_table(metrics, limit=1).splitlines() == [*lines[:2], "... and 1 more"]


def test_reports_can_be_read_again(tmp_path):
    ground_truth = truth(box([0, 0, 50, 50]))
    ground_truth["categories"][1]["name"] = 'dog, "猫"'
    results = [box([0.0, 0.0, 50.00004, 41.0], score=np.float32(0.500001))]
    metrics = coco_metrics(ground_truth, results)
    folder = tmp_path / "new" / "reports"
    write_reports(metrics, results, folder)
    write_reports(metrics, results, folder)  # a second time replaces the first
    assert {p.name for p in folder.iterdir()} == {"metrics.json", "results.json", "per_class.csv"}

    report = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    # The one truth is of 50 x 50. COCO's -1 would look like a number.
    none = dict.fromkeys(("APs", "APl", "ARs", "ARl"))
    assert {key: report[key] for key in SUMMARY_KEYS} == metrics.summary | none
    assert report["undefined"].keys() == none.keys()
    assert report["undefined"]["APs"] == "no image has a small (up to 32 x 32) box that is not a crowd"
    assert (report["num_images"], report["num_detections"]) == (2, 1)
    dog = {"category_id": 7, "name": 'dog, "猫"', "images": 0, "boxes": 0}
    assert report["per_class"][1] == dog | dict.fromkeys(("AP", "AP50", "APs", "APm", "APl"))

    assert coco_metrics(ground_truth, json.loads((folder / "results.json").read_text())) is not None
    (written,) = json.loads((folder / "results.json").read_text())
    assert written == box([0.0, 0.0, 50.0, 41.0], score=0.5)  # rounded, and `results` is as it was
    assert results[0]["score"] == np.float32(0.500001)

    with (folder / "per_class.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["category_id", "name", "images", "boxes", "AP", "AP50", "APs", "APm", "APl"]
    assert rows[1][:4] == ["3", "cat", "1", "1"] and float(rows[1][4]) == metrics.per_class[0].ap
    assert rows[1][6] == rows[1][8] == "" and float(rows[1][7]) == metrics.per_class[0].ap_medium  # 50 x 50
    assert rows[2] == ["7", 'dog, "猫"', "0", "0", "", "", "", "", ""]


def test_numbers_that_are_all_defined_have_no_reasons_beside_them(tmp_path):
    metrics = coco_metrics(truth(*(box([0, 0, side, side]) for side in (20, 50, 100))), [])
    write_reports(metrics, [], tmp_path)
    assert metrics.undefined == {} and "undefined" not in json.loads((tmp_path / "metrics.json").read_text())


def test_notes_stand_beside_the_numbers(tmp_path):
    metrics = coco_metrics(truth(box([0, 0, 50, 50])), [])
    write_reports(metrics, [], tmp_path)
    assert "notes" not in json.loads((tmp_path / "metrics.json").read_text())
    write_reports(metrics, [], tmp_path, ["AP is of the cleaned boxes: 1 of 2"])
    assert json.loads((tmp_path / "metrics.json").read_text())["notes"] == ["AP is of the cleaned boxes: 1 of 2"]


def test_a_number_that_is_not_defined_is_no_number():
    assert [value_text(0.12345), value_text(0.0, 3), value_text(-1.0)] == ["0.1235", "0.000", "n/a"]


def test_reports_and_tables_have_voc_s_numbers_where_they_were_asked_for(tmp_path):
    results = [box([0, 0, 50, 30], score=0.9), box([60, 60, 9, 9], score=0.95)]
    metrics = coco_metrics(truth(box([0, 0, 50, 50])), results, voc=["voc07"])
    write_reports(metrics, results, tmp_path)
    report = json.loads((tmp_path / "metrics.json").read_text())
    # The better one of two is wrong: precision 1/2 at every recall.
    assert report["voc07_mAP"] == report["per_class"][0]["voc07_AP"] == 0.5
    assert report["per_class"][1]["voc07_AP"] is None and "voc12_mAP" not in report
    rows = list(csv.DictReader((tmp_path / "per_class.csv").read_text().splitlines()))
    assert [row["voc07_AP"] for row in rows] == ["0.5", ""]
    assert summary_table(metrics).splitlines()[-1].split() == ["voc07", "mAP", "0.500", "0.50", "all", "all"]
    assert len(summary_table(metrics, coco=False).splitlines()) == 2
    assert per_class_table(metrics, coco=False).splitlines()[0].split() == ["id", "class", "images", "boxes", "voc07"]


def test_failed_write_leaves_the_old_report_and_no_rubbish(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    results = [box([0, 0, 50, 50], score=0.5)]
    metrics = coco_metrics(truth(box([0, 0, 50, 50])), results)
    write_reports(metrics, results, tmp_path)
    before = {p.name: p.read_text() for p in tmp_path.iterdir()}
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_reports(coco_metrics(truth(), []), [], tmp_path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == before

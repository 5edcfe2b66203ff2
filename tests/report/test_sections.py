# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The words and numbers of the page: in the sections, and where there is little or nothing to say."""

import re

import pytest

import ssd_tf
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.evaluator import Evaluation
from ssd_tf.evaluation.precision_recall import best_threshold, usable_threshold
from ssd_tf.report import sections
from ssd_tf.report.scoring import Scored, look_into
from tests.fixtures.report_run import DETECTOR, NAMES, Page

THRESHOLD = 0.3
WILD = "<script>alert(1)</script>"


def parts(scored: Scored) -> dict[str, str]:
    """Section key -> HTML."""
    drawn = sections.evaluation_charts(scored, THRESHOLD)
    return {part.key: part.html for part in sections.evaluation_sections(scored, drawn, THRESHOLD)}


@pytest.fixture(scope="module")
def html(scored) -> dict[str, str]:
    return parts(scored)


def words(part: str) -> str:
    return Page(part).words()


def rows(part: str) -> list[list[str]]:
    """The cells of the part's table."""
    lines = re.findall(r"<tr>(.*?)</tr>", part.split("<tbody>")[1])
    return [[Page(cell).text for cell in re.findall(r"<td>(.*?)</td>", line)] for line in lines]


def scored_of(run, truth, results) -> Scored:
    return look_into(
        Evaluation(coco_metrics(truth, results), results, truth),
        run.data_dir,
        run.manifest,
        THRESHOLD,
        ssd_tf.spec(DETECTOR),
    )


def test_charts_have_the_names_that_are_announced(scored):
    assert tuple(sections.evaluation_charts(scored, THRESHOLD)) == sections.CHARTS
    assert sections.example_files(scored).keys() < sections.file_names()


def test_classes_are_listed_with_their_numbers_the_best_first(html, scored):
    metrics = scored.evaluation.metrics
    table = rows(html["classes"])
    assert sorted(row[0] for row in table) == sorted(NAMES)
    assert [row[2] for row in table] == [f"{ap:.3f}" for ap in sorted((c.ap for c in metrics.per_class), reverse=True)]
    place = {result.name: k for k, result in enumerate(metrics.per_class, start=1)}
    for name, boxes, _, ap50, *_, f1, threshold in table:
        k = place[name]
        result, best = metrics.per_class[k - 1], best_threshold(metrics.matches, k)
        best = usable_threshold(best, metrics.matches, k)
        expected = [f"{result.boxes:,}", f"{result.ap50:.3f}", f"{best.f1:.3f}"]
        assert [boxes, ap50, f1] == expected
        assert threshold == ("–" if best.f1 == 0 else str(best.threshold))


def test_most_frequent_mistakes_are_listed_with_their_counts(html, scored):
    table = rows(html["confusion"])
    times = [int(row[1]) for row in table]
    assert times == sorted(times, reverse=True) and 0 < len(table) <= 8
    # In each image one thing was found where nothing is, and one object taken for another class.
    matrix = scored.confusion
    background, named = "found where nothing is", "taken for"
    assert sum(int(row[1]) for row in table if background in row[0]) <= matrix[0].sum() == 6
    assert any(named in row[0] for row in table)
    assert "at scores from 0.3 and IoU from 0.50" in words(html["confusion"])


def test_errors_are_counted_whatever_their_score_and_the_page_says_so(html, scored):
    table = {row[0]: row for row in rows(html["errors"])}
    kinds = scored.errors.kinds
    assert table["classification"][1:3] == ["6", f"{kinds['classification'].cost:.3f}"]
    assert table["localisation"][1:3] == ["0", "0.000"]
    assert "of all detections, whatever their score, as AP counts them" in words(html["errors"])
    wrong = scored.errors.false_positives
    assert f"All {wrong.count:,} false detections together cost {wrong.cost:.3f}" in words(html["errors"])


def test_a_missed_object_differs_from_one_that_is_near_an_error(html):
    missed = next(row for row in rows(html["errors"]) if row[0] == "missed")
    assert missed[3] == (
        "An object that no detection found, and that is not the nearest object of a badly placed or wrongly named one."
    )


def test_no_advice_is_a_score_threshold_since_the_costs_do_not_depend_on_it(html):
    assert not any("score" in row[4] for row in rows(html["errors"]))


def test_recall_is_explained_as_it_is_measured(html):
    caption = (
        "AR 100, the fraction of a class's objects that is found, mean over IoU 0.50 to 0.95 and over classes, "
        "with at most 100 boxes per image and class."
    )
    assert caption in words(html["errors"])


def test_best_threshold_of_all_classes_is_recommended(html, scored):
    best = usable_threshold(scored.best_threshold, scored.evaluation.metrics.matches, None)
    assert best.threshold < scored.best_threshold.threshold
    assert f"a score threshold of {best.threshold} gives the best F1, {best.f1:.2f}: " in words(html["thresholds"])
    assert f"{best.precision:.0%} of what is found is right" in words(html["thresholds"])


def only(evaluation, what):
    """The ground truth and results of a case at an edge."""
    truth, results = evaluation.ground_truth, evaluation.results
    annotations = truth["annotations"]
    match what:
        case "no boxes":
            return truth | {"annotations": []}, results
        case "no detections":
            return truth, []
        case "crowds only":
            return truth | {"annotations": [a | {"iscrowd": 1} for a in annotations]}, results
        case "one image":
            image = truth["images"][0]
            kept, found = ([r for r in rows if r["image_id"] == image["id"]] for rows in (annotations, results))
            return truth | {"images": [image], "annotations": kept}, found
        case "one class":
            k = annotations[-1]["category_id"]
            kept, found = ([r for r in rows if r["category_id"] == k] for rows in (annotations, results))
            own = [category for category in truth["categories"] if category["id"] == k]
            return truth | {"categories": own, "annotations": kept}, found
        case "a class without truth":
            k = annotations[-1]["category_id"]
            return truth | {"annotations": [a for a in annotations if a["category_id"] != k]}, results
    raise ValueError(what)


@pytest.mark.parametrize(
    ("what", "classes", "undefined", "images"),
    [
        ("no boxes", 5, 5, 0),
        ("no detections", 5, 0, 6),
        ("crowds only", 5, 5, 0),
        ("one image", 5, None, 1),
        ("one class", 1, 0, None),
        ("a class without truth", 5, 1, 6),
    ],
)
def test_every_part_is_written_at_the_edges(run, evaluation, what, classes, undefined, images):
    """undefined: classes without an AP; images: worst and best together. None of it occurs in the fixture's run."""
    scored = scored_of(run, *only(evaluation, what))
    found = parts(scored)
    for part in found.values():
        assert Page(part).open == [] and not re.search(r"\bnan\b", words(part))
    aps = [row[2] for row in rows(found["classes"])]
    assert len(aps) == classes and undefined in (aps.count("–"), None)
    assert f"of {classes} {'class' if classes == 1 else 'classes'} at scores" in found["confusion"]
    costs = [row[2] for row in rows(found["errors"])]
    assert costs.count("–") == (len(costs) if images == 0 else 0)
    nothing_right = what in ("no boxes", "crowds only", "no detections")
    assert ("No detection is right" in words(found["thresholds"])) == nothing_right
    assert images in (len(scored.worst_images) + len(scored.best_images), None)
    none_to_show = words(found["images"]) == "None to show: no image has an object to find."
    assert none_to_show == (images == 0) == ("<ul" not in found["images"])


def test_images_that_cannot_be_read_are_named(scored):
    section = parts(scored._replace(worst_images=[], best_images=[]))["images"]
    assert words(section) == "None to show: the images cannot be read." and "<ul" not in section


def test_settings_are_escaped():
    made = Page(sections.template().settings([("classes", WILD), (WILD, "1")]))
    assert made.open == [] and not made.all("script") and made.text.count(WILD) == 2

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the report says of an evaluation: charts, tables and pictures, each with a sentence on how to read it."""

import math
from html import escape

import cv2
import numpy as np

from ssd_tf.drawing.detections import class_color
from ssd_tf.evaluation.error_analysis import ERROR_KINDS
from ssd_tf.evaluation.precision_recall import best_threshold
from ssd_tf.plots import evaluation_charts as charts
from ssd_tf.plots.confusion_chart import MAX_CLASSES, confusion_figure, largest_mistakes, mistake_in_words
from ssd_tf.plots.rendering import series_variable
from ssd_tf.report.example_images import MAX_EXAMPLES, ExampleImage
from ssd_tf.report.page import Chart, Html, Section, chart_html, pair_html, table_html, tile_html
from ssd_tf.report.scoring import Scored

_TILES = {
    "AP": "mean over IoU 0.50 to 0.95",
    "AP50": "boxes right at IoU 0.50",
    "AP75": "boxes right at IoU 0.75",
    "APs": "small, up to 32 x 32 pixels",
    "APm": "medium, up to 96 x 96",
    "APl": "large, from 96 x 96",
}
_ERRORS = {
    "classification": (
        "Right place, wrong class.",
        "More examples of the classes that are taken for each other (see the confusion matrix), or one class for both.",
    ),
    "localization": (
        "Right class, but the box fits badly: IoU from 0.1 to 0.5.",
        "Longer training, a larger input, default boxes of the objects' shapes, labels drawn with more care.",
    ),
    "both": ("Wrong class, and the box fits badly.", "Mostly follows when the two above get better."),
    "duplicate": (
        "A second box on an object that is found already.",
        "A lower IoU threshold in the non-maximum suppression, unless objects of a class overlap as much.",
    ),
    "background": (
        "Something was found where no labelled object is: IoU of 0.1 or less with all.",
        "Labels for objects that lack them; pictures that show, beside labelled objects, what is taken for one.",
    ),
    "missed": (
        "An object that no detection found, and that is not the nearest object of a badly placed or wrongly named one.",
        "More examples; where the objects are small, a larger input or smaller default boxes.",
    ),
}
# Of the charts of evaluation_charts, which are the names of their files too.
CHARTS = ("precision_recall", "precision_recall_mean", "confusion", "sizes", "errors", "scores", "thresholds")
_MISTAKES = 8
_CLASSES_BESIDE = 12
_QUALITY = 82  # of JPEG: labels stay sharp


def tiles(scored: Scored) -> str:
    """The numbers that are looked for first."""
    summary = scored.evaluation.metrics.summary
    parts = (tile_html(_decimals(summary[key]), key, meaning) for key, meaning in _TILES.items())
    return f'<div class="tiles">{"".join(parts)}</div>'


def evaluation_charts(scored: Scored, score_threshold: float) -> dict[str, Chart]:
    """The charts of an evaluation by the names of their files."""
    metrics = scored.evaluation.metrics
    names = [result.name for result in metrics.per_class]
    best = scored.best_threshold.threshold
    curve = "Precision over recall, a line for each class"
    drawn = (
        Chart(
            "precision_recall",
            f"{curve}, at IoU 0.50. AP50 of all classes is {_decimals(metrics.summary['AP50'])}.",
            "",
            lambda width: charts.precision_recall_figure(metrics.precision[0], names, "At IoU 0.50", width),
        ),
        Chart(
            "precision_recall_mean",
            f"{curve}, mean over IoU 0.50 to 0.95. AP of all classes is {_decimals(metrics.summary['AP'])}.",
            "",
            lambda width: charts.precision_recall_figure(
                metrics.precision.mean(axis=0), names, "Mean over IoU 0.50 to 0.95", width
            ),
        ),
        Chart(
            "confusion",
            f"Confusion matrix of {min(len(names), MAX_CLASSES)} of {len(names)} classes at scores from "
            f"{score_threshold:g}.",
            "",
            lambda width: confusion_figure(scored.confusion, names, width),
        ),
        Chart(
            "sizes",
            "AP and AR of small, medium and large objects.",
            "AP beside AR 100, the share of a class's objects that is found, mean over IoU 0.50 to 0.95 and over "
            "classes, with at most 100 boxes a picture and class. What lies between the two is lost to detections that "
            "are wrong at the same IoU and score higher than right ones.",
            lambda width: charts.sizes_figure(metrics, scored.boxes_by_size, width),
        ),
        Chart(
            "errors",
            "What each kind of error costs of AP50: "
            + ", ".join(f"{kind} {_decimals(scored.errors.kinds[kind].cost)}" for kind in ERROR_KINDS),
            "",
            lambda width: charts.errors_figure(scored.errors, width),
        ),
        Chart(
            "scores",
            "Numbers of right and wrong detections by their score.",
            "Right detections should lie on the right, wrong ones on the left. Right at IoU 0.50; the scale is "
            "logarithmic.",
            lambda width: charts.scores_figure(metrics.matches, best, width),
        ),
        Chart(
            "thresholds",
            "Precision, recall and F1 of all classes together by score threshold.",
            "What a program gets that keeps detections from a score on. F1 weighs precision and recall the same.",
            lambda width: charts.thresholds_figure(metrics.matches, best, width),
        ),
    )
    return {chart.name: chart for chart in drawn}


def evaluation_sections(scored: Scored, drawn: dict[str, Chart], score_threshold: float) -> list[Section]:
    """The sections about an evaluation, in the order of the page."""
    return [
        Section("classes", "Precision, recall and classes", _precision(scored, drawn)),
        Section("confusion", "Confusion matrix", _confusion(scored, drawn, score_threshold)),
        Section("errors", "What the errors cost", _errors(scored, drawn)),
        Section("thresholds", "Scores and thresholds", _thresholds(scored, drawn)),
        Section("pictures", "Worst and best pictures", _pictures(scored, score_threshold)),
    ]


def picture_files(scored: Scored) -> dict[str, bytes]:
    """JPEG files of the worst and the best pictures by file name, truth on the left."""
    named = {"worst": scored.worst_images, "best": scored.best_images}
    return {
        _picture_name(kind, place): _jpeg(np.concatenate([picture.truth, picture.found], axis=1))
        for kind, pictures in named.items()
        for place, picture in enumerate(pictures, start=1)
    }


def file_names() -> set[str]:
    """All names that the charts and the pictures of an evaluation can have as files."""
    places = range(1, MAX_EXAMPLES + 1)
    return {f"{name}.png" for name in CHARTS} | {_picture_name(k, place) for k in ("worst", "best") for place in places}


def _precision(scored: Scored, drawn: dict[str, Chart]) -> str:
    metrics = scored.evaluation.metrics
    ranked = sorted(enumerate(metrics.per_class, 1), key=lambda item: (math.isnan(item[1].ap), -item[1].ap, item[0]))
    rows = []
    for k, result in ranked:
        best = best_threshold(metrics.matches, k)
        numbers = (result.ap, result.ap50, result.ap_small, result.ap_medium, result.ap_large, best.f1, best.threshold)
        name = Html(f"{_swatch(k)}{escape(result.name)}")
        rows.append((name, f"{result.boxes:,}", *(_decimals(number) for number in numbers)))
    head = ("class", "boxes", "AP", "AP50", "APs", "APm", "APl", "best F1", "at score")
    curves = chart_html(drawn["precision_recall"]) + chart_html(drawn["precision_recall_mean"])
    return (
        "<p>Of all detections with at least some score, precision is the share that is right, recall the share of the "
        "objects that they find; the score falls along each line. A dot is the highest recall reached.</p>"
        f'<div class="columns">{curves}</div>' + table_html(head, rows, "AP of each class")
    )


def _confusion(scored: Scored, drawn: dict[str, Chart], score_threshold: float) -> str:
    names = [result.name for result in scored.evaluation.metrics.per_class]
    count = len(names)
    rows = [
        mistake_in_words(scored.confusion, names, *place) for place in largest_mistakes(scored.confusion, _MISTAKES)
    ]
    heading = "Most frequent mistakes"
    table = f"<h3>{heading}</h3>" + table_html(("mistake", "times", "share"), rows, heading)
    # A large matrix has the width of the page.
    layout = "columns" if count <= _CLASSES_BESIDE else "rows"
    return (
        f"<p>Which class an object is taken for, at scores from {score_threshold:g} and IoU from 0.50. The colour is "
        "the share of the row: of the true objects of a class, or, in the last row, of the detections where nothing "
        "is.</p>"
        f'<div class="{layout}">{chart_html(drawn["confusion"])}<div class="words">{table}'
        "</div></div>"
    )


def _errors(scored: Scored, drawn: dict[str, Chart]) -> str:
    rows = []
    for kind in ERROR_KINDS:
        cost = scored.errors.kinds[kind]
        rows.append((charts.ERROR_NAMES.get(kind, kind), f"{cost.count:,}", _decimals(cost.cost), *_ERRORS[kind]))
    wrong, missed = scored.errors.false_positives, scored.errors.false_negatives
    table = table_html(("error", "times", "costs AP50", "what it is", "what helps"), rows, "Kinds of errors")
    return (
        "<p>What AP50 would gain if all errors of one kind, and nothing else, were put right. The gains do not add up. "
        "Errors are those of all detections, whatever their score, as AP counts them. "
        f"All {wrong.count:,} false detections together cost {_decimals(wrong.cost)}, all {missed.count:,} objects "
        f"that were not found {_decimals(missed.cost)}. After Bolya et al. 2020 (TIDE).</p>"
        f'<div class="columns">{chart_html(drawn["errors"])}{chart_html(drawn["sizes"])}</div>'
        f'<div class="meaning">{table}</div>'
    )


def _thresholds(scored: Scored, drawn: dict[str, Chart]) -> str:
    best = scored.best_threshold
    advice = (
        f"<p>For all classes together a score threshold of <strong>{best.threshold:.2f}</strong> gives the best F1, "
        f"{best.f1:.2f}: {best.precision:.0%} of what is found is right, and {best.recall:.0%} of the objects are "
        "found. A higher one makes fewer mistakes, a lower one misses less.</p>"
        if not math.isnan(best.threshold)
        else "<p>No detection is right, so that no threshold is better than another.</p>"
    )
    return f'{advice}<div class="columns">{chart_html(drawn["scores"])}{chart_html(drawn["thresholds"])}</div>'


def _pictures(scored: Scored, score_threshold: float) -> str:
    if not (scored.worst_images or scored.best_images):
        objects = sum(scored.boxes_by_size.values())
        return (
            f"<p>None to show: {'the pictures cannot be read' if objects else 'no picture has an object to find'}.</p>"
        )
    shown = frozenset().union(*(picture.category_ids for picture in (*scored.worst_images, *scored.best_images)))
    classes = "".join(
        f"<li>{_swatch(k, in_pictures=True)}{escape(result.name)}</li>"
        for k, result in enumerate(scored.evaluation.metrics.per_class, start=1)
        if result.category_id in shown
    )
    groups = "".join(
        f'<h3>{title}</h3><div class="columns">{"".join(_pair(kind, picture) for picture in pictures)}</div>'
        for kind, title, pictures in (("worst", "Worst", scored.worst_images), ("best", "Best", scored.best_images))
        if pictures
    )
    return (
        f"<p>By F1 at scores from {score_threshold:g} and IoU from 0.50. The true boxes are on the left, what was "
        f'found on the right. A click shows a pair larger.</p><ul class="legend">{classes}</ul>{groups}'
    )


def _picture_name(kind: str, place: int) -> str:
    return f"{kind}-{place}.jpg"


def _pair(kind: str, picture: ExampleImage) -> str:
    score = picture.score
    name = f"Image {score.image_id}" + (f", {picture.file_name}" if picture.file_name else "")
    title = f"{name}: {score.correct} right, {score.wrong} wrong, {score.missed} missed; F1 {score.f1:.2f}"
    halves = (
        (f"{name} with its true boxes", _jpeg(picture.truth)),
        (f"{name} with what was found", _jpeg(picture.found)),
    )
    return pair_html(f"{kind}-{score.image_id}", title, halves)


def _swatch(class_index: int, in_pictures: bool = False) -> str:
    red, green, blue = class_color(class_index)
    color = f"rgb({red},{green},{blue})" if in_pictures else series_variable(class_index)
    return f'<span class="swatch" style="background:{color}"></span>'


def _jpeg(image: np.ndarray) -> bytes:
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return encoded.tobytes()


def _decimals(value: float) -> str:
    """Three decimals; a dash for COCO's -1 and for nan, where nothing is defined."""
    return "–" if math.isnan(value) or value == -1 else f"{value:.3f}"

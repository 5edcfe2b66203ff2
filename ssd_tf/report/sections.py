# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the report says of an evaluation: charts, tables and images, each with a sentence on how to read it."""

import math
import pathlib
from typing import Any

import numpy as np
from markupsafe import Markup

from ssd_tf.drawing.detections import class_color
from ssd_tf.evaluation.error_analysis import ERROR_KINDS
from ssd_tf.evaluation.precision_recall import best_threshold, usable_threshold
from ssd_tf.pages.page import Chart, Section, decimals, jpeg_file, jpeg_url, macros, parts
from ssd_tf.plots import evaluation_charts as charts
from ssd_tf.plots.confusion_chart import MAX_CLASSES, confusion_figure, largest_mistakes, mistake_in_words
from ssd_tf.plots.rendering import series_variable
from ssd_tf.report.example_images import MAX_EXAMPLES, ExampleImage
from ssd_tf.report.scoring import Scored
from ssd_tf.utils.text import counted

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
        "Labels for objects that lack them; images that show what is taken for one, beside labelled objects or with "
        "--keep_background_images.",
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
_TEMPLATE = pathlib.Path(__file__).parent / "sections.html.jinja"


def template() -> Any:
    """The insides of the sections as functions that return Markup."""
    return macros(_TEMPLATE)


def tiles(scored: Scored) -> Markup:
    """The numbers that are looked for first."""
    summary = scored.evaluation.metrics.summary
    return parts().tiles([(decimals(summary[key]), key, meaning) for key, meaning in _TILES.items()])


def evaluation_charts(scored: Scored, score_threshold: float) -> dict[str, Chart]:
    """The charts of an evaluation by the names of their files."""
    metrics = scored.evaluation.metrics
    names = [result.name for result in metrics.per_class]
    best = usable_threshold(scored.best_threshold, metrics.matches, None).threshold
    curve = "Precision over recall, a line for each class"
    drawn = (
        Chart(
            "precision_recall",
            f"{curve}, at IoU 0.50. AP50 of all classes is {decimals(metrics.summary['AP50'])}.",
            "",
            lambda width: charts.precision_recall_figure(metrics.precision[0], names, "At IoU 0.50", width),
        ),
        Chart(
            "precision_recall_mean",
            f"{curve}, mean over IoU 0.50 to 0.95. AP of all classes is {decimals(metrics.summary['AP'])}.",
            "",
            lambda width: charts.precision_recall_figure(
                metrics.precision.mean(axis=0), names, "Mean over IoU 0.50 to 0.95", width
            ),
        ),
        Chart(
            "confusion",
            f"Confusion matrix of {min(len(names), MAX_CLASSES)} of {counted(len(names), 'class')} at scores from "
            f"{score_threshold:g}.",
            "",
            lambda width: confusion_figure(scored.confusion, names, width),
        ),
        Chart(
            "sizes",
            "AP and AR of small, medium and large objects.",
            "AP beside AR 100, the fraction of a class's objects that is found, mean over IoU 0.50 to 0.95 and over "
            "classes, with at most 100 boxes per image and class. What lies between the two is lost to detections that "
            "are wrong at the same IoU and score higher than right ones.",
            lambda width: charts.sizes_figure(metrics, scored.boxes_by_size, width),
        ),
        Chart(
            "errors",
            "What each kind of error costs of AP50: "
            + ", ".join(f"{kind} {decimals(scored.errors.kinds[kind].cost)}" for kind in ERROR_KINDS),
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
            "What a program gets that keeps the detections above a score. F1 weighs precision and recall the same.",
            lambda width: charts.thresholds_figure(metrics.matches, best, width),
        ),
    )
    return {chart.name: chart for chart in drawn}


def evaluation_sections(scored: Scored, drawn: dict[str, Chart], score_threshold: float) -> list[Section]:
    """The sections about an evaluation, in the order of the page."""
    return [
        Section("advice", "What would help", _advice(scored)),
        Section("classes", "Precision, recall and classes", _classes(scored, drawn)),
        Section("confusion", "Confusion matrix", _confusion(scored, drawn, score_threshold)),
        Section("errors", "What the errors cost", _errors(scored, drawn)),
        Section("thresholds", "Scores and thresholds", _thresholds(scored, drawn)),
        Section("images", "Worst and best images", _examples(scored, score_threshold)),
    ]


def example_files(scored: Scored) -> dict[str, bytes]:
    """JPEG files of the worst and the best images by file name, truth on the left."""
    named = {"worst": scored.worst_images, "best": scored.best_images}
    return {
        _file_name(kind, place): jpeg_file(np.concatenate([example.truth, example.found], axis=1))
        for kind, examples in named.items()
        for place, example in enumerate(examples, start=1)
    }


def file_names() -> set[str]:
    """All names that the charts and the images of an evaluation can have as files."""
    places = range(1, MAX_EXAMPLES + 1)
    return {f"{name}.png" for name in CHARTS} | {_file_name(k, place) for k in ("worst", "best") for place in places}


def _advice(scored: Scored) -> Markup:
    rows = [(advice.key, advice.finding, advice.todo) for advice in scored.advice]
    pairs = [_pair("place", example, "advice") for example in scored.advised_images]
    return template().advice(rows, pairs)


def _classes(scored: Scored, drawn: dict[str, Chart]) -> Markup:
    metrics = scored.evaluation.metrics
    ranked = sorted(enumerate(metrics.per_class, 1), key=lambda item: (math.isnan(item[1].ap), -item[1].ap, item[0]))
    rows = []
    for k, result in ranked:
        best = usable_threshold(best_threshold(metrics.matches, k), metrics.matches, k)
        numbers = (result.ap, result.ap50, result.ap_small, result.ap_medium, result.ap_large, best.f1)
        name = parts().swatch(series_variable(k), result.name)
        threshold = "–" if math.isnan(best.threshold) else str(best.threshold)
        rows.append((name, f"{result.boxes:,}", *map(decimals, numbers), threshold))
    head = ("class", "boxes", "AP", "AP50", "APs", "APm", "APl", "best F1", "above score")
    return template().classes([drawn["precision_recall"], drawn["precision_recall_mean"]], head, rows)


def _confusion(scored: Scored, drawn: dict[str, Chart], score_threshold: float) -> Markup:
    names = [result.name for result in scored.evaluation.metrics.per_class]
    mistakes = largest_mistakes(scored.confusion, _MISTAKES)
    rows = [mistake_in_words(scored.confusion, names, *place) for place in mistakes]
    # A large matrix has the width of the page.
    layout = "columns" if len(names) <= _CLASSES_BESIDE else "rows"
    return template().confusion(drawn["confusion"], rows, f"{score_threshold:g}", layout)


def _errors(scored: Scored, drawn: dict[str, Chart]) -> Markup:
    kinds = [(kind, scored.errors.kinds[kind]) for kind in ERROR_KINDS]
    rows = [
        (charts.ERROR_NAMES.get(kind, kind), f"{error.count:,}", decimals(error.cost), *_ERRORS[kind])
        for kind, error in kinds
    ]
    shown = [drawn["errors"], drawn["sizes"]]
    return template().errors(shown, rows, scored.errors.false_positives, scored.errors.false_negatives)


def _thresholds(scored: Scored, drawn: dict[str, Chart]) -> Markup:
    best = usable_threshold(scored.best_threshold, scored.evaluation.metrics.matches, None)
    return template().thresholds([drawn["scores"], drawn["thresholds"]], None if math.isnan(best.threshold) else best)


def _examples(scored: Scored, score_threshold: float) -> Markup:
    examples = [*scored.worst_images, *scored.best_images]
    if not examples:
        objects = sum(scored.boxes_by_size.values())
        return parts().nothing("the images cannot be read" if objects else "no image has an object to find")
    shown = frozenset().union(*(example.category_ids for example in examples))
    classes = [
        parts().swatch(_rgb(class_color(k)), result.name)
        for k, result in enumerate(scored.evaluation.metrics.per_class, start=1)
        if result.category_id in shown
    ]
    groups = [
        ("Worst", [_pair("worst", example) for example in scored.worst_images]),
        ("Best", [_pair("best", example) for example in scored.best_images]),
    ]
    return template().examples(f"{score_threshold:g}", classes, groups)


def _pair(kind: str, example: ExampleImage, section: str = "images") -> Markup:
    score = example.score
    name = f"Image {score.image_id}" + (f", {example.file_name}" if example.file_name else "")
    title = f"{name}: {score.correct} right, {score.wrong} wrong, {score.missed} missed; F1 {score.f1:.2f}"
    if section != "images":
        title = name
    halves = [
        (f"{name} with its true boxes", jpeg_url(jpeg_file(example.truth))),
        (f"{name} with what was found", jpeg_url(jpeg_file(example.found))),
    ]
    return parts().images(f"{kind}-{score.image_id}", title, halves, section)


def _file_name(kind: str, place: int) -> str:
    return f"{kind}-{place}.jpg"


def _rgb(color: tuple[int, int, int]) -> str:
    return f"rgb({','.join(map(str, color))})"

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The page's sections of numbers and charts: classes, boxes, and how default boxes fit them."""

import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ssd_tf.geometry.anchors import default_boxes
from ssd_tf.inspection.anchor_recall import AnchorRecall, Counted
from ssd_tf.inspection.fit import WELL, Fit
from ssd_tf.inspection.splits import Split
from ssd_tf.inspection.statistics import ClassRow, boxes_of_images, objects
from ssd_tf.pages.page import Chart, Section, macros, parts
from ssd_tf.plots import dataset_charts as charts
from ssd_tf.specs import DetectorSpec

_TEMPLATE = pathlib.Path(__file__).parent / "sections.html.jinja"
_NO_BOX = "no image has a box that is not a crowd"
# Measured on 360 images of COCO 2017.
_COCO = "For comparison: of COCO's boxes, many of them tiny, ssd300_resnet34 matches 63%, ssd512_vgg16 75%."


def template() -> Any:
    """The insides of the page's sections as functions that return Markup."""
    return macros(_TEMPLATE)


def classes_section(classes: Sequence[ClassRow], splits: Sequence[Split]) -> Section:
    """How many boxes the classes have, in each split."""
    names = [row.name for row in classes]
    boxes_cs = np.array([row.boxes for row in classes], int).reshape(len(names), len(splits))
    chart = Chart(
        "classes",
        f"Boxes of {'the class' if len(names) == 1 else f'each of {min(len(names), charts.MAX_CLASSES)} classes'}.",
        f"The {charts.MAX_CLASSES} with the most boxes of {len(names)}." if len(names) > charts.MAX_CLASSES else "",
        lambda width: charts.classes_figure(names, boxes_cs, [split.name for split in splits], width),
    )
    several = len(splits) > 1
    head = ("class", "images", "boxes", *(f"in {split.name}" for split in splits if several))
    rows = [
        (
            row.name,
            f"{sum(row.images):,}",
            f"{sum(row.boxes):,}",
            *(f"{boxes:,}" for boxes in row.boxes if several),
        )
        for row in sorted(classes, key=lambda row: -sum(row.boxes))
    ]
    return Section("classes", "Classes", template().classes(chart, head, rows, _balance(classes)))


def _balance(classes: Sequence[ClassRow]) -> str:
    """How uneven classes are, in words."""
    ranked = sorted((sum(row.boxes), row.name) for row in classes if sum(row.boxes))
    if not ranked:
        return "No class has a box."
    if len(ranked) == 1:
        return f"All boxes are of one class, {ranked[0][1]}."
    (least, rarest), (most, commonest) = ranked[0], ranked[-1]
    return (
        f"{commonest} has {most:,} boxes, {rarest} {least:,}: {most / least:,.1f} times as many. "
        "AP counts every class the same, so the rare ones decide it."
    )


def boxes_section(splits: Sequence[Split], fit: Fit | None) -> Section:
    """Sizes and shapes of boxes at the input of the chosen detector, and how many an image has."""
    if fit is None:
        return Section("boxes", "Boxes", parts().nothing(_NO_BOX))
    boxes_n4, side = objects(splits), fit.spec.image_size
    sizes_n2 = (boxes_n4[:, 2:] - boxes_n4[:, :2]) * side
    low, middle, high = np.percentile(np.sqrt(sizes_n2.prod(axis=1)), (5, 50, 95))
    about = (
        f"In pixels at the input of {fit.spec.name}, {side}x{side}, to which every image is stretched: half of the "
        f"boxes have a side, the root of their area, under {middle:.0f} pixels; nine in ten are between {low:.0f} and "
        f"{high:.0f}. The thinnest is {sizes_n2.min():.1f} pixels across."
    )
    shapes, *others = _box_charts(sizes_n2, {split.name: boxes_of_images(split) for split in splits}, fit)
    return Section("boxes", "Boxes", template().boxes(shapes, others, about))


def _box_charts(sizes_n2: np.ndarray, counts: Mapping[str, np.ndarray], fit: Fit) -> list[Chart]:
    anchors = {f"default boxes of {fit.spec.name}": _shapes(fit.spec)}
    if fit.proposed:
        anchors["proposed default boxes"] = _shapes(fit.proposed[0])
    return [
        Chart(
            "shapes",
            "Heights over widths of the boxes, and of the default boxes.",
            "Both scales are logarithmic, and end at 4 pixels. A box that lies far from every default box in this "
            "chart cannot be matched, wherever it is in its image.",
            functools.partial(charts.shapes_figure, sizes_n2, anchors, fit.spec.image_size),
        ),
        Chart(
            "per_image",
            "Which part of the images has how many boxes.",
            "",
            functools.partial(charts.boxes_of_images_figure, counts),
        ),
        Chart(
            "aspects",
            "How many boxes have which ratio of width to height.",
            "Of the image that is stretched to a square, as the detector sees it. 1 is a square there.",
            functools.partial(charts.aspects_figure, sizes_n2[:, 1] / sizes_n2[:, 0]),
        ),
    ]


def _shapes(spec: DetectorSpec) -> np.ndarray:
    """Heights and widths in pixels of the different default boxes."""
    return np.unique(default_boxes(spec)[:, 2:] * spec.image_size, axis=0)


def anchors_section(fit: Fit | None, command: str) -> Section:
    """How the default boxes of every detector fit; `command` trains with the proposed ones."""
    if fit is None:
        return Section("anchors", "Which detector fits", parts().nothing(_NO_BOX))
    chosen = fit.chosen
    best = "" if fit.is_asked or not chosen.recall else ", the best of the table or within one point of it and cheaper"
    about = (
        "A box is learnt well where a default box overlaps it with an IoU of at least 0.5; others get the one that "
        f"lies best, however badly. Default boxes of {chosen.detector} match {chosen.recall:.1%} of "
        f"{chosen.boxes:,} boxes{best}. From {WELL:.0%} on they fit well. {_COCO} What a detector makes of its default "
        "boxes is not in these numbers."
    )
    proposal = ""
    if fit.proposed:
        proposal = (
            f"Default boxes made for this data set by k-means on IoU, in place of those of {chosen.detector}, "
            f"match {fit.proposed[1].recall:.1%}. They are in the file that this command trains with:"
        )
    listed = [*fit.recalls, *([fit.proposed[1]] if fit.proposed else [])]
    recall, *others = _anchor_charts(listed, chosen)
    head = ("detector", "input", "default boxes", "matched", *(counted.name for counted in chosen.sizes))
    inside = template().anchors(about, proposal, command, recall, others, head, [_recall_row(row) for row in listed])
    return Section("anchors", "Which detector fits", inside)


def _anchor_charts(listed: Sequence[AnchorRecall], chosen: AnchorRecall) -> list[Chart]:
    names, recalls = [row.detector for row in listed], [row.recall for row in listed]
    of = f"of {chosen.detector}"
    return [
        Chart(
            "recall",
            "The part of the boxes that the default boxes of each detector match.",
            "",
            functools.partial(charts.recall_figure, names, recalls, chosen.detector),
        ),
        Chart(
            "sizes",
            f"Boxes by size, and those that default boxes {of} match.",
            f"By side in pixels at the input {of}.",
            functools.partial(_counted_figure, chosen.sizes, "side in pixels"),
        ),
        Chart(
            "levels",
            f"Boxes by the feature map {of} whose default box fits best.",
            "A map that no box belongs to learns nothing; one that most belong to has to know all their sizes.",
            functools.partial(_counted_figure, chosen.levels, "feature map, in cells"),
        ),
    ]


def _counted_figure(counted: Sequence[Counted], label: str, width: float) -> Figure:
    names = [one.name.replace(" to ", "–").replace("under ", "<").replace(" and over", "+") for one in counted]
    return charts.matched_figure(names, [c.boxes for c in counted], [c.matched for c in counted], label, width)


def _recall_row(recall: AnchorRecall) -> tuple[str, ...]:
    sizes = (f"{counted.recall:.1%}" if counted.boxes else "–" for counted in recall.sizes)
    return recall.detector, str(recall.image_size), f"{recall.anchors:,}", f"{recall.recall:.1%}", *sizes

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What was measured of several forms of a model, as a table for people, one for programs, and a plot."""

import csv
import dataclasses
import math
import os
import pathlib

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from ssd_tf.performance.comparison import Row
from ssd_tf.utils.files import atomic_path, write_atomically

# A column for each field of Row: its head, and how its values are written.
_COLUMNS = {
    "name": ("form", "{}"),
    "ap": ("AP", "{:.3f}"),
    "ap50": ("AP50", "{:.3f}"),
    "kept": ("AP kept", "{:.1%}"),
    "partners": ("same detections", "{:.1%}"),
    "box_difference": ("boxes differ by", "{:.1g}"),
    "score_difference": ("scores differ by", "{:.1g}"),
    "p50_ms": ("ms p50", "{:.0f}"),
    "p99_ms": ("ms p99", "{:.0f}"),
    "file_mb": ("file MB", "{:.1f}"),
    "peak_mb": ("memory MB", "{:.0f}"),
}


def report_title(detector: str, split: str, num_images: int) -> str:
    """What was run on what: the detector, the images, and this machine's CPU cores and GPUs."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    return (
        f"{detector} on {num_images} images of {split}, one at a time. "
        f"CPU cores: {os.cpu_count()}, GPUs: {gpus}; LiteRT and ONNX run on the CPU"
    )


def markdown(rows: list[Row], title: str) -> str:
    """The table, for a README."""
    heads = [head for head, _ in _COLUMNS.values()]
    lines = [title, "", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        lines.append("| " + " | ".join(_written(row, field) for field in _COLUMNS) + " |")
    return "\n".join(lines) + "\n"


def _written(row: Row, field: str) -> str:
    value = getattr(row, field)
    return "-" if isinstance(value, float) and math.isnan(value) else _COLUMNS[field][1].format(value)


def write_report(rows: list[Row], title: str, output_dir: str | pathlib.Path) -> None:
    """Writes compare.md, compare.csv (all digits) and compare.png into a folder."""
    output = pathlib.Path(output_dir)
    output.mkdir(parents=True, exist_ok=True)
    write_atomically(output / "compare.md", markdown(rows, title))
    with atomic_path(output / "compare.csv") as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(_COLUMNS))
        writer.writeheader()
        writer.writerows(dataclasses.asdict(row) for row in rows)
    with atomic_path(output / "compare.png") as temporary:
        plot(rows, title).savefig(temporary, format="png", dpi=120)


def plot(rows: list[Row], title: str) -> Figure:
    """A figure: a panel each for AP, time, file and memory, a bar for each form."""
    figure = Figure(figsize=(13, 1.4 + 0.34 * len(rows)), layout="constrained")
    panels = figure.subplots(1, 4, sharey=True)
    places = np.arange(len(rows))
    labels = {"ap": "AP", "p50_ms": "ms an image (line: p99)", "file_mb": "file, MB", "peak_mb": "peak memory, MB"}
    for axes, (field, label) in zip(panels, labels.items(), strict=True):
        values = np.array([getattr(row, field) for row in rows])
        axes.barh(places, values, color="#4477aa")
        ends = values
        if field == "p50_ms":
            ends = np.array([row.p99_ms for row in rows])
            axes.hlines(places, values, ends, color="#222222", linewidth=1.5)
        for place, value, end in zip(places, values, ends, strict=True):
            text = _COLUMNS[field][1].format(value)
            axes.annotate(text, (end, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_title(label, fontsize=10)
        axes.set_xlim(0, max(ends.max() * 1.25, 1e-9))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(places, [row.name for row in rows])
    panels[0].invert_yaxis()
    figure.suptitle(title, fontsize=11)
    return figure

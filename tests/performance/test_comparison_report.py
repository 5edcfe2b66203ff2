# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The report holds what was measured, for people and for programs, and says where."""

import csv
import dataclasses
import os
import sys

import cv2
import tensorflow as tf

from ssd_tf.performance.comparison import Row
from ssd_tf.performance.comparison_report import markdown, report_title, write_report

ROWS = [
    Row("checkpoint", 0.5278, 0.87, 1.0, 1.0, 0.0, 0.0, 135.2, 153.0, 50.2, 913.0),
    Row("litert_int8", 0.5199, 0.86, 0.985, 0.91, 0.06, 0.21, 39.4, 44.0, 15.2, 120.0),
]


def test_report_is_a_table_a_file_of_numbers_and_an_image(tmp_path):
    write_report(ROWS, "two forms", tmp_path)
    text = (tmp_path / "compare.md").read_text()
    assert text == markdown(ROWS, "two forms")
    assert "| litert_int8 | 0.520 | 0.860 | 98.5% | 91.0% | 0.06 | 0.2 | 39 | 44 | 15.2 | 120 |" in text
    with (tmp_path / "compare.csv").open(newline="") as file:
        stored = list(csv.DictReader(file))
    assert [row["name"] for row in stored] == ["checkpoint", "litert_int8"]
    assert float(stored[1]["ap"]) == 0.5199
    image = cv2.imread(str(tmp_path / "compare.png"))
    assert image is not None and image.shape[1] > 1200


def test_table_has_a_column_for_each_field():
    heads, _, row = markdown(ROWS[:1], "one form").splitlines()[2:]
    assert heads.count("|") == row.count("|") == len(dataclasses.fields(Row)) + 1


def test_share_of_no_ap_is_a_dash():
    row = dataclasses.replace(ROWS[0], ap=0.0, ap50=0.0, kept=float("nan"))
    text = markdown([row], "one form")
    assert "| checkpoint | 0.000 | 0.000 | - | 100.0% |" in text and "nan" not in text


def test_title_names_the_machine_and_what_was_run(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a", "b"] if kind == "GPU" else [])
    assert report_title("ssd128_tiny", "val", 5) == (
        "ssd128_tiny on 5 images of val, one at a time. CPU cores: 16, GPUs: 2; LiteRT and ONNX run on the CPU"
    )


def test_plot_leaves_the_callers_matplotlib_alone(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    write_report(ROWS, "two forms", tmp_path)
    assert "matplotlib.pyplot" not in sys.modules

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import numpy as np
from matplotlib.patches import Rectangle

from ssd_tf.plots.confusion_chart import (
    MAX_CLASSES,
    confusion_figure,
    largest_mistakes,
    mistake_in_words,
    most_confused,
)
from ssd_tf.plots.rendering import LIGHT, render_svg, to_image

# Background, cat, dog: 8 cats found, 1 taken for a dog, 1 missed; 3 cats found where nothing is.
MATRIX = np.array([[0, 3, 1], [1, 8, 1], [0, 2, 1200]])


def cells(figure):
    """Texts by (row, column)."""
    found = {}
    for text in figure.axes[0].texts:
        x, y = text.get_position()
        found.setdefault((round(float(y)), round(float(x))), []).append(text.get_text())
    return found


def tick_labels(axis):
    return [axis.get_major_formatter()(k, k) for k in range(3)]


def test_background_is_last_and_counts_stand_with_the_share_of_their_row():
    # Row "cat": 10 true cats; row "nothing there": 4 detections.
    found = cells(confusion_figure(MATRIX, ["cat", "dog"]))
    assert found[0, 0] == ["8", "80%"] and found[0, 1] == ["1", "10%"] and found[0, 2] == ["1", "10%"]
    assert found[2, 0] == ["3", "75%"] and found[2, 1] == ["1", "25%"]
    assert found[1, 1] == ["1.2k", "100%"]


def test_zeros_and_the_cell_without_meaning_are_empty():
    found = cells(confusion_figure(MATRIX, ["cat", "dog"]))
    assert (1, 2) not in found and (2, 2) not in found


def test_rows_and_columns_are_named():
    axes = confusion_figure(MATRIX, ["cat", "dog"]).axes[0]
    assert tick_labels(axes.xaxis) == ["cat", "dog", "missed"]
    assert tick_labels(axes.yaxis) == ["cat", "dog", "nothing there"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("found", "true")


def test_colour_is_stronger_where_the_share_is_larger():
    cells = {
        (patch.get_y() + 0.47, patch.get_x() + 0.48): patch.get_alpha()
        for patch in confusion_figure(MATRIX, ["cat", "dog"]).axes[0].patches
        if isinstance(patch, Rectangle)
    }
    alphas = {(round(float(y)), round(float(x))): alpha for (y, x), alpha in cells.items()}
    assert alphas[1, 1] > alphas[0, 0] > alphas[0, 1] > 0 and (1, 2) not in alphas


def test_of_many_classes_those_are_shown_that_are_confused():
    matrix = np.diag(np.full(41, 9))
    matrix[0, 0] = 0
    matrix[7, 30] = 5
    shown = most_confused(matrix)
    assert len(shown) == MAX_CLASSES and {7, 30} <= set(shown) and shown == sorted(shown)
    figure = confusion_figure(matrix, [f"name {k}" for k in range(1, 41)])
    names = figure.axes[0].xaxis.get_major_formatter().seq
    assert len(names) == MAX_CLASSES + 1 and {"name 7", "name 30", "missed"} <= set(names)


def test_a_figure_says_which_classes_it_leaves_out_and_is_silent_where_it_has_all():
    for count, title in ((80, "24 of 80 classes, those confused most"), (MAX_CLASSES, "")):
        figure = confusion_figure(np.eye(count + 1, dtype=int), [f"name {k}" for k in range(count)])
        assert figure.axes[0].get_title(loc="left") == title


def test_missed_and_invented_objects_are_no_confusion_of_classes():
    matrix = np.zeros((41, 41), int)
    matrix[40, 0] = matrix[0, 40] = 100
    assert 40 not in most_confused(matrix)


def test_many_classes_make_a_wider_figure():
    few, many = (confusion_figure(np.ones((n, n), int), ["x"] * (n - 1), 345).get_size_inches() for n in (4, 25))
    assert few[0] * 72 == 345 and many[0] * 72 >= 25 * 30


def test_largest_mistakes_come_first_and_zeros_never():
    assert largest_mistakes(MATRIX, 3) == [(0, 1), (2, 1), (0, 2)]
    assert largest_mistakes(np.diag([0, 5, 6]), 3) == []


def test_names_of_any_kind_can_be_drawn():
    names = ["<b>&$x^2", "猫の" * 20]
    assert "&lt;b&gt;&amp;$x^2" in render_svg(confusion_figure(MATRIX, names), "a")
    image = to_image(confusion_figure(MATRIX, names))  # without the warning of a missing character, an error here
    assert image.shape[2] == 3 and image[0, 0].tolist() == [255, 255, 255]


def test_no_detection_and_no_truth_can_be_drawn():
    figure = confusion_figure(np.zeros((3, 3), int), ["cat", "dog"])
    assert not figure.axes[0].texts
    assert LIGHT["heat"] not in render_svg(figure, "a")


def test_mistakes_are_put_in_words():
    # 10 true cats; of 13 found cats 3 are where nothing is; 1202 true dogs.
    found = [mistake_in_words(MATRIX, ["cat", "dog"], *place) for place in ((1, 2), (1, 0), (0, 1), (2, 1))]
    assert found == [
        ("cat taken for dog", "1", "10% of all cat"),
        ("cat missed", "1", "10% of all cat"),
        ("cat found where nothing is", "3", "23% of all cat found"),
        ("dog taken for cat", "2", "0% of all dog"),
    ]

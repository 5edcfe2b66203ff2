# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from ssd_tf.plots import dataset_charts as charts
from ssd_tf.plots.rendering import LIGHT, NARROW, render_svg


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def bars(figure):
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]


def test_classes_are_drawn_the_most_frequent_first_with_their_totals():
    figure = charts.classes_figure(["cat", "dog", "cow"], np.array([[1, 2], [500, 700], [0, 0]]), ["train", "val"])
    assert texts(figure) == ["1,200", "3", "0"]
    assert ticks(figure.axes[0].yaxis) == ["dog", "cat", "cow"]
    assert [bar.get_width() for bar in bars(figure)] == [500, 1, 0, 700, 2, 0]
    assert [bar.get_x() for bar in bars(figure)] == [0, 0, 0, 500, 1, 0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train", "val"]


def test_of_many_classes_the_most_frequent_are_drawn():
    figure = charts.classes_figure([f"c{k}" for k in range(30)], np.arange(30)[:, None], ["train"])
    assert len(bars(figure)) == charts.MAX_CLASSES == 24
    assert ticks(figure.axes[0].yaxis)[0] == "c29" and not figure.legends


def test_images_are_shown_as_parts_of_their_split():
    counts = {"train": np.array([0, 2, 2, 5]), "val": np.array([2])}
    figure = charts.boxes_of_images_figure(counts)
    lines = [patch.get_data() for patch in figure.axes[0].patches[1::2]]
    assert lines[0].values.tolist() == [0.25, 0, 0.5, 0, 0, 0.25]
    assert lines[1].values.tolist() == [0, 0, 1, 0, 0, 0]
    assert lines[0].edges.tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["train: 2.2 on average", "val: 2.0 on average"]


def test_large_numbers_of_boxes_are_counted_together_and_the_axis_says_so():
    figure = charts.boxes_of_images_figure({"train": np.array([0, 59, 60, 61])})
    data = figure.axes[0].patches[0].get_data()
    assert np.diff(data.edges).tolist() == [3] * 21
    assert data.values[-2:].tolist() == [0.25, 0.5]
    assert figure.axes[0].get_xlabel() == "boxes of an image, 3 together"


def test_a_split_without_images_is_left_out():
    figure = charts.boxes_of_images_figure({"train": np.array([1]), "val": np.array([], int)})
    assert len(figure.axes[0].patches) == 2


def test_the_matched_part_of_each_kind_is_written():
    figure = charts.matched_figure(["<16", "16–32", "32+"], [8, 0, 300], [2, 0, 299], "side")
    assert texts(figure) == ["25%", "99%"]
    assert [bar.get_height() for bar in bars(figure)] == [8, 0, 300, 2, 0, 299]


def test_nearly_all_is_not_written_as_all():
    assert texts(charts.matched_figure(["a", "b"], [1000, 1000], [999, 1000], "side")) == ["99%", "100%"]


def test_aspects_beyond_the_chart_are_counted_at_its_ends():
    figure = charts.aspects_figure(np.array([1e-6, 1.01, 1.02, 1e6]))
    data = figure.axes[0].patches[0].get_data()
    assert data.values.sum() == 4 and data.values[0] == data.values[-1] == 1
    assert data.values[16] == 2 and data.edges[16] == 0


def test_shapes_are_cells_of_the_chart_and_default_boxes_dots_in_it():
    sizes = np.array([[36, 144]] * 9 + [[9, 9], [0.5, 400]])
    anchors = {"default boxes": np.array([[30.0, 60.0]]), "proposed": np.array([[10.0, 20.0], [4000.0, 1.0]])}
    figure = charts.shapes_figure(sizes, anchors, 300)
    axes = figure.axes[0]
    cells = sorted(bars(figure), key=lambda cell: cell.get_alpha() or 0)
    assert len(cells) == 3
    x, y = cells[-1].get_xy()
    assert x < np.log2(144) < x + cells[-1].get_width() and y < np.log2(36) < y + cells[-1].get_height()
    dots = [collection.get_offsets() for collection in axes.collections]
    np.testing.assert_allclose(dots[0], [[np.log2(60), np.log2(30)]])
    low, high = axes.get_xlim()
    assert (np.array(dots[1]) >= low).all() and (np.array(dots[1]) <= high).all()
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["default boxes", "proposed"]


def test_the_chosen_detector_stands_out():
    figure = charts.recall_figure(["a", "b"], [0.5, 0.912], "b")
    assert texts(figure) == ["50.0%", "91.2%"]
    assert [text.get_fontweight() for text in figure.axes[0].texts] == ["normal", "bold"]
    assert [bar.get_alpha() for bar in bars(figure)] == [0.4, 1]


@pytest.mark.parametrize("width", [NARROW, 560])
def test_charts_become_svg_in_the_colours_of_the_page(width):
    for figure in (
        charts.classes_figure(["<b>&", "猫"], np.array([[3], [1]]), ["train"], width),
        charts.shapes_figure(np.array([[20.0, 30.0]]), {"x": np.array([[30.0, 60.0]])}, 300, width),
        charts.matched_figure(["<16"], [3], [1], "side", width),
    ):
        drawn = render_svg(figure, "x")
        assert f'viewBox="0 0 {width} ' in drawn
        assert not any(color in drawn for color in LIGHT.values())

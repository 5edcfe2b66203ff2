# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import re
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest
from matplotlib import rc_context

from ssd_tf.drawing.palette import contrast
from ssd_tf.pages.page import style_sheet
from ssd_tf.plots import rendering
from ssd_tf.plots.rendering import DARK, LIGHT, NUM_SERIES, STYLE, new_figure, render_png, render_svg, to_image

SVG = "{http://www.w3.org/2000/svg}"


def figure(name="loss"):
    with rc_context(STYLE):
        made = new_figure(200, 100)
        axes = made.subplots()
        axes.plot([0, 1], [0, 1], "o-", color=LIGHT["main"], clip_on=True)
        axes.set_title(name)
        return made


def rgb(color):
    return tuple(int(color[k : k + 2], 16) for k in (1, 3, 5))


def test_svg_has_the_figures_size_and_grows_no_larger():
    root = ET.fromstring(render_svg(figure(), "a"))
    assert root.tag == f"{SVG}svg" and root.get("viewBox") == "0 0 200 100"
    assert "max-width: 200px" in root.get("style", "")


def test_colours_of_an_svg_are_the_pages_variables():
    svg = render_svg(figure(), "a")
    assert {"var(--ink)", "var(--muted)", "var(--grid)", "var(--main)"} <= set(re.findall(r"var\(--\w+\)", svg))
    assert not re.findall(r"#[0-9a-f]{6}", svg)


def test_every_variable_of_a_chart_is_in_the_style_sheet_for_light_and_for_dark():
    light, dark = style_sheet().split("prefers-color-scheme: dark")
    for name in LIGHT:
        assert f"--{name}:{LIGHT[name]};" in light and f"--{name}:{DARK[name]};" in dark


def test_ids_of_two_figures_never_meet_and_all_references_are_met():
    svgs = [render_svg(figure(), prefix) for prefix in ("a-wide", "a-narrow")]
    ids = [{element.get("id") for element in ET.fromstring(svg).iter()} - {None} for svg in svgs]
    assert not ids[0] & ids[1]
    for svg, known in zip(svgs, ids, strict=True):
        references = set(re.findall(r'(?:url\(|href=")#([^)"]+)', svg))
        assert references == known and len(known) >= 2  # the clip path, and the marker of the line


def test_text_is_text_whatever_is_in_it():
    name = '<script>alert("x")</script> $x^2 & id="y" #1c2126'
    texts = [element.text for element in ET.fromstring(render_svg(figure(name), "a")).iter(f"{SVG}text")]
    assert name in texts


def test_the_reader_can_show_characters_that_the_charts_font_lacks():
    assert "猫" in render_svg(figure("猫"), "a")


def test_svg_loads_nothing_and_styles_nothing_else():
    svg = render_svg(figure(), "a").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in svg and "<style" not in svg and "<script" not in svg


def test_png_is_white_and_twice_the_size():
    image = cv2.imdecode(np.frombuffer(render_png(figure()), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (200, 400, 3) and image[0, 0].tolist() == [255, 255, 255]
    assert image.min() < 100  # something is drawn


def test_array_is_what_the_png_shows():
    image = to_image(figure())
    png = cv2.imdecode(np.frombuffer(render_png(figure()), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, png)


def test_missing_characters_become_escapes_in_a_png():
    # The same pixels as the escape's; and no warning, which would be an error here.
    np.testing.assert_array_equal(to_image(figure("猫 cat")), to_image(figure("\\u732b cat")))


def test_margins_place_the_axes():
    with rc_context(STYLE):
        made = new_figure(200, 100, margins=(20, 40, 10, 30))
        box = made.subplots().get_position()
    np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], [0.1, 0.3, 0.8, 0.9], atol=1e-9)


def test_colours_are_different_so_that_each_has_a_variable():
    assert len(set(LIGHT.values())) == len(LIGHT) and DARK.keys() == LIGHT.keys()
    assert len({rendering.series_color(k) for k in range(1, NUM_SERIES + 1)}) == NUM_SERIES


@pytest.mark.parametrize(("colors", "ground"), [(LIGHT, "#ffffff"), (DARK, "#181c20")])
def test_lines_and_text_stand_out(colors, ground):
    # WCAG 2: 4.5 for text, 3 for what a chart is made of; the grid is meant to be faint.
    for name in ("ink", "muted"):
        assert contrast(rgb(colors[name]), rgb(ground)) >= 4.5
    for name in colors.keys() - {"grid"}:
        assert contrast(rgb(colors[name]), rgb(ground)) >= 3, name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat", "cat"),
        ("elephant", "elephant"),
        ("elephants", "elep…nts"),
        ("猫猫猫猫", "猫猫猫猫"),
        ("猫" * 5, "猫猫…猫"),
        ("", ""),
    ],
)
def test_names_are_shortened_to_eight_letters(name, expected):
    assert rendering.shortened(name, 8) == expected


def test_names_that_begin_alike_stay_different():
    names = ("traffic light red", "traffic light amber")
    short = {rendering.shortened(name, 14) for name in names}
    assert short == {"traffic…ht red", "traffic… amber"}

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import io

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from PIL import Image

from ssd_tf.pages import page
from ssd_tf.pages.page import Chart, Section, jpeg_url, parts
from ssd_tf.plots.rendering import STYLE, new_figure
from tests.fixtures.report_run import Page

WILD = "<script>alert(\"x\")</script> & 'more'"


def draw(width):
    with rc_context(STYLE):
        figure = new_figure(width, 80)
        figure.subplots().plot([0, 1])
        return figure


def test_a_page_says_what_browsers_ask_for():
    made = Page(page.page_html("Run & more", Markup("<h1>Run</h1>"), [Section("a", "First", Markup("<p>x</p>"))]))
    assert made.open == [] and made.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in made.all("meta")
    assert "Run & more" in made.text


def test_every_section_is_linked():
    made = Page(
        page.page_html("t", Markup(), [Section("a", "First", Markup()), Section("b", "Second & last", Markup())])
    )
    assert [link["href"] for link in made.all("a")] == ["#a", "#b"]
    assert [section["id"] for section in made.all("section")] == ["a", "b"]
    assert len(made.all("h2")) == 2 and made.text.count("Second & last") == 2


def test_text_of_users_is_escaped_in_every_part():
    chart = Chart("a", WILD, WILD, draw)
    for made in (
        parts().figure(chart),
        parts().table([WILD], [[WILD]], WILD),
        parts().tiles([(WILD, WILD, WILD)]),
        parts().header(WILD, WILD, [WILD], ""),
        parts().swatch("red", WILD),
        parts().nothing(WILD),
        parts().images("a", WILD, [(WILD, WILD), (WILD, WILD)], "images"),
        page.page_html(WILD, Markup(), [Section("a", WILD, Markup())]),
    ):
        parsed = Page(made)
        assert parsed.open == [] and not parsed.all("script")
        values = [value for _, attributes in parsed.tags for value in attributes.values()]
        assert WILD in parsed.text or WILD in values


def test_cells_that_are_html_stay_so():
    assert "<td><i>x</i></td>" in parts().table(["h"], [[Markup("<i>x</i>")]], "t")


def test_a_chart_is_drawn_for_wide_and_for_narrow_windows_and_is_one_image_to_readers():
    made = Page(parts().figure(Chart("pr", "what it shows", "how to read it", draw, (560, 345))))
    assert [svg["viewbox"] for svg in made.all("svg")] == ["0 0 560 80", "0 0 345 80"]
    assert [div["aria-label"] for div in made.all("div") if div.get("role") == "img"] == ["what it shows"]
    assert all(svg["aria-hidden"] == "true" for svg in made.all("svg"))
    assert "how to read it" in made.text


def test_a_chart_that_fits_all_windows_is_drawn_once():
    made = Page(parts().figure(Chart("pr", "alt", "", draw, (345,))))
    assert len(made.all("svg")) == 1 and not made.all("figcaption")


def test_images_are_in_the_page_and_have_alt_texts():
    made = Page(
        parts().images(
            "worst-7",
            "Image 7",
            [("left", jpeg_url(b"\xff\xd8one")), ("right", jpeg_url(b"\xff\xd8two"))],
            "images",
        )
    )
    assert [image["alt"] for image in made.all("img")] == ["left", "right"]
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,/9h") for image in made.all("img"))
    assert made.all("figure") == [{"class": "image", "id": "worst-7"}]
    assert [link["href"] for link in made.all("a")] == ["#worst-7", "#images"]


def test_an_image_as_jpeg_is_nearly_the_image():
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 30:] = (200, 40, 10)
    read = np.array(Image.open(io.BytesIO(page.jpeg_file(image))))
    np.testing.assert_allclose(read[20, [10, 50]], image[20, [10, 50]], atol=3)  # JPEG at quality 82


def test_a_template_may_use_the_parts_of_all_pages(tmp_path):
    (tmp_path / "own.html.jinja").write_text(
        '{% from "page.html.jinja" import swatch %}{% macro own(name) %}<b>{{ swatch("red", name) }}</b>{% endmacro %}'
    )
    made = Page(page.macros(tmp_path / "own.html.jinja").own(WILD))
    assert made.open == [] and WILD in made.text and made.all("b")

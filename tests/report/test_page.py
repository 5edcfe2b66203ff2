# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
from markupsafe import Markup
from matplotlib import rc_context

from ssd_tf.plots.rendering import STYLE, new_figure
from ssd_tf.report import page
from ssd_tf.report.page import Chart, Section, jpeg_url, parts
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
        parts().settings([(WILD, WILD)]),
        parts().tiles([(WILD, WILD, WILD)]),
        parts().header(WILD, WILD, [WILD], ""),
        parts().swatch("red", WILD),
        parts().no_examples(WILD),
        parts().pair("a", WILD, [(WILD, WILD), (WILD, WILD)]),
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
        parts().pair("worst-7", "Image 7", [("left", jpeg_url(b"\xff\xd8one")), ("right", jpeg_url(b"\xff\xd8two"))])
    )
    assert [image["alt"] for image in made.all("img")] == ["left", "right"]
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,/9h") for image in made.all("img"))
    assert made.all("figure") == [{"class": "image", "id": "worst-7"}]

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""From files to the page, the table and a proposed detector."""

import datetime
import json
import os
import pathlib

import pytest

from ssd_tf.inspection.build import InspectConfig, inspect
from ssd_tf.specs import spec
from ssd_tf.utils.errors import UserError
from tests.fixtures import formats
from tests.fixtures.report_run import Page
from tests.inspection.made import CLASSES, pattern, write_coco

NOW = datetime.datetime(2026, 3, 4, 5, 6)


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    """train.json with boxes so thin that no detector matches them, and val.json with an image of train."""
    folder = tmp_path_factory.mktemp("sets") / "A & B"
    thin = {f"{k}.png": [(2, 6 * k + 2, 76, 4, 1 + k % 2)] for k in range(4)}
    write_coco(folder, {f"{k}.png": pattern(k) for k in range(4)}, thin)
    write_coco(folder, {"9.png": pattern(1)}, {"9.png": [(3, 3, 70, 4, 1)]}, "val")
    return folder


@pytest.fixture(scope="module")
def made(coco):
    config = InspectConfig(
        annotations=(str(coco / "train.json"), str(coco / "val.json")),
        images=(str(coco / "images"),),
        output=str(coco / "out" / "page.html"),
    )
    return inspect(config, NOW)


def test_the_page_is_whole_and_needs_no_other_file(made, coco):
    page = Page(made.page.read_text())
    assert page.open == [] and not page.all("script") and not page.all("link")
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    words = page.words()
    assert "Data set: A & B" in words and "Looked at on 4 March 2026, 05:06." in words
    assert "Images: train 4, val 1." in words
    assert [link["href"] for link in page.all("a")[:6]] == [
        "#findings", "#samples", "#classes", "#boxes", "#anchors", "#copies",
    ]  # fmt: skip
    assert sorted(path.name for path in made.page.parent.iterdir()) == ["page.html", "proposed_detector.json"]


def test_what_is_wrong_stands_on_top(made):
    words = Page(made.page.read_text()).words()
    top = words[: words.index("What is odd")]
    assert "Images of val that look like one of another split: 1 of 1." in top
    assert "those proposed match 100.0%" in top


def test_the_proposed_detector_is_one_that_train_takes(made):
    proposed = spec(made.proposal)
    assert proposed.name.endswith("_proposed")
    assert made.command == f"ssd_tf train '--detector={made.proposal}' --data_dir=data --model_dir=runs/mine"
    assert json.loads(made.proposal.read_text())["name"] == proposed.name


def test_the_table_says_the_numbers_of_the_page(made):
    lines = [line.split() for line in made.table.splitlines()]
    assert ["4", "1", "images"] in lines and ["4", "1", "images", "with", "boxes"] in lines
    assert lines[0] == ["train", "val"]
    assert ["2", "1", CLASSES[0]] in lines and ["2", "0", "dog", "&", "co"] in lines
    # No detector matches a box, so none fits best.
    assert not any(line[-2:] == ["fits", "best"] for line in lines)
    assert ["100.0%", spec(made.proposal).name] in lines
    assert ["1", "pairs", "of", "near-duplicates", "in", "two", "splits"] in lines
    assert ["1", "classes", "that", "a", "split", "lacks"] in lines


def test_where_boxes_fit_nothing_but_the_page_is_written(tmp_path):
    path = write_coco(tmp_path, {"0.png": pattern(0)}, {"0.png": [(10, 10, 40, 30, 1)]})
    made = inspect(
        InspectConfig(annotations=(str(path),), images=(str(tmp_path / "images"),), output=f"{tmp_path}/x.html")
    )
    assert (made.proposal, made.command) == (None, "")
    assert not (tmp_path / "proposed_detector.json").exists()
    assert f"Data set: {tmp_path.name}/train.json" in Page(made.page.read_text()).words()


def test_annotations_without_any_image_have_a_page(tmp_path):
    path = write_coco(tmp_path, {}, {"a.png": [(10, 10, 40, 30, 1)], "b.png": [(10, 10, 40, 30, 2)]})
    made = inspect(InspectConfig(annotations=(str(path),), images=(f"{tmp_path}/absent",), output=f"{tmp_path}/x.html"))
    words = Page(made.page.read_text()).words()
    assert "Images that cannot be read: 2." in words
    assert "None to show: no image can be read." in words and "of 2 boxes" in words
    assert "2  missing" in made.table


def test_a_file_whose_name_is_no_utf_8_is_named_and_the_rest_is_looked_at(coco, tmp_path):
    content = formats.plain_coco(coco / "train.json", coco / "images", 4)
    formats.write_voc(content, coco / "images", tmp_path / "voc")
    odd = os.fsencode(tmp_path / "voc" / "JPEGImages") + b"/\xff.png"
    pathlib.Path(os.fsdecode(odd)).write_bytes((coco / "images" / "0.png").read_bytes())
    xml = (tmp_path / "voc" / "Annotations" / "0.xml").read_text().replace("<filename>0.png</filename>", "")
    pathlib.Path(os.fsdecode(os.fsencode(tmp_path / "voc" / "Annotations") + b"/\xff.xml")).write_text(xml)
    made = inspect(InspectConfig(annotations=(f"{tmp_path}/voc",), output=f"{tmp_path}/x.html"))
    assert "\\xff" in Page(made.page.read_text()).words()
    lines = [line.split() for line in made.table.splitlines()]
    assert ["5", "images"] in lines and ["1", "unreadable"] in lines


def test_what_is_to_be_looked_at_is_one_thing(tmp_path):
    with pytest.raises(UserError, match=r"either --data_dir, or --annotations\. Received: neither"):
        inspect(InspectConfig(output=f"{tmp_path}/x.html"))
    with pytest.raises(UserError, match=r"either --data_dir, or --annotations\. Received: both"):
        inspect(InspectConfig(data_dir="a", annotations=("b",), output=f"{tmp_path}/x.html"))


def test_an_unknown_detector_is_told_before_images_are_read(tmp_path):
    with pytest.raises(ValueError, match="unknown detector 'ssd_nothing'"):
        inspect(InspectConfig(annotations=(f"{tmp_path}/absent.json",), detector="ssd_nothing", output=f"{tmp_path}/x"))

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The words, numbers and images of the page, where there is much to say and where there is little."""

import pytest

from ssd_tf.inspection import sections, statistics
from ssd_tf.inspection.box_sections import anchors_section, classes_section
from ssd_tf.inspection.copies import find_copies
from ssd_tf.inspection.fit import fit_detectors
from ssd_tf.inspection.kinds import kinds_of
from ssd_tf.inspection.sections import Looked
from ssd_tf.inspection.sources import annotated_sources
from ssd_tf.inspection.splits import read_split
from ssd_tf.inspection.table import table
from tests.fixtures.report_run import Page
from tests.inspection.made import CLASSES, annotated, pattern, split, write_coco


def look(*splits) -> Looked:
    rows = statistics.class_rows(splits)
    fit = fit_detectors(statistics.objects(splits))
    return Looked(splits, rows, kinds_of(splits, rows), fit, find_copies(splits))


def words(section) -> str:
    return Page(section.html).words()


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    """Two splits that share an image, with boxes outside their images and a file that is missing."""
    folder = tmp_path_factory.mktemp("two")
    boxes = {
        "0.png": [(10, 10, 30, 30, 1), (70, 10, 30, 20, 2)],
        "1.png": [(5, 5, 20, 20, 1), (90, 5, 9, 9, 3)],
        "absent.png": [(1, 1, 9, 9, 1)],
    }
    train = write_coco(folder, {f"{k}.png": pattern(k) for k in range(3)}, boxes)
    val = write_coco(folder, {"9.png": pattern(1)}, {"9.png": [(8, 8, 40, 30, 1)]}, "val")
    return look(*map(read_split, annotated_sources([train, val], folder / "images")))


@pytest.fixture(scope="module")
def page(looked):
    return {section.key: Page(section.html) for section in sections.all_sections(looked, "")}


def test_every_kind_of_finding_is_told_with_advice_and_shown_with_its_image(page):
    findings = page["findings"]
    for title in ("missing: 1", "dropped: 1", "clipped: 1", "without objects: 1"):
        assert title in findings.words()
    assert "Correct or delete them." in findings.words()
    assert "train: 0.png: clipped: box [x, y, w, h] = [70, 10, 30, 20]" in findings.words()
    # The missing file has no image to show.
    assert len(findings.all("img")) == 3
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in findings.all("img"))
    assert "no box in val: dog & co" in findings.words()


def test_samples_name_split_file_and_size(page):
    assert len(page["samples"].all("img")) == 4
    assert "train: 0.png, 80x60" in page["samples"].words() and "val: 9.png, 80x60" in page["samples"].words()


def test_numbers_of_boxes_stand_in_the_page(page):
    assert f"{CLASSES[0]} has 4 boxes, dog & co 1: 4.0 times as many" in page["classes"].words()
    assert "Default boxes of" in page["anchors"].words() and "of 5 boxes" in page["anchors"].words()
    assert "nine in ten are between" in page["boxes"].words()


def test_copies_are_shown_side_by_side(page):
    assert "1 pair in two splits" in page["copies"].words()
    assert "train: 1.png, 80x60 and val: 9.png, 80x60" in page["copies"].words()
    assert len(page["copies"].all("img")) == 2


def test_names_of_classes_are_text_in_every_section(page):
    for made in page.values():
        assert made.open == [] and not made.all("script")


def test_ids_of_images_are_unique_in_the_page(page):
    ids = [figure["id"] for made in page.values() for figure in made.all("figure") if "id" in figure]
    assert len(ids) == len(set(ids)) == 3 + 4 + 1


def test_tiles_have_the_numbers_that_are_looked_for_first(looked):
    text = Page(sections.tiles(looked)).text
    # 0.png and 1.png lose a box each.
    for number in ("5images", "4 with boxes", "5boxes", "3classes", "2 with boxes", "1near-duplicates"):
        assert number in text


def test_a_proposal_comes_with_the_command_that_trains_with_it():
    thin = (0.45, 0.05, 0.5, 0.95)
    lying = look(split([annotated(f"{k}", [1], thin) for k in range(9)], readable=False))
    anchors = words(anchors_section(lying.fit, "ssd_tf train --detector=x.json"))
    assert "ssd_tf train --detector=x.json" in anchors and "match 100.0%" in anchors
    assert f"{lying.fit.spec.name}_proposed" in anchors


def test_a_set_without_boxes_has_a_page():
    empty = look(split([annotated("a", [])], readable=False))
    made = {section.key: words(section) for section in sections.all_sections(empty, "")}
    assert made["anchors"] == made["boxes"] == "None to show: no image has a box that is not a crowd."
    assert made["samples"] == "None to show: no image can be read."
    assert "No class has a box." in made["classes"] and "classes without a box: 3" in made["findings"]
    assert "there are none" in Page(sections.tiles(empty)).words()


def test_crowds_alone_are_no_boxes_to_match():
    crowds = look(split([annotated("a", [1, 2, 3], crowds=3)], readable=False))
    assert "None to show" in words(anchors_section(crowds.fit, ""))


def test_one_class_and_nothing_odd_are_said():
    plain = look(split([annotated("a", [1])], classes=("cat",), readable=False))
    assert "Nothing: all images can be read" in words(sections.findings_section(plain))
    classes = classes_section(plain.classes, plain.splits)
    assert "All boxes are of one class, cat." in words(classes) and "Boxes of the class." in classes.html
    tiles = Page(sections.tiles(plain)).text
    assert all(tile in tiles for tile in ("1image1", "1box1", "1class1"))
    assert "No two images are nearly the same." in words(sections.copies_section(plain))


def test_of_many_findings_a_few_are_listed_and_the_rest_is_counted():
    found = {"dropped": [f"no such file {k}: x" for k in range(1000)]}
    many = words(sections.findings_section(look(split([annotated("a", [1])], findings=found, readable=False))))
    assert "dropped: 1,000" in many and "no such file 7: x" in many and "no such file 8" not in many
    assert "and 992 more" in many


def test_a_hundred_classes_have_a_table_of_all():
    names = [f"class {k}" for k in range(100)]
    many = look(split([annotated("a", list(range(1, 101)))], classes=names, readable=False))
    made = Page(classes_section(many.classes, many.splits).html)
    assert "The 24 with the most boxes of 100." in made.words()
    assert len(made.all("td")) == 300


def test_the_detector_that_fits_best_is_named_in_the_table(looked):
    (best,) = (line.split() for line in table(looked).splitlines() if line.endswith("fits best"))
    assert best[1] == looked.fit.chosen.detector


def test_where_no_default_box_matches_a_box_none_is_called_the_best():
    speck = look(split([annotated("a.png", [1], (0.5, 0.5, 0.501, 0.501))]))
    assert speck.fit is not None and speck.fit.chosen.recall == 0
    assert "fits best" not in table(speck)
    said = words(anchors_section(speck.fit, ""))
    assert "match 0.0% of 1 boxes. From" in said and "the best of the table" not in said

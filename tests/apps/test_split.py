# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""split leaves COCO files of train, val and test that prepare takes, from any format."""

import json

import PIL.Image
import pytest

from tests.apps.conftest import run, run_well
from tests.fixtures import formats


def test_coco_file_is_divided_and_keeps_its_fields(drawn, tmp_path):
    content = json.loads((drawn / "annotations.json").read_text())
    content["annotations"][0]["segmentation"] = [[1, 1, 9, 1, 9, 9]]
    (tmp_path / "all.json").write_text(json.dumps(content))
    printed = run_well("split", f"--annotations={tmp_path / 'all.json'}", "--fractions=0.5,0.25,0.25", "--seed=7")
    parts = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in ("train", "val", "test")}
    assert [len(part["images"]) for part in parts.values()] == [12, 6, 6]
    assert f"{tmp_path / 'val.json'}: 6 images" in printed
    for key in ("images", "annotations"):
        entries = [entry for part in parts.values() for entry in part[key]]
        assert sorted(entries, key=lambda e: e["id"]) == content[key]
    assert all(part["categories"] == content["categories"] for part in parts.values())


def test_parts_of_a_folder_are_written_beside_its_file(drawn, tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "all.json").write_text((drawn / "annotations.json").read_text())
    run_well("split", f"--annotations={tmp_path}", "--fractions=0.5,0.5")
    assert {path.name for path in (tmp_path / "annotations").iterdir()} == {"all.json", "train.json", "val.json"}


def test_other_formats_become_coco_files_that_need_no_folder(drawn, tmp_path):
    content = formats.plain_coco(drawn / "annotations.json", drawn / "images", 12)
    formats.write_voc(content, drawn / "images", tmp_path / "voc")
    run_well(
        "split", f"--annotations={tmp_path / 'voc'}", "--fractions=0.75,0.25", f"--output_dir={tmp_path / 'parts'}"
    )
    assert not (tmp_path / "parts" / "test.json").exists()
    printed = run_well(
        "prepare",
        f"--annotations={tmp_path / 'parts' / 'val.json'}",
        f"--output_dir={tmp_path / 'data'}",
        "--split=val",
    )
    assert "val: 3 images" in printed
    assert "Nothing was dropped" in printed


def test_a_size_that_nobody_knows_is_not_made_up(tmp_path):
    rows = [f"{name}.jpg,10,20,60,80,cat" for name in "ab"]
    (tmp_path / "boxes.csv").write_text("\n".join(rows))
    run_well("split", f"--annotations={tmp_path / 'boxes.csv'}", "--fractions=.5,.5")
    part = json.loads((tmp_path / "val.json").read_text())
    assert part["images"][0].keys() == {"id", "file_name"}
    assert part["annotations"][0]["bbox"] == [10, 20, 50, 60]


# One of a and b alone is in the part that is written second.
@pytest.mark.parametrize("there", ["", "a", "b"])
def test_fractions_of_a_size_that_nobody_knows_are_refused_and_no_part_is_left(tmp_path, there):
    rows = [f"TRAIN,{name}.jpg,cat,.1,.1,,,.6,.6,," for name in "ab"]
    (tmp_path / "boxes.csv").write_text("\n".join(rows))
    for name in there:
        PIL.Image.new("RGB", (20, 10)).save(tmp_path / f"{name}.jpg")
    done = run("split", f"--annotations={tmp_path / 'boxes.csv'}", "--fractions=.5,.5")
    assert done.returncode == 1 and "expected the image, since its boxes are fractions of a size" in done.stderr
    assert not list(tmp_path.glob("*.json"))


def test_file_that_is_there_is_not_replaced(drawn, tmp_path):
    (tmp_path / "val.json").write_text("precious")
    done = run("split", f"--annotations={drawn / 'annotations.json'}", f"--output_dir={tmp_path}")
    assert done.returncode == 1
    assert "val.json is there already" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["val.json"]


def test_mistakes_in_flags_are_named(drawn):
    annotations = f"--annotations={drawn / 'annotations.json'}"
    assert "expected --annotations" in run("split").stderr
    assert (
        "--fractions: fraction: expected a number. Received: 'most'"
        in run("split", annotations, "--fractions=most").stderr
    )
    assert "expected two or three numbers. Received: 1" in run("split", annotations, "--fractions=1").stderr
    assert "1 in all. Received: [0.5, 0.6]" in run("split", annotations, "--fractions=0.5,0.6").stderr


def test_images_inside_of_shards_cannot_be_divided(drawn, tmp_path):
    content = formats.plain_coco(drawn / "annotations.json", drawn / "images", 4)
    formats.write_tfrecord(content, drawn / "images", tmp_path / "a.tfrecord")
    done = run("split", f"--annotations={tmp_path / 'a.tfrecord'}", f"--output_dir={tmp_path / 'parts'}")
    assert done.returncode == 1 and "expected images in files of their own" in done.stderr
    assert not (tmp_path / "parts").exists()


def test_a_file_that_is_given_twice_is_no_part_of_itself(drawn, tmp_path):
    flag = f"--annotations={drawn / 'annotations.json'}"
    images = f"--images={drawn / 'images'}"
    run_well("split", flag, flag, images, "--fractions=0.5,0.5", f"--output_dir={tmp_path}")
    assert [len(json.loads((tmp_path / f"{part}.json").read_text())["images"]) for part in ("train", "val")] == [24, 24]


def test_a_comma_in_the_name_of_a_file_keeps_its_fields(drawn, tmp_path):
    content = json.loads((drawn / "annotations.json").read_text())
    (tmp_path / "a,b.json").write_text(json.dumps({**content, "licenses": [{"id": 1}]}))
    run_well("split", f"--annotations={tmp_path / 'a,b.json'}", "--fractions=0.5,0.5")
    assert json.loads((tmp_path / "val.json").read_text())["licenses"] == [{"id": 1}]

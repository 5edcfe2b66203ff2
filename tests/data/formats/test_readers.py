# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""All formats through one door: the format is told by what lies there, classes are chosen, and sets put together."""

import json

import numpy as np
import pytest

from ssd_tf.apps import cli
from ssd_tf.data.formats.readers import READERS, detect_format, read_dataset, read_names
from ssd_tf.utils.errors import UserError
from tests.apps.conftest import run, run_well

XML = "<annotation><size><width>20</width><height>10</height></size>{}</annotation>"
OBJECT = "<object><name>{}</name>{}<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"


def write_coco(path, names=("cat", "dog"), image_ids=(1, 2), first_class=1):
    """One box of each class in each image."""
    numbered = list(enumerate(names, start=first_class))
    box = {"bbox": [0, 0, 5, 5]}
    content = {
        "images": [{"id": i, "file_name": f"{path.stem}{i}.jpg", "width": 20, "height": 10} for i in image_ids],
        "annotations": [{"id": 1, "image_id": i, "category_id": k, **box} for i in image_ids for k, _ in numbered],
        "categories": [{"id": k, "name": name} for k, name in numbered],
    }
    path.write_text(json.dumps(content))
    return path


def test_format_is_told_by_what_lies_there(tmp_path):
    assert detect_format(write_coco(tmp_path / "a.json")) == "coco"
    assert detect_format(tmp_path) == "coco"
    (tmp_path / "voc" / "deep").mkdir(parents=True)
    (tmp_path / "voc" / "deep" / "a.xml").write_text(XML)
    assert detect_format(tmp_path / "voc") == "voc"


def test_annotations_of_coco_beside_labels_of_yolo_are_not_what_is_meant(tmp_path):
    (tmp_path / "annotations").mkdir()
    write_coco(tmp_path / "annotations" / "instances_default.json")
    assert detect_format(tmp_path) == "coco"
    (tmp_path / "labels").mkdir()
    assert detect_format(tmp_path) == "yolo"


def test_several_files_in_annotations_are_named(tmp_path):
    (tmp_path / "annotations").mkdir()
    for name in "ab":
        write_coco(tmp_path / "annotations" / f"{name}.json")
    with pytest.raises(
        UserError, match=r"or in its annotations\. Received: a folder with annotations/a\.json, annotation"
    ):
        read_dataset(tmp_path, format="coco")


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.xml", "data.yaml", "a.record"])
def test_what_macos_leaves_beside_annotations_is_no_sign_of_a_format(tmp_path, name):
    (tmp_path / name).touch()
    found = detect_format(tmp_path)
    for other in ("a.json", "a.csv", "a.xml", "data.yaml", "a.record"):
        (tmp_path / f"._{other}").touch()
    assert detect_format(tmp_path) == found


def test_what_macos_leaves_beside_a_coco_file_is_not_read(tmp_path):
    write_coco(tmp_path / "a.json")
    (tmp_path / "._a.json").touch()
    assert len(read_dataset(tmp_path)[0].images) == 2


def test_doubt_about_the_format_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        detect_format(tmp_path / "absent")
    with pytest.raises(UserError, match=r"Received: none of them: an empty folder\. Pass --format"):
        detect_format(tmp_path)
    write_coco(tmp_path / "a.json")
    (tmp_path / "a.xml").write_text(XML)
    with pytest.raises(UserError, match="signs of coco and voc"):
        detect_format(tmp_path)
    write_coco(tmp_path / "b.json")  # neither can be meant
    assert detect_format(tmp_path) == "voc"
    (tmp_path / "notes.docx").touch()
    with pytest.raises(UserError, match=r"notes\.docx"):
        detect_format(tmp_path / "notes.docx")


def test_unknown_format_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"format: expected one of auto, coco, voc.* Received: 'pascal'"):
        read_dataset(tmp_path, format="pascal")


def test_classes_are_chosen_and_keep_their_ids(tmp_path):
    path = write_coco(tmp_path / "a.json", ("cat", "dog", "cow"), first_class=5)
    (tmp_path / "names.txt").write_text("cow\n\nmoon\n cat \n")
    dataset, _ = read_dataset(path, classes=tmp_path / "names.txt")
    assert [(category.id, category.name) for category in dataset.categories] == [(7, "cow"), (8, "moon"), (5, "cat")]
    assert [image.category_ids.tolist() for image in dataset.images] == [[5, 7], [5, 7]]
    assert dataset.findings == {"of other classes": ["a1.jpg: dog", "a2.jpg: dog"]}


def test_classes_of_which_the_data_has_none_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"classes: expected some of cat, dog\. Received: moon"):
        read_dataset(write_coco(tmp_path / "a.json"), classes=["moon"])


@pytest.mark.parametrize(("content", "message"), [("", "Received: none"), ("cat\ndog\ncat\n", "Received: cat twice")])
def test_file_of_names_that_is_odd_is_refused(tmp_path, content, message):
    (tmp_path / "names.txt").write_text(content)
    with pytest.raises(UserError, match=rf"names\.txt: .*{message}"):
        read_names(tmp_path / "names.txt")


def test_file_of_names_may_have_a_byte_order_mark(tmp_path):
    (tmp_path / "names.txt").write_bytes(b"\xef\xbb\xbfcat\r\ndog\r\n")
    assert read_names(tmp_path / "names.txt") == ("cat", "dog")


@pytest.mark.parametrize("as_text", [False, True])
def test_several_annotations_are_put_together(tmp_path, as_text):
    first = write_coco(tmp_path / "a.json", ("cat", "dog"), (1, 2))
    second = write_coco(tmp_path / "b.json", ("dog", "cat"), (2, 3), first_class=0)
    paths = f"{first},{second}" if as_text else [first, second]
    dataset, source = read_dataset(paths, tmp_path)
    assert [(image.path.name, image.image_id) for image in dataset.images] == [
        ("a1.jpg", 1),
        ("a2.jpg", 2),
        ("b2.jpg", 4),
        ("b3.jpg", 3),
    ]
    # The second file's 0 and 1 are dog and cat: 2 and 1 of the first.
    assert [image.category_ids.tolist() for image in dataset.images] == [[1, 2], [1, 2], [2, 1], [2, 1]]
    assert dataset.findings == {"renumbered": [f"b2.jpg: image id 2 of {second} is 4"]}
    assert source == {"format": "coco", "annotations": f"{first}, {second}", "images": str(tmp_path)}


def test_several_annotations_of_different_classes_are_refused(tmp_path):
    paths = [write_coco(tmp_path / "a.json"), write_coco(tmp_path / "b.json", ("cat", "cow"))]
    with pytest.raises(UserError, match=r"b\.json: expected the classes of .*a\.json: cat, dog\. Received: cat, cow"):
        read_dataset(paths)
    dataset, _ = read_dataset(paths, classes=["cat"])
    assert len(dataset.images) == 4


def test_folders_of_images_must_be_as_many(tmp_path):
    with pytest.raises(UserError, match="one for each of 1"):
        read_dataset(write_coco(tmp_path / "a.json"), [tmp_path, tmp_path])


def test_difficult_objects_are_left_out_by_flag(tmp_path):
    hard = OBJECT.format("cat", "<difficult>1</difficult>")
    (tmp_path / "a.xml").write_text(XML.format(hard + OBJECT.format("cat", "")))
    dataset, _ = read_dataset(tmp_path, difficult=False)
    assert dataset.images[0].category_ids.tolist() == [1]
    assert dataset.findings == {"difficult": ["a.jpg: left out"]}


@pytest.fixture
def folder_of_two(tmp_path, drawn):
    """A VOC folder of two drawn images, one with a difficult object."""
    folder = tmp_path / "voc"
    folder.mkdir()
    for k, flag in ((1, "<difficult>1</difficult>"), (2, "")):
        name = f"{k:08d}"
        (folder / f"{name}.jpg").write_bytes((drawn / "images" / f"{name}.jpg").read_bytes())
        (folder / f"{name}.xml").write_text(f"<annotation>{OBJECT.format('cat', flag)}</annotation>")
    return folder


def test_prepare_says_what_it_took_and_marks_difficult_objects(folder_of_two, tmp_path):
    done = run("prepare", f"--annotations={folder_of_two}", f"--output_dir={tmp_path / 'data'}", "--num_shards=1")
    assert done.returncode == 0
    assert f"{folder_of_two} is read as voc" in done.stderr
    manifest = json.loads((tmp_path / "data" / "train.json").read_text())
    assert manifest["source"]["format"] == "voc"

    import tensorflow as tf

    from ssd_tf.data import records

    (shard,) = (tmp_path / "data").glob("*.tfrecord")
    examples = [records.parse(record) for record in tf.data.TFRecordDataset(str(shard))]
    assert sorted(np.concatenate([e.is_difficult.numpy() for e in examples]).tolist()) == [False, True]


def test_prepare_takes_all_its_flags(folder_of_two, tmp_path):
    (tmp_path / "names.txt").write_text("cat\ncow\n")
    output = run_well(
        "prepare",
        "--format=voc",
        f"--annotations={folder_of_two}",
        f"--classes={tmp_path / 'names.txt'}",
        f"--output_dir={tmp_path / 'data'}",
        "--nodifficult",
        "--max_images=5",
    )
    assert "1 image (" in output and "2 classes" in output and "difficult: 1" in output


def test_limit_is_the_older_name_of_max_images(folder_of_two, tmp_path):
    output = run_well("prepare", f"--annotations={folder_of_two}", f"--output_dir={tmp_path / 'data'}", "--limit=1")
    assert "1 image (" in output


def test_programs_name_the_formats_that_are_read():
    assert tuple(READERS) == cli.FORMATS


def test_what_is_neither_a_file_nor_a_folder_is_refused():
    with pytest.raises(UserError, match=r"expected a file or a folder\. Received: /dev/null, which is neither"):
        detect_format("/dev/null")

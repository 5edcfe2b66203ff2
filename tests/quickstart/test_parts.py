# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Where the images to evaluate on come from: given, the data set's own, or put aside."""

import json
import shutil

import pytest

from ssd_tf.data.formats.readers import read_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.quickstart.parts import read_parts
from ssd_tf.utils.errors import UserError
from tests.fixtures.formats import plain_coco, write_csv, write_voc, write_yolo


@pytest.fixture
def content(drawn):
    return plain_coco(drawn / "annotations.json", drawn / "images", 20)


def names(dataset):
    return {image.name for image in dataset.images}


def assert_parts(parts, train, val):
    assert (len(parts.train.images), len(parts.val.images)) == (train, val)
    assert not names(parts.train) & names(parts.val)
    assert parts.train.categories == parts.val.categories


def test_a_fifth_is_put_aside_where_there_is_nothing_else(drawn):
    parts = read_parts([drawn / "annotations.json"], [drawn / "images"])
    assert_parts(parts, 19, 5)
    assert "5 of 24 images put aside" in parts.how
    again = read_parts([drawn / "annotations.json"], [drawn / "images"])
    assert names(again.val) == names(parts.val)  # a run that resumes has the same


def test_two_images_are_one_to_train_on_and_one_to_evaluate_on(drawn, tmp_path, content):
    for count, parts in ((2, (1, 1)), (3, (2, 1))):
        few = {**content, "images": content["images"][:count]}
        ids = {image["id"] for image in few["images"]}
        few["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] in ids]
        (tmp_path / "few.json").write_text(json.dumps(few))
        assert_parts(read_parts([tmp_path / "few.json"], [drawn / "images"]), *parts)


def test_one_image_is_refused(drawn, tmp_path, content):
    (tmp_path / "one.json").write_text(json.dumps({**content, "images": content["images"][:1], "annotations": []}))
    with pytest.raises(UserError, match="expected at least 2 images"):
        read_parts([tmp_path / "one.json"], [drawn / "images"])


def test_given_validation_is_taken(drawn):
    file = drawn / "annotations.json"
    parts = read_parts([file], [drawn / "images"], val_annotations=file, val_images=drawn / "images")
    assert (len(parts.train.images), len(parts.val.images)) == (24, 24)
    assert parts.how.startswith("as given; 24 of these 24 images are trained on too")


def test_given_validation_is_of_the_same_images_unless_these_are_given_too(drawn, tmp_path, content):
    (tmp_path / "val.json").write_text(json.dumps(content))
    parts = read_parts([drawn / "annotations.json"], [drawn / "images"], val_annotations=tmp_path / "val.json")
    assert all(image.path.is_file() for image in parts.val.images)


def test_a_prepared_folder_is_read_as_shards(drawn, tmp_path):
    dataset, source = read_dataset(drawn / "annotations.json", drawn / "images")
    for split in ("train", "val"):
        prepare(dataset, tmp_path, split, source)
    parts = read_parts([tmp_path])
    assert (len(parts.train.images), len(parts.val.images)) == (24, 24)
    assert parts.train_source["format"] == "tfrecord"


@pytest.mark.parametrize("names", [("train", "valid"), ("instances_training", "instances_validation")])
def test_coco_files_by_other_names_are_its_parts(drawn, tmp_path, content, names):
    shutil.copytree(drawn / "images", tmp_path / "images")
    (tmp_path / "annotations").mkdir()
    for name, chosen in zip(names, (content["images"][:15], content["images"][15:]), strict=True):
        ids = {image["id"] for image in chosen}
        kept = [entry for entry in content["annotations"] if entry["image_id"] in ids]
        part = {**content, "images": chosen, "annotations": kept}
        (tmp_path / "annotations" / f"{name}.json").write_text(json.dumps(part))
    parts = read_parts([tmp_path])
    assert_parts(parts, 15, 5)
    assert all(image.path.is_file() for image in (*parts.train.images, *parts.val.images))


def test_images_of_coco_files_are_in_the_folders_of_their_parts(drawn, tmp_path, content):
    for part, chosen in (("train", content["images"][:15]), ("val", content["images"][15:])):
        (tmp_path / part).mkdir()
        for image in chosen:
            shutil.copy(drawn / "images" / image["file_name"], tmp_path / part)
        ids = {image["id"] for image in chosen}
        kept = [entry for entry in content["annotations"] if entry["image_id"] in ids]
        whole = {**content, "images": chosen, "annotations": kept}
        (tmp_path / f"{part}_annotations.json").write_text(json.dumps(whole))
        (tmp_path / f"._{part}_annotations.json").write_bytes(b"\0")  # what macOS leaves
    parts = read_parts([tmp_path])
    assert_parts(parts, 15, 5)
    assert {image.path.parent.name for image in parts.train.images} == {"train"}
    assert {image.path.parent.name for image in parts.val.images} == {"val"}


def test_validation_images_are_asked_for_where_there_are_several_folders(drawn):
    file, images = drawn / "annotations.json", drawn / "images"
    with pytest.raises(UserError, match="--val_images: expected the folder"):
        read_parts([file, file], [images, images], val_annotations=file)


def test_one_coco_file_beside_its_images_is_divided(drawn, tmp_path, content):
    shutil.copytree(drawn / "images", tmp_path / "images")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_default.json").write_text(json.dumps(content))
    parts = read_parts([tmp_path])
    assert_parts(parts, 16, 4)
    assert all(image.path.is_file() for image in parts.train.images)


def test_lists_of_voc_are_its_parts(drawn, tmp_path, content):
    write_voc(content, drawn / "images", tmp_path)
    sets = tmp_path / "ImageSets" / "Main"
    stems = (sets / "train.txt").read_text().split()
    (sets / "train.txt").write_text("\n".join(stems[:14]))
    (sets / "val.txt").write_text("\n".join(stems[14:]))
    parts = read_parts([tmp_path])
    assert_parts(parts, 14, 6)
    assert parts.how == "the data set's own train and val"
    (sets / "val.txt").unlink()
    (sets / "trainval.txt").write_text("\n".join(stems))
    assert_parts(read_parts([tmp_path]), 16, 4)


@pytest.mark.parametrize("lists", [(), ("all",), ("all", "aeroplane_all")])
def test_voc_with_no_list_for_a_part_is_divided(drawn, tmp_path, content, lists):
    write_voc(content, drawn / "images", tmp_path)
    sets = tmp_path / "ImageSets" / "Main"
    whole = (sets / "train.txt").read_text()
    for path in sets.iterdir():
        path.unlink()
    for name in lists:
        (sets / f"{name}.txt").write_text(whole)
    parts = read_parts([tmp_path])
    assert_parts(parts, 16, 4)
    assert "there is no validation part" in parts.how and "other parts" not in parts.how


def test_folders_of_voc_are_its_parts_though_one_lacks_a_class(drawn, tmp_path, content):
    write_voc(content, drawn / "images", tmp_path / "all")
    circles = {entry["image_id"] for entry in content["annotations"] if entry["category_id"] == 1}
    for image in content["images"]:
        folder = tmp_path / "set" / ("train" if image["id"] in circles else "valid")
        folder.mkdir(parents=True, exist_ok=True)
        stem = image["file_name"].removesuffix(".jpg")
        shutil.copy(tmp_path / "all" / "JPEGImages" / f"{stem}.jpg", folder)
        shutil.copy(tmp_path / "all" / "Annotations" / f"{stem}.xml", folder)
    parts = read_parts([tmp_path / "set"])
    assert_parts(parts, len(circles), 20 - len(circles))
    assert parts.how == "the folders train and valid"
    assert "circle" in {category.name for category in parts.val.categories}


def test_an_empty_validation_folder_is_told(drawn, tmp_path, content):
    write_voc(content, drawn / "images", tmp_path / "train")
    (tmp_path / "test").mkdir()
    (tmp_path / "valid").mkdir()
    with pytest.raises(UserError, match=r"valid: expected one of the formats .* an empty folder"):
        read_parts([tmp_path])


def test_state_is_another_where_a_box_or_an_image_is(drawn, tmp_path, content):
    def state(content):
        (tmp_path / "a.json").write_text(json.dumps(content))
        return read_parts([tmp_path / "a.json"], [drawn / "images"]).state

    before = state(content)
    assert before.startswith(f"20 images, {len(content['annotations'])} boxes, ")
    assert state(content) == before
    x, *others = content["annotations"][0]["bbox"]
    moved = [{**content["annotations"][0], "bbox": [x + 1, *others]}, *content["annotations"][1:]]
    fewer = {**content, "images": content["images"][1:]}
    ids = {image["id"] for image in fewer["images"]}
    fewer["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] in ids]
    assert len({before, state({**content, "annotations": moved}), state(fewer)}) == 3


def test_yolo_without_a_validation_part_is_divided(drawn, tmp_path):
    content = plain_coco(drawn / "annotations.json", drawn / "images", 20, first_class_id=0)
    write_yolo(content, drawn / "images", tmp_path)
    assert_parts(read_parts([tmp_path]), 16, 4)


def table_with_sets(drawn, folder, content, last_set):
    """A table whose last image is of this set, and all others of TRAIN; and the name of that image."""
    shutil.copytree(drawn / "images", folder / "images")
    file = write_csv(content, folder / "table.csv", "automl")
    lines = file.read_text().splitlines(keepends=True)
    last = content["images"][-1]["file_name"]
    file.write_text("".join(line.replace("TRAIN", last_set) if last in line else line for line in lines))
    return file, last


def test_sets_of_a_table_are_its_parts(drawn, tmp_path, content):
    file, _ = table_with_sets(drawn, tmp_path, content, "VALIDATION")
    assert_parts(read_parts([file], [tmp_path / "images"]), 19, 1)


def test_a_test_part_is_never_trained_on(drawn, tmp_path, content):
    write_voc(content, drawn / "images", tmp_path)
    sets = tmp_path / "ImageSets" / "Main"
    stems = (sets / "train.txt").read_text().split()
    for path in sets.iterdir():
        path.unlink()
    (sets / "train.txt").write_text("\n".join(stems[:15]))
    (sets / "test.txt").write_text("\n".join(stems[15:]))
    parts = read_parts([tmp_path])
    assert_parts(parts, 12, 3)
    assert not {f"{stem}.jpg" for stem in stems[15:]} & (names(parts.train) | names(parts.val))
    assert "3 of 15 images of train put aside" in parts.how and "other parts are left out" in parts.how


def test_a_test_set_of_a_table_is_never_trained_on(drawn, tmp_path, content):
    file, last = table_with_sets(drawn, tmp_path, content, "TEST")
    parts = read_parts([file], [tmp_path / "images"])
    assert_parts(parts, 15, 4)
    assert last not in names(parts.train) | names(parts.val)


def test_a_validation_list_that_names_what_is_not_there_is_told(drawn, tmp_path, content):
    write_voc(content, drawn / "images", tmp_path)
    sets = tmp_path / "ImageSets" / "Main"
    stems = (sets / "train.txt").read_text().split()
    (sets / "val.txt").write_text(f"{stems[0]}\nabsent\n")
    with pytest.raises(FileNotFoundError, match=r"val\.txt lists absent"):
        read_parts([tmp_path])


def with_ids(content, ids):
    """The content with these classes alone, by name, under these ids."""
    old = {category["id"]: category["name"] for category in content["categories"]}
    kept = [entry for entry in content["annotations"] if old[entry["category_id"]] in ids]
    return {
        **content,
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
        "annotations": [{**entry, "category_id": ids[old[entry["category_id"]]]} for entry in kept],
    }


def test_coco_files_with_other_ids_get_those_of_train(drawn, tmp_path, content):
    (tmp_path / "a.json").write_text(json.dumps(with_ids(content, {"circle": 1, "star": 2, "cross": 3})))
    (tmp_path / "b.json").write_text(json.dumps(with_ids(content, {"circle": 1, "cross": 2, "square": 3})))
    images = drawn / "images"
    parts = read_parts([tmp_path / "a.json"], [images], val_annotations=tmp_path / "b.json", val_images=images)
    assert parts.train.categories == parts.val.categories
    assert {category.name for category in parts.val.categories} == {"circle", "star", "cross", "square"}
    name_of = {category.id: category.name for category in parts.val.categories}
    counts = dict.fromkeys(("circle", "cross", "square"), 0)
    for image in parts.val.images:
        for number in image.category_ids.tolist():
            counts[name_of[number]] += 1
    old = {category["id"]: category["name"] for category in content["categories"]}
    assert counts == {name: [old[e["category_id"]] for e in content["annotations"]].count(name) for name in counts}


@pytest.mark.parametrize("given", ["", "annotations"])
def test_coco_s_own_layout_is_found(drawn, tmp_path, content, given):
    (tmp_path / "annotations").mkdir()
    for name, chosen in (("train2017", content["images"][:15]), ("val2017", content["images"][15:])):
        ids = {image["id"] for image in chosen}
        kept = [entry for entry in content["annotations"] if entry["image_id"] in ids]
        file = tmp_path / "annotations" / f"instances_{name}.json"
        file.write_text(json.dumps({**content, "images": chosen, "annotations": kept}))
        (tmp_path / "annotations" / f"captions_{name}.json").write_text("{}")
        (tmp_path / name).mkdir()
        for image in chosen:
            shutil.copy(drawn / "images" / image["file_name"], tmp_path / name)
    parts = read_parts([tmp_path / given])
    assert_parts(parts, 15, 5)
    assert "instances_train2017.json and instances_val2017.json" in parts.how


def test_what_cannot_be_read_is_said_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="annotations file not found"):
        read_parts([tmp_path / "absent.json"])

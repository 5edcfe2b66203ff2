# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.inspection.sources import annotated_sources, prepared_sources
from ssd_tf.utils.errors import UserError
from tests.fixtures import formats
from tests.inspection.made import CLASSES, pattern, write_coco


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    """train.json with classes 1 and 2, val.json without a box, of the same images."""
    folder = tmp_path_factory.mktemp("coco")
    images = {f"{k}.png": pattern(k) for k in range(4)}
    write_coco(folder, images, {"0.png": [(1, 2, 30, 20, 1), (5, 5, 100, 9, 2)], "1.png": [(0, 0, 8, 8, 2)]})
    write_coco(folder, images, {}, "val")
    return folder


def test_all_prepared_splits_are_found_the_usual_ones_first(coco, tmp_path):
    train, val = (read_coco(coco / f"{name}.json", coco / "images") for name in ("train", "val"))
    for name, dataset in (("val", val), ("extra", val), ("train", train)):
        prepare(dataset, tmp_path, name, {}, num_shards=3)
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "extra-00000-of-00001.json").write_text("{}")
    sources = prepared_sources(tmp_path)
    assert [source.name for source in sources] == ["train", "val", "extra"]
    first = sources[0]
    assert [category.name for category in first.dataset.categories] == list(CLASSES)
    by_id = {image.image_id: image for image in first.dataset.images}
    for image in train.images:
        found = by_id[image.image_id]
        np.testing.assert_allclose(found.boxes, np.clip(image.boxes, 0, 1), atol=1e-6)  # float32 in shards
        assert found.category_ids.tolist() == image.category_ids.tolist()
        assert found.read_bytes() == image.read_bytes()
    assert first.findings and len(first.findings["clipped"]) == 1
    assert all(len(image.boxes) == 0 for image in sources[1].dataset.images)


def test_files_of_others_beside_a_prepared_split_are_left_alone(coco, tmp_path):
    prepare(read_coco(coco / "train.json", coco / "images"), tmp_path, "train", {}, num_shards=1)
    for name in ("._train.json", "._train-00000-of-00001.tfrecord"):  # as macOS leaves them
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    for name in ("other.pbtxt", "third.pbtxt"):  # of classes that the split does not have
        (tmp_path / name).write_text("item { id: 1 name: 'zebra' }")
    (source,) = prepared_sources(tmp_path)
    assert [category.name for category in source.dataset.categories] == list(CLASSES)
    assert sorted(len(image.boxes) for image in source.dataset.images) == [0, 0, 1, 2]


def test_a_folder_without_splits_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a folder that prepare wrote. Received: .*absent"):
        prepared_sources(tmp_path / "absent")
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"expected a split that prepare wrote\. Received: none"):
        prepared_sources(tmp_path)


def test_several_annotations_are_parts_named_by_what_tells_them_apart(coco, tmp_path):
    for name in ("instances_train2017", "instances_val2017"):
        (tmp_path / f"{name}.json").write_bytes((coco / "train.json").read_bytes())
    paths = [str(tmp_path / f"instances_{name}.json") for name in ("train2017", "val2017")]
    sources = annotated_sources(paths, coco / "images")
    assert [source.name for source in sources] == ["train2017", "val2017"]
    assert [len(source.dataset.images) for source in sources] == [4, 4]
    assert all(source.findings is None for source in sources)


def test_annotations_of_one_name_are_named_by_their_folders(coco, tmp_path):
    paths = []
    for name in ("train", "valid"):
        (tmp_path / name).mkdir()
        paths.append(tmp_path / name / "_annotations.coco.json")
        paths[-1].write_bytes((coco / "train.json").read_bytes())
    assert [source.name for source in annotated_sources(paths, coco / "images")] == ["train", "valid"]


def test_subsets_are_parts_of_their_own(coco, tmp_path):
    content = formats.plain_coco(coco / "train.json", coco / "images", 4)
    formats.write_voc(content, coco / "images", tmp_path / "voc")
    (tmp_path / "voc" / "ImageSets" / "Main" / "val.txt").write_text("1\n")
    sources = annotated_sources([tmp_path / "voc"], subsets=["train", "val"])
    assert [(source.name, len(source.dataset.images)) for source in sources] == [("train", 2), ("val", 1)]
    assert [source.name for source in annotated_sources([tmp_path / "voc"])] == ["all"]


def test_folders_of_images_fit_the_annotations(coco):
    with pytest.raises(UserError, match=r"one for each of 1\. Received: 2"):
        annotated_sources([coco / "train.json"], [coco, coco / "images"])

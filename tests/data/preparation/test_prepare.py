# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Preparation: every image once, everything wrong with the data told, and never half a split that looks whole."""

import dataclasses
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data import images as image_ops
from ssd_tf.data import records
from ssd_tf.data.annotations import AnnotatedDataset
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.preparation.prepare import prepare, report
from tests.slow_records import SLOW_RECORDS

SOURCE = {"format": "coco", "annotations": "a.json", "images": "images"}
N = 12


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> pathlib.Path:
    """The annotations of N synthetic images of 64x64. Tests that spoil images copy them first."""
    return shapes.draw_shapes(tmp_path_factory.mktemp("drawn"), N, image_size=(64, 64), start_id=100)


@pytest.fixture
def dataset(drawn) -> AnnotatedDataset:
    return read_coco(drawn, drawn.parent / "images")


def replaced(dataset, index, **changes) -> AnnotatedDataset:
    """The data set with fields of one image changed."""
    images = list(dataset.images)
    images[index] = dataclasses.replace(images[index], **changes)
    return dataclasses.replace(dataset, images=tuple(images))


def with_file(dataset, index, path: pathlib.Path, content: bytes) -> AnnotatedDataset:
    path.write_bytes(content)
    return replaced(dataset, index, path=path)


def without_boxes(dataset, index) -> AnnotatedDataset:
    image = dataset.images[index]
    names = ("boxes", "category_ids", "areas", "is_crowd")
    return replaced(dataset, index, **{name: getattr(image, name)[:0] for name in names})


def run(dataset, folder, split="train", **options):
    return prepare(dataset, folder, split, SOURCE, **options)


def read(folder: pathlib.Path, manifest) -> list[records.Example]:
    """All records of a split, in the order of its shards; checks the counts of the shards."""
    found = []
    for shard in manifest.shards:
        examples = [
            records.Example(*(value.numpy() for value in records.parse(record)))
            for record in tf.data.TFRecordDataset(str(folder / shard.file))
        ]
        assert len(examples) == shard.images
        found.extend(examples)
    return found


def ids_of(folder, manifest) -> list[int]:
    return sorted(int(example.source_id) for example in read(folder, manifest))


def names_in(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_image_is_in_the_shards_once(dataset, tmp_path):
    manifest = run(dataset, tmp_path, num_shards=5)
    assert ids_of(tmp_path, manifest) == [image.image_id for image in dataset.images]
    assert [shard.images for shard in manifest.shards] == [3, 3, 2, 2, 2]
    assert manifest.num_images == N
    assert load_manifest(tmp_path, "train") == manifest
    assert names_in(tmp_path) == [*(f"train-{k:05d}-of-00005.tfrecord" for k in range(5)), "train.json"]


def test_record_holds_the_file_and_the_annotations_of_its_image(dataset, tmp_path):
    by_id = {image.image_id: image for image in dataset.images}
    for example in read(tmp_path, run(dataset, tmp_path)):
        image = by_id[int(example.source_id)]
        assert example.encoded == image.path.read_bytes()
        assert (example.height, example.width) == (64, 64)
        np.testing.assert_array_equal(example.boxes, image.boxes.astype(np.float32))
        np.testing.assert_array_equal(example.category_ids, image.category_ids)
        np.testing.assert_array_equal(example.areas, image.areas.astype(np.float32))


def test_images_are_mixed(dataset, tmp_path):
    examples = read(tmp_path, run(dataset, tmp_path, num_shards=1))
    ids = [int(example.source_id) for example in examples]
    assert ids != sorted(ids)


def test_sparse_ids_and_counts_are_in_the_manifest(dataset, tmp_path):
    manifest = run(dataset, tmp_path)
    assert [c.category.id for c in manifest.classes] == [1, 3, 7, 8, 12]
    assert [c.category.name for c in manifest.classes] == ["circle", "triangle", "star", "square", "cross"]
    all_ids = np.concatenate([image.category_ids for image in dataset.images])
    assert [c.boxes for c in manifest.classes] == [int((all_ids == key).sum()) for key in (1, 3, 7, 8, 12)]
    assert manifest.max_boxes == max(len(image.boxes) for image in dataset.images)
    assert manifest.source == {**SOURCE, "exif": "upright"}


def test_image_without_boxes_is_prepared_and_counted_apart(dataset, tmp_path):
    manifest = run(without_boxes(dataset, 4), tmp_path)
    assert (manifest.num_images, manifest.num_images_with_boxes) == (N, N - 1)
    assert manifest.findings == {
        "look: without objects": [
            f"{dataset.images[4].name}: train leaves it out without --keep_background_images",
        ]
    }
    assert "look: without objects: 1" in report(manifest)
    empty = [example for example in read(tmp_path, manifest) if not len(example.boxes)]
    assert [int(example.source_id) for example in empty] == [dataset.images[4].image_id]


def test_more_shards_than_images_become_one_shard_an_image(dataset, tmp_path):
    manifest = run(dataset, tmp_path, num_shards=40)
    assert [shard.images for shard in manifest.shards] == [1] * N
    assert manifest.shards[0].file == f"train-00000-of-{N:05d}.tfrecord"
    assert len(ids_of(tmp_path, manifest)) == N


def test_limit_takes_the_first_images_that_have_boxes(dataset, tmp_path):
    manifest = run(without_boxes(dataset, 1), tmp_path, limit=3)
    assert ids_of(tmp_path, manifest) == [dataset.images[k].image_id for k in (0, 2, 3)]


def test_text_named_jpg_is_left_out_and_named(dataset, tmp_path):
    spoilt = with_file(dataset, 2, tmp_path / "words.jpg", b"404 not found, and so on")
    manifest = run(spoilt, tmp_path / "out")
    assert list(manifest.findings) == ["unreadable"]
    assert len(manifest.findings["unreadable"]) == 1
    assert manifest.findings["unreadable"][0].startswith("words.jpg: not a readable image")
    assert ids_of(tmp_path / "out", manifest) == [x.image_id for k, x in enumerate(dataset.images) if k != 2]
    assert manifest.num_images == N - 1
    assert sum(c.boxes for c in manifest.classes) == sum(len(x.boxes) for k, x in enumerate(dataset.images) if k != 2)


def test_truncated_image_is_left_out_and_named(dataset, tmp_path):
    whole = dataset.images[2].path.read_bytes()
    manifest = run(with_file(dataset, 2, tmp_path / "half.jpg", whole[: len(whole) // 2]), tmp_path / "out")
    assert manifest.findings["unreadable"][0].startswith("half.jpg: ")
    assert manifest.num_images == N - 1


def test_image_of_another_size_than_annotated_is_left_out_with_both_sizes(dataset, tmp_path):
    done, encoded = cv2.imencode(".png", np.zeros((32, 48, 3), np.uint8))
    assert done
    manifest = run(with_file(dataset, 0, tmp_path / "small.png", encoded.tobytes()), tmp_path / "out")
    assert manifest.findings == {"unreadable": ["small.png: the file is 48x32, its annotations are for 64x64"]}
    assert manifest.num_images == N - 1


@pytest.mark.parametrize(
    ("kind", "options", "words", "magic"),
    [
        ("WEBP", {"quality": 95}, "WebP as JPEG", b"\xff\xd8"),
        ("WEBP", {"lossless": True}, "WebP as PNG", b"\x89PNG"),
        ("TIFF", {}, "TIFF as PNG", b"\x89PNG"),
        ("AVIF", {"quality": 95}, "AVIF as JPEG", b"\xff\xd8"),
    ],
)
def test_image_that_tensorflow_does_not_decode_is_encoded_again_and_counted(
    dataset, tmp_path, kind, options, words, magic
):
    stream = io.BytesIO()
    pixels = np.asarray(Image.open(dataset.images[0].path))
    Image.fromarray(pixels).save(stream, kind, **options)
    manifest = run(with_file(dataset, 0, tmp_path / "web.jpg", stream.getvalue()), tmp_path / "out")
    assert manifest.findings == {"re-encoded": [f"web.jpg: {words}"]}
    assert "re-encoded: 1" in report(manifest)
    example = next(e for e in read(tmp_path / "out", manifest) if int(e.source_id) == dataset.images[0].image_id)
    encoded = bytes(example.encoded)
    assert encoded.startswith(magic)
    difference = np.abs(image_ops.decode(tf.constant(encoded)).numpy().astype(int) - pixels)
    # Noise, whose colours lossy kinds keep at half resolution.
    assert difference.max() == 0 if magic == b"\x89PNG" else difference.mean() < 10


def test_image_whose_decoder_is_missing_is_left_out_and_named(dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
    content = b"\0\0\0\x18ftypheic" + bytes(4) + b"mif1heic"
    manifest = run(with_file(dataset, 0, tmp_path / "phone.jpg", content), tmp_path / "out")
    (message,) = manifest.findings["unreadable"]
    assert message.startswith("phone.jpg: not a readable image") and "pip install 'ssd_tf[heic]'" in message
    assert manifest.num_images == N - 1


def test_missing_file_is_refused_before_anything_is_written(dataset, tmp_path):
    spoilt = replaced(dataset, 3, path=tmp_path / "gone.jpg")
    with pytest.raises(FileNotFoundError, match=rf"1 of {N} .*gone\.jpg \(image id 103\).*allow_missing"):
        run(spoilt, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_file_is_left_out_and_named_when_allowed(dataset, tmp_path):
    manifest = run(replaced(dataset, 3, path=tmp_path / "gone.jpg"), tmp_path / "out", allow_missing=True)
    assert manifest.findings == {"missing": [str(tmp_path / "gone.jpg")]}
    assert 103 not in ids_of(tmp_path / "out", manifest)
    assert manifest.num_images == N - 1


def test_boxes_clipped_and_dropped_are_named_in_manifest_and_report(dataset, tmp_path):
    boxes = np.array([[0.5, 0.5, 1.5, 1.0], [0.5, 0.5, 0.5, 0.75]])
    spoilt = replaced(
        dataset, 5, boxes=boxes, category_ids=np.array([3, 7]), areas=np.ones(2), is_crowd=np.zeros(2, bool)
    )
    manifest = run(spoilt, tmp_path)
    assert load_manifest(tmp_path, "train").findings == manifest.findings
    name = dataset.images[5].path.name
    assert manifest.findings["clipped"] == [
        f"{name}: clipped: box [x, y, w, h] = [32, 32, 32, 64] of class id 3 in a 64x64 image"
    ]
    assert manifest.findings["dropped"] == [
        f"{name}: dropped: box [x, y, w, h] = [32, 32, 16, 0] of class id 7 in a 64x64 image"
    ]
    example = next(x for x in read(tmp_path, manifest) if int(x.source_id) == 105)
    assert example.boxes.tolist() == [[0.5, 0.5, 1.0, 1.0]]
    text = report(manifest)
    assert manifest.findings["clipped"][0] in text and manifest.findings["dropped"][0] in text


def test_report_counts_and_names_only_the_first_findings(dataset, tmp_path):
    spoilt = dataset
    for k in range(7):
        spoilt = replaced(spoilt, k, path=tmp_path / f"gone{k}.jpg")
    manifest = run(spoilt, tmp_path / "out", allow_missing=True)
    lines = report(manifest, examples=2).splitlines()
    assert lines[0].startswith(f"train: {N - 7} images ({N - 7} with boxes), ")
    assert "missing: 7" in lines
    assert sum("gone" in line for line in lines) == 2
    assert any("train.json" in line for line in lines)


def test_report_says_when_nothing_was_found_and_lists_every_class(dataset, tmp_path):
    text = report(run(dataset, tmp_path))
    assert "Nothing was dropped" in text
    rows = [line.split() for line in text.splitlines()]
    assert [row[:2] + row[-1:] for row in rows if row[-1] in shapes.CATEGORIES.values()] == [
        [str(k), str(key), name] for k, (key, name) in enumerate(shapes.CATEGORIES.items(), start=1)
    ]


def test_nothing_readable_is_an_error_that_names_a_file(dataset, tmp_path):
    words = tmp_path / "words.jpg"
    words.write_bytes(b"words")
    spoilt = dataclasses.replace(dataset, images=(dataclasses.replace(dataset.images[0], path=words),))
    with pytest.raises(ValueError, match=r"no image could be read.*words\.jpg"):
        run(spoilt, tmp_path / "out")
    assert not (tmp_path / "out" / "train.json").exists()


def test_no_image_is_an_error(dataset, tmp_path):
    with pytest.raises(ValueError, match="no image"):
        run(dataclasses.replace(dataset, images=()), tmp_path)


@pytest.mark.parametrize("split", ["", "a/b", "../train", "train*"])
def test_split_that_is_no_plain_name_is_refused(dataset, tmp_path, split):
    with pytest.raises(ValueError, match="split"):
        run(dataset, tmp_path, split)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("option", ["num_shards", "num_workers", "limit"])
def test_negative_number_is_refused(dataset, tmp_path, option):
    with pytest.raises(ValueError, match=f"{option}=-1"):
        run(dataset, tmp_path, **{option: -1})


def test_rerun_with_fewer_shards_removes_the_old_ones_and_nothing_else(dataset, tmp_path):
    run(dataset, tmp_path, num_shards=6)
    run(dataset, tmp_path, "train-extra", num_shards=3)
    (tmp_path / "train-notes.txt").touch()
    manifest = run(dataset, tmp_path, num_shards=2)
    assert names_in(tmp_path) == [
        "train-00000-of-00002.tfrecord",
        "train-00001-of-00002.tfrecord",
        *(f"train-extra-{k:05d}-of-00003.tfrecord" for k in range(3)),
        "train-extra.json",
        "train-notes.txt",
        "train.json",
    ]
    assert len(ids_of(tmp_path, manifest)) == N
    load_manifest(tmp_path, "train-extra")


@pytest.mark.parametrize("num_workers", [2, 7])
def test_same_input_gives_the_same_bytes_for_any_number_of_workers(dataset, tmp_path, num_workers):
    run(dataset, tmp_path / "one", num_shards=4, num_workers=1)
    run(dataset, tmp_path / "more", num_shards=4, num_workers=num_workers)
    assert names_in(tmp_path / "one") == names_in(tmp_path / "more")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "more" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("num_workers", [1, 3])
def test_error_in_the_middle_leaves_no_manifest_and_no_half_shard(dataset, tmp_path, monkeypatch, error, num_workers):
    run(dataset, tmp_path, num_shards=4)
    serialize, calls = records.serialize, []

    def fails_at_the_seventh(*args):
        calls.append(args)
        if len(calls) == 7:  # in the middle of a shard of 3, with one worker in the middle of the third
            raise error("stopped")
        return serialize(*args)

    monkeypatch.setattr(records, "serialize", fails_at_the_seventh)
    with pytest.raises(error, match="stopped"):
        run(dataset, tmp_path, num_shards=4, num_workers=num_workers)
    # A shard that was finished has a note beside it, for the next run.
    left = [name for name in names_in(tmp_path) if not name.endswith(".tfrecord.done")]
    assert all(name.endswith(".tfrecord") and not name.startswith(".") for name in left), left
    for name in left:
        assert len(list(tf.data.TFRecordDataset(str(tmp_path / name)))) == N // 4
    with pytest.raises(FileNotFoundError, match="has not been prepared"):
        load_manifest(tmp_path, "train")


def test_error_stops_the_other_shards(dataset, tmp_path, monkeypatch):
    calls = []

    def fails_at_once_and_then_is_slow(*args):
        calls.append(args)
        if len(calls) == 1:
            raise RuntimeError("stopped")
        time.sleep(0.05)
        return b""

    monkeypatch.setattr(records, "serialize", fails_at_once_and_then_is_slow)
    with pytest.raises(RuntimeError, match="stopped"):
        run(dataset, tmp_path, num_shards=4, num_workers=1)
    # The other three shards have 9 images; the worker may have begun one before it was told to stop.
    assert len(calls) <= 4
    assert list(tmp_path.glob("*-of-*")) == list(tmp_path.glob(".*.tmp")) == []


def test_file_that_vanishes_in_the_middle_is_left_out_and_named(dataset, tmp_path, monkeypatch):
    path = tmp_path / "soon_gone.jpg"
    spoilt = with_file(dataset, 6, path, dataset.images[6].path.read_bytes())
    serialize = records.serialize

    def remove_then_serialize(*args):
        path.unlink(missing_ok=True)
        return serialize(*args)

    monkeypatch.setattr(records, "serialize", remove_then_serialize)
    manifest = run(spoilt, tmp_path / "out", num_shards=1)
    (message,) = manifest.findings["unreadable"]
    assert message.startswith("soon_gone.jpg: cannot be read")
    assert ids_of(tmp_path / "out", manifest) == [x.image_id for k, x in enumerate(dataset.images) if k != 6]


@pytest.mark.parametrize("content", [b'{"images": [], "annotations": []}', b"[]", b"words", b"\x80\x81"])
def test_file_that_is_no_manifest_but_has_its_name_is_never_replaced(dataset, tmp_path, content):
    (tmp_path / "train.json").write_bytes(content)
    with pytest.raises(FileExistsError, match=r"train\.json is not a manifest"):
        run(dataset, tmp_path)
    assert (tmp_path / "train.json").read_bytes() == content
    assert names_in(tmp_path) == ["train.json"]


def test_a_file_in_the_place_of_the_folder_is_refused(dataset, tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(NotADirectoryError, match=r"expected a folder to write to\. Received: .*out, where a file is"):
        run(dataset, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "precious"


CHILD = f"""
{SLOW_RECORDS}
import sys
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.preparation.prepare import prepare
annotations, images, output = sys.argv[1:]
prepare(read_coco(annotations, images), output, "train", {{}}, num_shards=2, num_workers=2)
"""


def test_killed_preparation_leaves_no_split_and_the_next_one_cleans_up(drawn, dataset, tmp_path):
    run(dataset, tmp_path, num_shards=2)
    before = [path.name for path in tmp_path.glob("*.tfrecord")]
    root = pathlib.Path(__file__).parents[3]
    arguments = [sys.executable, "-c", CHILD, str(drawn), str(drawn.parent / "images"), str(tmp_path)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    child = subprocess.Popen(arguments, cwd=root, env=environment, stderr=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + 60
        while not list(tmp_path.glob(".train-*.tmp")):
            assert child.poll() is None and time.monotonic() < limit, "no shard was begun"
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == -signal.SIGKILL
    # The old split is gone, and what was begun does not have a shard's name.
    assert not (tmp_path / "train.json").exists()
    with pytest.raises(FileNotFoundError, match="has not been prepared"):
        load_manifest(tmp_path, "train")
    assert not list(tmp_path.glob("*.tfrecord"))

    manifest = run(dataset, tmp_path, num_shards=2)
    assert ids_of(tmp_path, manifest) == [image.image_id for image in dataset.images]
    assert names_in(tmp_path) == [*sorted(before), "train.json"]


def test_preparing_leaves_temporary_files_of_other_splits_alone(dataset, tmp_path):
    # Splits are often prepared side by side into one folder.
    other = tmp_path / ".train-extra-00000-of-00004.tfrecord.123.tmp"
    other.write_bytes(b"being written")
    run(dataset, tmp_path, "train")
    assert other.exists()


def test_manifest_is_json_that_people_can_read(dataset, tmp_path):
    run(dataset, tmp_path, "val")
    content = json.loads((tmp_path / "val.json").read_text())
    assert content["split"] == "val" and content["num_images"] == N


def test_real_coco_images_are_all_readable(shared, tmp_path):
    folder = shared / "data" / "coco-mini"
    read_in = read_coco(folder / "annotations" / "instances_train2017.json", folder / "train2017")
    manifest = run(read_in, tmp_path, limit=40)
    assert manifest.num_images == 40
    assert "unreadable" not in manifest.findings
    assert ids_of(tmp_path, manifest) == sorted([image.image_id for image in read_in.images if len(image.boxes)][:40])

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Every image is read once, and what cannot be read keeps its boxes."""

import dataclasses

import numpy as np
import pytest

from ssd_tf.data.annotations import AnnotatedImage
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.preparation.prepare import prepare, report
from ssd_tf.inspection.sources import Source, annotated_sources, prepared_sources
from ssd_tf.inspection.splits import read_pixels, read_split
from tests.fixtures.turned import encode, stored, tiff
from tests.inspection.made import pattern, write_coco


def read(path, images):
    return read_split(annotated_sources([path], images)[0])


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A set with an image that is missing, one that is none, one of another size, one turned, and good ones."""
    folder = tmp_path_factory.mktemp("odd")
    images = {name: pattern(k) for k, name in enumerate(("good.png", "text.png", "other.png", "turned.png"))}
    boxes = {name: [(10, 10, 20, 30, 1)] for name in (*images, "absent.png")}
    boxes["good.png"].append((60, 20, 40, 20, 2))
    path = write_coco(folder, images, boxes)
    (folder / "images" / "text.png").write_text("no image")
    (folder / "images" / "other.png").write_bytes(encode(pattern(2)[:30], b""))
    (folder / "images" / "turned.png").write_bytes(encode(stored(pattern(3), 6), tiff(6)))
    return path


def test_what_cannot_be_read_is_found_and_keeps_its_boxes(odd):
    split = read(odd, odd.parent / "images")
    names = [image.name for image in split.images]
    assert dict(zip(names, split.readable.tolist(), strict=True)) == {
        "good.png": True, "text.png": False, "other.png": False, "turned.png": True, "absent.png": False,
    }  # fmt: skip
    assert [len(image.boxes) for image in split.images] == [2, 1, 1, 1, 1]
    assert split.findings["missing"] == [str(odd.parent / "images" / "absent.png")]
    assert [message.split(":")[0] for message in split.findings["unreadable"]] == ["text.png", "other.png"]
    assert split.findings["clipped"][0].startswith("good.png: clipped: box [x, y, w, h] = [60, 20, 40, 20]")
    assert split.images[0].boxes.max() == 1
    assert split.findings["look: classes without a box"] == ["猫 (id 3)"]


def test_images_are_upright_as_they_are_shown(odd):
    split = read(odd, odd.parent / "images")
    place = [image.name for image in split.images].index("turned.png")
    np.testing.assert_array_equal(read_pixels(split, place), pattern(3))
    assert split.findings["look: turned upright"] == ["turned.png: EXIF orientation 6"]


def test_an_image_of_too_many_pixels_is_a_finding_in_prepare_too(odd, tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)  # images of more than twice as many are refused
    split = read(odd, odd.parent / "images")
    assert not split.readable.any()
    said = [message for message in split.findings["unreadable"] if "exceeds limit of 2000 pixels" in message]
    assert [message.split(":")[0] for message in said] == ["good.png", "other.png", "turned.png"]
    with pytest.raises(ValueError, match=r"no image could be read; .*Image size .* exceeds limit"):
        prepare(read_coco(odd, odd.parent / "images"), tmp_path, "train", {}, allow_missing=True, num_shards=1)


def test_findings_are_those_of_prepare(odd, tmp_path):
    dataset = read_coco(odd, odd.parent / "images")
    manifest = prepare(dataset, tmp_path, "train", {}, allow_missing=True)
    split = read(odd, odd.parent / "images")
    assert {kind: sorted(messages) for kind, messages in split.findings.items()} == manifest.findings, report(manifest)


def test_a_prepared_split_is_read_from_its_shards(odd, tmp_path):
    prepare(read_coco(odd, odd.parent / "images"), tmp_path, "train", {}, allow_missing=True)
    split = read_split(prepared_sources(tmp_path)[0])
    assert sorted(image.name for image in split.images) == ["good.png", "turned.png"]
    assert split.readable.all() and split.is_prepared
    assert len(split.findings["unreadable"]) == 2
    given = read(odd, odd.parent / "images")
    for place, image in enumerate(split.images):
        other = [one.name for one in given.images].index(image.name)
        assert split.hashes[place] == given.hashes[other]
        np.testing.assert_array_equal(read_pixels(split, place), read_pixels(given, other))


def test_an_image_that_is_damaged_in_its_shard_is_found(tmp_path):
    path = write_coco(tmp_path, {"a.png": pattern(0), "b.png": pattern(1)}, {"a.png": [(1, 1, 9, 9, 1)]})
    prepare(read_coco(path, tmp_path / "images"), tmp_path / "data", "train", {}, num_shards=1)
    (source,) = prepared_sources(tmp_path / "data")
    shard, stored_at = source.dataset.images[0].path, source.dataset.images[0].stored
    content = bytearray(shard.read_bytes())
    content[stored_at.offset : stored_at.offset + 8] = bytes(8)
    shard.write_bytes(content)
    split = read_split(source)
    assert split.readable.tolist() == [False, True]
    assert split.findings["unreadable"] == [f"{source.dataset.images[0].name}: not readable in its shard any more"]


class _Interrupting(AnnotatedImage):
    """An image at which the user presses Ctrl-C; counts how often one is read."""

    reads = 0

    def read_bytes(self) -> bytes:
        _Interrupting.reads += 1
        raise KeyboardInterrupt


def test_an_interrupt_does_not_wait_for_the_rest(tmp_path):
    (source,) = annotated_sources([write_coco(tmp_path, {"a.png": pattern(0)}, {})], tmp_path / "images")
    interrupting = _Interrupting(**vars(source.dataset.images[0]))
    many = dataclasses.replace(source.dataset, images=(interrupting,) * 1000)
    with pytest.raises(KeyboardInterrupt):
        read_split(Source("train", many))
    assert 0 < _Interrupting.reads < 100


def test_a_part_without_images_is_read(tmp_path):
    (source,) = annotated_sources([write_coco(tmp_path, {"a.png": pattern(0)}, {})], tmp_path / "images")
    empty = Source("empty", type(source.dataset)(source.dataset.categories, ()))
    split = read_split(empty)
    assert split.hashes.shape == split.readable.shape == (0,)
    assert split.class_of == {1: 1, 2: 2, 3: 3} and split.names[3] == "猫"

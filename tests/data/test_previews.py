# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images of a split by image id, in their own shape."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.data.previews import read_images


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Seven synthetic images of 96 x 72, ids 300 to 306, in two shards."""
    folder = tmp_path_factory.mktemp("gallery")
    path = shapes.draw_shapes(folder / "drawn", 7, image_size=(96, 72), start_id=300)
    return folder, prepare(read_coco(path, path.parent / "images"), folder, "val", {}, num_shards=2)


def test_wanted_images_are_found_as_they_are_on_disk(split):
    folder, manifest = split
    found = read_images(folder, manifest, {305, 301, 999})
    assert set(found) == {301, 305}
    for image_id, (image, name) in found.items():
        (path,) = (folder / "drawn" / "images").glob(f"*{image_id}.*")
        np.testing.assert_array_equal(image, np.asarray(Image.open(path)))
        assert name == path.name


def test_without_ids_the_first_ones_come_and_always_the_same(split):
    found = [list(read_images(*split, limit=3)) for _ in range(2)]
    assert len(found[0]) == 3 and found[0] == found[1]
    assert len(read_images(*split, limit=100)) == 7


@pytest.mark.parametrize(
    ("max_side", "shape"), [(48, (36, 48, 3)), (96, (72, 96, 3)), (640, (72, 96, 3)), (1, (1, 1, 3))]
)
def test_large_images_are_made_smaller_in_their_shape(split, max_side, shape):
    assert read_images(*split, {300}, max_side=max_side)[300].image.shape == shape


def test_image_that_cannot_be_decoded_is_left_out(split, tmp_path):
    folder, manifest = split
    for shard in manifest.shards:
        content = (folder / shard.file).read_bytes()
        records = list(tf.data.TFRecordDataset(str(folder / shard.file)).as_numpy_iterator())
        with tf.io.TFRecordWriter(str(tmp_path / shard.file)) as writer:
            for record in records:
                # A JPEG without its beginning, in the record of one image.
                broken = record.replace(b"\xff\xd8\xff", b"\x00\x00\x00") if b"303" in record else record
                writer.write(broken)
        assert len(content) == (tmp_path / shard.file).stat().st_size
    found = read_images(tmp_path, manifest)
    assert 303 not in found and len(found) == 6


def test_image_ids_are_numbers_however_others_write_them(split, tmp_path):
    folder, manifest = split
    (record, *_) = tf.data.TFRecordDataset(str(folder / manifest.shards[0].file)).as_numpy_iterator()
    example = tf.train.Example.FromString(record)
    example.features.feature["image/source_id"].bytes_list.value[:] = [b"000139"]
    with tf.io.TFRecordWriter(str(tmp_path / manifest.shards[0].file)) as writer:
        writer.write(example.SerializeToString())
    assert list(read_images(tmp_path, manifest, {139, 7})) == [139]


def test_shrinking_averages_what_falls_together(split):
    folder, manifest = split
    full = read_images(folder, manifest, {302})[302].image
    half = read_images(folder, manifest, {302}, max_side=48)[302].image
    expected = cv2.blur(full.astype(np.float32), (2, 2), anchor=(0, 0))[::2, ::2]
    assert np.abs(half - expected).max() <= 1  # rounding

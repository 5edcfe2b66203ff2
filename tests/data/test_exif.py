# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""EXIF orientation is read as Pillow reads it, and followed as viewers follow it; nonsense is no orientation."""

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ssd_tf.data import exif, image_files, images
from tests.fixtures.turned import ORIENTATIONS, encode, photo, stored, tiff

UPRIGHT = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
LYING = photo(UPRIGHT, 6, "JPEG")
in_graph = tf.function(exif.orientation, input_signature=[tf.TensorSpec([], tf.string)])


def both(encoded: bytes) -> int:
    """What the graph says, and the reader of files."""
    found = int(in_graph(tf.constant(encoded)))
    assert found == image_files.orientation_of(encoded)
    return found


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_file_is_read_as_it_is_shown(orientation, kind, tmp_path):
    path = tmp_path / "photo"
    path.write_bytes(photo(UPRIGHT, orientation, kind))
    shown = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    assert both(path.read_bytes()) == orientation
    assert image_files.file_size(path) == UPRIGHT.shape[:2]
    np.testing.assert_array_equal(image_files.read_image(path), shown)
    np.testing.assert_array_equal(images.decode_upright(tf.constant(path.read_bytes())), shown)
    if kind == "PNG":
        np.testing.assert_array_equal(shown, UPRIGHT)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_pixels_are_turned_back(orientation):
    np.testing.assert_array_equal(exif.turned(tf.constant(stored(UPRIGHT, orientation)), orientation), UPRIGHT)


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_both_byte_orders_are_read(kind, endian):
    assert both(encode(UPRIGHT, tiff(8, endian), kind)) == 8


def test_orientation_behind_other_segments_and_filling_bytes_is_found():
    start = LYING.index(b"\xff\xe1")
    comment = b"\xff\xfe\x00\x08Exif\0\0"
    assert both(LYING[:start] + comment + b"\xff\xff" + LYING[start:]) == 6


@pytest.mark.parametrize("said", [0, 9, 65535])
def test_orientations_that_there_are_not_are_none(said):
    assert both(encode(UPRIGHT, tiff(said))) == 1


def test_orientation_of_another_type_is_none():
    assert both(encode(UPRIGHT, tiff(6, "<", kind=1))) == 1


def test_exif_in_the_pixels_or_of_another_kind_is_none():
    scan = LYING.index(b"\xff\xda")
    assert both(LYING[: LYING.index(b"\xff\xe1")] + LYING[scan:] + LYING) == 1
    xmp = LYING.replace(b"Exif\0\0", b"http:/")
    assert int(in_graph(tf.constant(xmp))) == 1
    for other in (b"", b"\xff", b"\xff\xd8", b"GIF89a", b"BM", b"Exif\0\0"):
        assert both(other + b"Exif\0\0"[: 7 if other else 0]) == 1


@given(cut=st.integers(0, 120), noise=st.dictionaries(st.integers(0, 110), st.integers(0, 255), max_size=4))
@settings(max_examples=200, deadline=None)
def test_damaged_headers_give_an_orientation_and_no_error(cut, noise):
    """The head of the JPEG is 120 bytes long; any of them may be wrong, and the file may end anywhere."""
    head = bytearray(LYING[:cut])
    for place, value in noise.items():
        if place < len(head):
            head[place] = value
    assert 1 <= int(in_graph(tf.constant(bytes(head)))) <= 8


def test_file_size_of_a_stream_is_that_of_the_upright_image():
    assert image_files.file_size(io.BytesIO(LYING)) == UPRIGHT.shape[:2]

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Near-duplicates: copies of drawn images are found, other images are not."""

import cv2
import numpy as np
import pytest

from ssd_tf.data.formats import shapes
from ssd_tf.data.image_files import read_image
from ssd_tf.inspection.duplicates import Pair, difference_hash, near_duplicates, near_duplicates_within


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    path = shapes.draw_shapes(tmp_path_factory.mktemp("drawn"), 40)
    return [read_image(file) for file in sorted((path.parent / "images").iterdir())]


def hashes(images) -> np.ndarray:
    return np.array([difference_hash(image) for image in images], np.uint64)


def with_bits_flipped(hash_: int, *bits: int) -> int:
    for bit in bits:
        hash_ ^= 1 << bit
    return hash_


def as_jpeg(image, quality):
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


COPIES = {
    "the same": lambda image: image,
    "JPEG 50": lambda image: as_jpeg(image, 50),
    "half": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "double": lambda image: cv2.resize(image, None, fx=2, fy=2),
    "square": lambda image: cv2.resize(image, (300, 300)),
    "grey": lambda image: np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2),
}


@pytest.mark.parametrize("kind", COPIES)
def test_each_copy_is_paired_with_its_own_image(images, kind):
    pairs = near_duplicates(hashes(images), hashes([COPIES[kind](image) for image in images[::-1]]))
    assert [(pair.a, pair.b) for pair in pairs] == [(39 - place, place) for place in range(40)]
    if kind == "the same":
        assert {pair.bits for pair in pairs} == {0}


def test_different_images_are_no_pairs(images):
    assert near_duplicates(hashes(images[:20]), hashes(images[20:])) == []


def test_bits_say_where_the_image_gets_brighter_to_the_right():
    # Nine columns by eight rows, a pixel each: brighter from the first column to the second in the first row, and from
    # the eighth to the ninth in the last.
    image = np.full((8, 9, 3), 100, np.uint8)
    image[0, 1:], image[7, 8:] = 120, 101
    assert difference_hash(image) == (1 << 63) + 1


def test_four_bits_may_differ_and_five_may_not():
    known = 0x0123456789ABCDEF
    near, far = with_bits_flipped(known, 0, 9, 20, 63), with_bits_flipped(known, 0, 9, 20, 40, 63)
    assert near_duplicates(np.array([known], np.uint64), np.array([far, near], np.uint64)) == [Pair(0, 1, 4)]


def test_of_several_the_nearest_is_named():
    known = 0x0123456789ABCDEF
    others = [with_bits_flipped(known, 1, 2, 3), with_bits_flipped(known, 5), with_bits_flipped(known, 6)]
    assert near_duplicates(np.array(others, np.uint64), np.array([known], np.uint64)) == [Pair(1, 0, 1)]


@pytest.mark.parametrize(
    "flat",
    [
        np.full((60, 80, 3), 255, np.uint8),
        np.zeros((60, 80, 3), np.uint8),
        np.repeat(np.arange(80, dtype=np.uint8)[None, :, None], 60, axis=0).repeat(3, axis=2),
        np.repeat(np.arange(80, dtype=np.uint8)[None, ::-1, None], 60, axis=0).repeat(3, axis=2),
        np.repeat(np.arange(60, dtype=np.uint8)[:, None, None], 80, axis=1).repeat(3, axis=2),
    ],
    ids=["white", "black", "brighter to the right", "darker to the right", "darker to the top"],
)
def test_flat_images_and_gradients_are_no_pairs(images, flat):
    # With a few bits of noise they would be as near to each other.
    noisy = with_bits_flipped(int(difference_hash(flat)), 3, 33)
    whole = np.append(hashes(images), [difference_hash(flat), np.uint64(noisy)])
    assert near_duplicates(whole, hashes([flat])) == []
    assert near_duplicates(hashes([flat]), whole) == []


def test_no_images_have_no_duplicates(images):
    none = np.zeros(0, np.uint64)
    assert near_duplicates(none, hashes(images[:1])) == near_duplicates(hashes(images[:1]), none) == []


def test_an_image_of_one_pixel_has_a_hash():
    assert difference_hash(np.full((1, 1, 3), 7, np.uint8)) == 0


@pytest.mark.parametrize("pixels", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)])
def test_what_is_no_image_is_refused(pixels):
    with pytest.raises(ValueError, match=r"expected uint8 \[H, W, 3\]\. Received: "):
        difference_hash(pixels)


def test_in_one_split_an_image_is_paired_with_the_nearest_before_it():
    known = 0x0123456789ABCDEF
    others = np.random.default_rng(0).integers(0, 2**64, 50, np.uint64)
    first, second = with_bits_flipped(known, 1, 2, 3), with_bits_flipped(known, 5)
    split = np.array([*others[:20], first, 0, 0, *others[20:], second, known], np.uint64)
    assert near_duplicates_within(split) == [Pair(20, 53, 4), Pair(53, 54, 1)]
    assert near_duplicates_within(split[:1]) == near_duplicates_within(split[:0]) == []


def test_pairs_in_one_split_are_those_of_comparing_all():
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 2**64, 15, np.uint64)
    split = kinds[rng.integers(0, 15, 60)] ^ (np.uint64(1) << rng.integers(0, 64, 60, np.uint64))
    expected = {(b, min(np.bitwise_count(split[b] ^ split[a]) for a in range(b))) for b in range(1, 60)}
    found = {(pair.b, pair.bits) for pair in near_duplicates_within(split)}
    assert found == {(b, bits) for b, bits in expected if bits <= 4} and len(found) > 30

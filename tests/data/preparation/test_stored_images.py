# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is told of image files, with their pixels and without."""

import io

import numpy as np
import PIL.Image
import pytest

from ssd_tf.data.preparation.stored_images import bytes_of, look_into
from ssd_tf.utils.errors import UserError


def file_of(kind: str, **options) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (53, 38, 3), np.uint8)
    content = io.BytesIO()
    PIL.Image.fromarray(pixels).save(content, kind, **options)
    return content.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("GIF", {}), ("BMP", {}), ("WebP", {})],
)
def test_the_same_is_told_without_the_pixels(kind, options):
    encoded = file_of(kind, **options)
    whole, rest = look_into(encoded, pixels_too=True), look_into(encoded, pixels_too=False)
    assert whole.pixels.shape == (53, 38, 3)
    assert whole[:5] == rest[:5] == (53, 38, kind, 1, kind in ("PNG", "GIF", "BMP"))
    assert bytes_of(whole, encoded) == bytes_of(rest, encoded)


@pytest.mark.parametrize("progressive", [False, True])
def test_damage_is_found_without_the_pixels(progressive):
    encoded = file_of("JPEG", quality=90, progressive=progressive)
    rng = np.random.default_rng(1)
    damaged = [encoded[:end] for end in rng.integers(2, len(encoded), 60)]
    for _ in range(60):
        wrong = bytearray(encoded)
        for place in rng.integers(2, len(encoded), 4):
            wrong[place] = rng.integers(256)
        damaged.append(bytes(wrong))
    told = [[refused(content, pixels_too) for content in damaged] for pixels_too in (True, False)]
    assert told[0] == told[1]
    assert 60 <= sum(told[0]) < len(damaged)


def refused(content: bytes, pixels_too: bool) -> bool:
    try:
        look_into(content, pixels_too)
    except UserError:
        return True
    return False

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Every kind of image becomes RGB pixels, and is resized as the reference's PIL resizes it."""

import io

import cv2
import numpy as np
import pytest
import recipe
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from ssd_tf.data import image_files, images
from ssd_tf.data.pipeline import eval_dataset, train_dataset
from ssd_tf.settings import AugmentConfig
from ssd_tf.utils.errors import UserError
from tests.fixtures.specs import with_input
from tests.fixtures.turned import stored, tiff


def image(width=40, height=30):
    """uint8 RGB [height, width, 3], three different channels."""
    return recipe.aug_image_u8(3, (width, height))


def encode(kind: str, mode: str = "RGB", **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image()).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def decode(encoded: bytes) -> np.ndarray:
    return images.decode(tf.constant(encoded)).numpy()


def pil_rgb(encoded: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("resize_640x427_to_300", lambda: recipe.aug_image_u8(1, (640, 427))),
        ("resize_120x90_to_300", lambda: recipe.aug_image_u8(2, (120, 90))),
        # The flip after the resize is undone in the test.
        ("crop_101_57_437_301_flip_resize", lambda: recipe.aug_image_u8(1, (640, 427))[57:301, 101:437]),
    ],
)
def test_resize_is_pils(golden, name, make):
    expected = np.load(golden / "image_ops.npz")[name].astype(int)
    resized = images.resize(tf.constant(make()), 300).numpy()
    if "flip" in name:
        resized = resized[:, ::-1]
    difference = np.abs(resized[::3, ::3].astype(int) - expected)
    # PIL resizes rows, rounds to uint8, then resizes columns; we round once, at the end: at most one level apart, and
    # 0.17 to 0.22 on average here. Without antialiasing the first is 2.5 levels off on average and 19 at most.
    assert difference.max() <= 1
    assert difference.mean() <= 0.25


def test_resize_gives_uint8_of_a_known_shape():
    resized = tf.function(lambda image: images.resize(image, 64))
    concrete = resized.get_concrete_function(tf.TensorSpec([None, None, 3], tf.uint8))
    assert concrete.structured_outputs.shape == [64, 64, 3]
    assert concrete.structured_outputs.dtype == tf.uint8


def test_resize_to_the_same_size_changes_nothing():
    image = recipe.aug_image_u8(4, (50, 50))
    np.testing.assert_array_equal(images.resize(tf.constant(image), 50).numpy(), image)


def test_one_pixel_fills_the_image():
    resized = images.resize(tf.constant([[[7, 100, 255]]], tf.uint8), 300).numpy()
    assert resized.shape == (300, 300, 3)
    assert (resized == [7, 100, 255]).all()


def test_very_wide_image_is_resized():
    ramp = np.linspace(0, 255, 12000).astype(np.uint8)
    image = np.broadcast_to(ramp[None, :, None], (10, 12000, 3))
    resized = images.resize(tf.constant(image), 300).numpy().astype(int)
    # Column k is the mean of about 40 source columns round (k + 0.5) / 300 of the ramp. Away from the ends; the
    # truncation of the ramp to whole numbers takes half a level, the rounding another half.
    expected = 255 * (np.arange(300) + 0.5) / 300
    assert np.abs(resized - expected[None, :, None])[:, 5:-5].max() <= 1.0


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "RGB"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("PNG", "1"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("BMP", "RGBA"),
        ("BMP", "L"),
    ],
)
def test_image_is_decoded_to_the_pixels_that_pil_reads(kind, mode):
    encoded = encode(kind, mode)
    decoded = decode(encoded)
    assert decoded.shape == (30, 40, 3) and decoded.dtype == np.uint8
    expected = pil_rgb(encoded)
    if mode == "RGB":
        assert np.ptp(expected, axis=-1).max() > 50  # or swapped channels would not show
    # Lossless, or the same libjpeg algorithm; the fast inverse DCT is up to 4 levels off. One level for other builds.
    assert np.abs(decoded.astype(int) - expected).max() <= 1
    assert np.abs(decoded.astype(int) - image_files.decode_file(encoded).pixels).max() <= 1


def test_format_of_a_shards_image_is_one_that_tensorflow_decodes():
    assert [images.image_format(encode(kind)) for kind in ("BMP", "JPEG")] == ["bmp", "jpeg"]
    # TensorFlow takes the palette's numbers for grey levels.
    with pytest.raises(ValueError, match=r"expected one of JPEG, PNG, GIF, BMP\. Received: odd BMP"):
        images.image_format(encode("BMP", "P"))


def test_alpha_of_a_png_is_dropped():
    stream = io.BytesIO()
    half_seen = np.concatenate([image(), np.full((30, 40, 1), 128, np.uint8)], axis=-1)
    Image.fromarray(half_seen).save(stream, "PNG")
    np.testing.assert_array_equal(decode(stream.getvalue()), image())


def test_grey_image_has_three_equal_channels():
    decoded = decode(encode("JPEG", "L"))
    assert decoded.shape == (30, 40, 3)
    assert (decoded == decoded[..., :1]).all() and decoded.std() > 10


def test_sixteen_bits_a_channel_become_eight():
    deep = image().astype(np.uint16) * 257  # 0..65535; the high byte is the image
    done, encoded = cv2.imencode(".png", deep[..., ::-1])
    assert done
    decoded = decode(encoded.tobytes())
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, image())


def test_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (8, 6), color) for color in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    decoded = decode(stream.getvalue())
    assert decoded.shape == (6, 8, 3)
    assert (decoded == [250, 0, 0]).all()


@pytest.mark.parametrize(
    "junk", [b"", b"no image at all, only words", b"<html><body>404 Not Found</body></html>", bytes(1000)]
)
def test_what_is_no_image_is_refused(junk):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(junk)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated_image_is_refused(kind, part):
    encoded = encode(kind)
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(encoded[: int(part * len(encoded))])


def test_decoding_works_inside_a_dataset():
    dataset = tf.data.Dataset.from_tensor_slices([encode("PNG"), encode("JPEG"), encode("BMP")]).map(images.decode)
    assert dataset.element_spec.shape.as_list() == [None, None, 3]
    assert [image.shape for image in dataset.as_numpy_iterator()] == [(30, 40, 3)] * 3


def encoded(kind: str, height: int = 5, width: int = 7, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP"])
def test_encoded_image_says_its_size(kind):
    size = tf.function(images.encoded_size)(tf.constant(encoded(kind)))
    assert [int(side) for side in size] == [5, 7]


def test_bmp_from_top_to_bottom_says_its_size():
    content = bytearray(encoded("BMP"))
    content[22:26] = (-5).to_bytes(4, "little", signed=True)
    assert [int(side) for side in images.encoded_size(tf.constant(bytes(content)))] == [5, 7]


@pytest.mark.parametrize("content", [b"", b"text", encoded("JPEG")[:4], encoded("BMP", mode="P"), b"BM"])
def test_size_of_what_is_no_image_is_an_error(content):
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.function(images.encoded_size)(tf.constant(content))


def test_image_that_ends_before_its_size_has_none():
    assert [int(side) for side in images.encoded_size(tf.constant(encoded("PNG")[:16]))] == [0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF"])
def test_image_of_as_many_pixels_as_are_allowed_is_passed_on(kind):
    content = tf.constant(encoded(kind))
    bounded = tf.function(images.bounded)
    np.testing.assert_array_equal(images.decode(bounded(content, 35)), images.decode(content))
    with pytest.raises(tf.errors.InvalidArgumentError, match="an image of"):
        bounded(content, 34)


@given(
    shape=st.tuples(*[st.integers(1, 90)] * 2),
    size=st.tuples(*[st.integers(1, 90)] * 2),
    seed=st.integers(0, 2**32 - 1),
)
@example(shape=(480, 640), size=(300, 300), seed=0)
def test_means_are_tensorflows_to_the_last_bit(shape, size, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (2, *shape, 3), np.uint8)
    expected = tf.image.resize(pixels, size, antialias=True).numpy()
    np.testing.assert_array_equal(images.resize_by_means(tf.constant(pixels), *size).numpy(), expected)


def test_resizing_a_batch_is_resizing_each():
    batch = np.random.default_rng(0).integers(0, 256, (2, 40, 60, 3), np.uint8)
    resized = images.resize(tf.constant(batch), 32).numpy()
    for one, whole in zip(resized, batch, strict=True):
        np.testing.assert_array_equal(one, images.resize(tf.constant(whole), 32).numpy())


def test_image_is_read_from_a_file_and_what_is_none_is_refused(tmp_path):
    pixels = recipe.aug_image_u8(0, (30, 20))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(image_files.read_image(tmp_path / "a.png"), pixels)
    for content in (b"", b"words", (tmp_path / "a.png").read_bytes()[:60]):
        (tmp_path / "b.png").write_bytes(content)
        with pytest.raises(UserError, match=r"b\.png: not readable as an image \("):
            image_files.read_image(tmp_path / "b.png")
    with pytest.raises(UserError, match=r"c\.png: cannot be read \(No such file or directory\)$"):
        image_files.read_image(tmp_path / "c.png")


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "TIFF", "PNG"])
def test_size_from_the_header_is_that_of_the_upright_image(tmp_path, kind, orientation):
    exif = {"tiffinfo": {0x0112: orientation}} if kind == "TIFF" else {"exif": b"Exif\0\0" + tiff(orientation)}
    stream = io.BytesIO()
    Image.fromarray(stored(image(40, 30), orientation)).save(stream, kind, **exif)
    (tmp_path / "a").write_bytes(stream.getvalue())
    assert image_files.file_size(tmp_path / "a") == image_files.file_size(io.BytesIO(stream.getvalue())) == (30, 40)
    assert image_files.read_image(tmp_path / "a").shape == (30, 40, 3)


def test_resize_without_antialias_takes_the_nearest_four_pixels():
    # Four times smaller: the centre of a new pixel lies between the second and the third of four old ones.
    image = np.zeros((8, 8, 3), np.uint8)
    image[1:3, 1:3] = 200
    found = images.resize(tf.constant(image), 2, antialias=False).numpy()
    np.testing.assert_array_equal(found[..., 0], [[200, 0], [0, 0]])
    # With antialias the others count as well.
    assert 0 < images.resize(tf.constant(image), 2).numpy()[0, 0, 0] < 200


def test_pipeline_resizes_without_antialias_where_asked(prepared_split):
    folder, manifest = prepared_split.folder, prepared_split.manifest
    datasets = [eval_dataset(folder, manifest, with_input(16, antialias), 4) for antialias in (True, False)]
    smooth, sharp = (np.concatenate([batch.images for batch in dataset]) for dataset in datasets)
    assert not np.array_equal(smooth, sharp)
    plain = AugmentConfig(random_crop=False)
    batch = next(iter(train_dataset(folder, manifest, with_input(16, antialias=False), 2, 0, plain)))
    # Without a crop each training image is one of those of evaluation.
    assert all(any(np.array_equal(image, other) for other in sharp) for image in batch.images.numpy())

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The decoder without TensorFlow finds what ssd_tf.detect finds, and reads images as evaluation does."""

import dataclasses
import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import ssd_tf
from ssd_tf.data import images as image_ops
from ssd_tf.export.litert_detect import LiteRTDetector, decode, draw, find, read_image, resize, unused_name
from tests.fixtures.turned import photo

SPEC = ssd_tf.spec("ssd128_tiny")


def outputs(seed: int, num_classes: int, background: float):
    rng = np.random.default_rng(seed)
    offsets = rng.normal(0, 1, (SPEC.num_anchors, 4)).astype(np.float32)
    logits = rng.normal(0, 2, (SPEC.num_anchors, num_classes + 1)).astype(np.float32)
    logits[:, 0] += background
    return offsets, logits


@given(
    st.integers(0, 1000), st.sampled_from([1, 6]), st.floats(0, 8), st.sampled_from([(0.05, 0.5, 200), (0.3, 0.2, 10)])
)
@settings(max_examples=20, deadline=None)
def test_decoding_finds_what_detect_finds(seed, num_classes, background, thresholds):
    offsets, logits = outputs(seed, num_classes, background)
    boxes, scores, classes = decode(offsets, logits, ssd_tf.default_boxes(SPEC), SPEC.variances, *thresholds)
    wanted = ssd_tf.detect(SPEC, offsets[None], logits[None], *thresholds)
    count = int(wanted.count[0])
    assert len(scores) == count
    np.testing.assert_allclose(scores, wanted.scores[0, :count], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(classes, wanted.classes[0, :count])
    np.testing.assert_allclose(boxes, wanted.boxes[0, :count], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("threshold", "anchors", "classes"), [(0.1, [0, 1, 0, 1], [1, 1, 2, 2]), (0.4, [], [])])
def test_of_equal_scores_the_first_anchors_are_candidates(threshold, anchors, classes):
    # Six squares apart from each other, with a score of a third for the background and each of two classes.
    squares = np.stack([np.arange(1, 7) / 8, np.full(6, 0.5), np.full(6, 0.1), np.full(6, 0.1)], axis=1).astype(
        np.float32
    )
    no_offsets, logits = np.zeros((6, 4), np.float32), np.zeros((6, 3), np.float32)
    found = decode(no_offsets, logits, squares, SPEC.variances, threshold, 0.5, 200, candidates_per_class=2)
    corners = np.concatenate([squares[:, :2] - 0.05, squares[:, :2] + 0.05], axis=1)
    np.testing.assert_allclose(found[0], corners[anchors], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found[1], np.full(len(anchors), 1 / 3), rtol=1e-6)
    np.testing.assert_array_equal(found[2], classes)
    assert found[2].dtype == np.int32


def test_decoding_bounds_the_growth_of_boxes_as_detect_does():
    offsets, logits = outputs(3, 2, 0.0)
    spec = dataclasses.replace(SPEC, detection=dataclasses.replace(SPEC.detection, max_growth=1.5))
    boxes, _, _ = decode(
        offsets,
        logits,
        ssd_tf.default_boxes(spec),
        spec.variances,
        0.05,
        0.5,
        200,
        max_growth=spec.detection.max_growth,
    )
    wanted = ssd_tf.detect(spec, offsets[None], logits[None])
    unbound = ssd_tf.detect(SPEC, offsets[None], logits[None])
    np.testing.assert_allclose(boxes, wanted.boxes[0, : len(boxes)], rtol=0, atol=1e-5)
    assert np.abs(unbound.boxes - wanted.boxes).max() > 0.01


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("shape", [(427, 640), (50, 30), (128, 128), (1, 3)])
def test_images_are_resized_as_evaluation_resizes_them(shape, antialias):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    found = resize(image, 128, antialias).astype(int)
    expected = image_ops.resize(tf.constant(image), 128, antialias).numpy()
    assert found.shape == expected.shape
    # Sums that end in a half may fall to either side of it; of few columns, as of 30, many do.
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < (0.001 if shape[0] > 200 else 0.1)


def test_nothing_above_the_threshold_gives_no_detections():
    offsets, logits = outputs(0, 2, 50.0)
    boxes, scores, classes = decode(offsets, logits, ssd_tf.default_boxes(SPEC), SPEC.variances, 0.05, 0.5, 200)
    assert boxes.shape == (0, 4) and scores.shape == classes.shape == (0,)


def write(path, image: Image.Image, **options):
    image.save(path, **options)
    return path


PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("rgb.png", Image.fromarray(PIXELS[..., :3])),
        ("gray.png", Image.fromarray(PIXELS[..., 0])),
        ("gray.jpg", Image.fromarray(PIXELS[..., 0])),
        ("alpha.png", Image.fromarray(PIXELS)),
        ("gray_alpha.png", Image.fromarray(PIXELS[..., :2], "LA")),
        ("palette.png", Image.fromarray(PIXELS[..., :3]).quantize(16)),
        ("16_bits.png", Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257)),
        ("still.gif", Image.fromarray(PIXELS[..., :3]).quantize(16)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_images_are_read_as_evaluation_reads_them(tmp_path, name, image):
    path = write(tmp_path / name, image)
    wanted = image_ops.decode(tf.constant(path.read_bytes())).numpy()
    # A JPEG's pixels may differ by a rounding between two decoders.
    np.testing.assert_allclose(read_image(path).astype(int), wanted, rtol=0, atol=2 if name.endswith("jpg") else 0)


def test_image_that_exif_turns_is_upright(tmp_path):
    (tmp_path / "lying.png").write_bytes(photo(PIXELS[..., :3], 6))
    np.testing.assert_array_equal(read_image(tmp_path / "lying.png"), PIXELS[..., :3])


def test_first_frame_of_an_animation_counts(tmp_path):
    frames = [Image.fromarray(np.full((8, 9, 3), value, np.uint8)) for value in (200, 10)]
    path = write(tmp_path / "two.gif", frames[0], save_all=True, append_images=frames[1:])
    assert read_image(path).shape == (8, 9, 3) and read_image(path)[0, 0, 0] == 200


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"\xff\xd8\xff\xe0"])
def test_what_is_no_image_is_an_error_with_its_name(tmp_path, content):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.png: cannot be read as an image"):
        read_image(path)


def test_cut_off_image_is_an_error(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS[..., :3]).save(buffer, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(buffer.getvalue()[:-200])
    with pytest.raises(ValueError, match=r"cut\.jpg"):
        read_image(tmp_path / "cut.jpg")


def test_file_that_ssd_tf_did_not_make_is_refused(tmp_path):
    (tmp_path / "other.tflite").write_bytes(b"TFL3" * 10)
    with pytest.raises(ValueError, match="not a LiteRT model that ssd_tf exported"):
        LiteRTDetector(str(tmp_path / "other.tflite"))


def test_found_boxes_are_in_pixels_and_those_wholly_outside_the_image_are_left_out():
    class Found(LiteRTDetector):
        description, image_size = {"categories": [{"id": 7, "name": "face"}]}, 8

        def __init__(self):
            pass

        def __call__(self, image, score_threshold=None):
            boxes = np.float32([[4, 3, 5, 4], [-0.1, 0.5, 0.25, 1.5], [0.2, -1, 0.9, -0.1], [0.2, 1, 0.9, 2]])
            return boxes, np.float32([0.9, 0.8, 0.7, 0.6]), np.ones(4, np.int32)

    (found,) = find(Found(), np.zeros((100, 200, 3), np.uint8), 0.5)
    assert found == {"box": [0, 100, 25, 200], "score": 0.8, "category_id": 7, "category_name": "face"}


def test_drawn_images_of_one_name_do_not_replace_each_other():
    names: set[str] = set()
    assert [unused_name("a", names) for _ in range(3)] == ["a_found.png", "a_found_2.png", "a_found_3.png"]


def test_drawing_puts_a_box_on_the_image():
    image = np.zeros((60, 80, 3), np.uint8)
    drawn = np.asarray(draw(image, [{"box": [20, 10, 50, 70], "score": 0.9, "category_name": "круг"}]))
    assert drawn.shape == image.shape and tuple(drawn[50, 40]) == (255, 0, 0) and not drawn[40, 40].any()

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The named augmentations: their parts, the whole chain of amdegroot's, and seeds."""

import dataclasses
import json

import family_recipe
import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data import augmentation, iou_crop
from ssd_tf.data import images as image_ops
from ssd_tf.data.augmentation import augmentation_of, example_seed, mean_color, random_flip, random_view
from ssd_tf.data.bad_examples import NO_FAULT
from ssd_tf.data.distortion import Distortion, distort_unclipped
from ssd_tf.data.examples import TrainBatch
from ssd_tf.data.iou_crop import Crop, cut, judge, relative_area, relative_boxes
from ssd_tf.settings import AugmentConfig, setting_fields
from ssd_tf.training.step import augment_batch

FILL = (123, 117, 104)
NAMES = ("mlperf", "ssd", "ssdlite", "amdegroot", "none")


@pytest.fixture(scope="module")
def paper(golden) -> dict:
    return json.loads((golden / "augment_paper.json").read_text()) | dict(np.load(golden / "augment_paper.npz"))


def test_every_name_of_the_setting_is_an_augmentation():
    assert tuple(augmentation.AUGMENTATIONS) == setting_fields()["augmentation"].metadata["choices"] == NAMES


def test_parts_are_turned_off_one_by_one():
    on = augmentation_of(AugmentConfig(augmentation="ssd"))
    assert (on.colors, on.zoom_out, on.crop, on.flip) == ("torchvision", True, "torchvision", True)
    for setting, part in (
        ("color_jitter", "colors"),
        ("zoom_out", "zoom_out"),
        ("random_crop", "crop"),
        ("random_flip", "flip"),
    ):
        found = augmentation_of(AugmentConfig(augmentation="ssd", **{setting: False}))
        assert not getattr(found, part)
        assert dataclasses.replace(found, **{part: getattr(on, part)}) == on


@pytest.mark.parametrize(
    ("detector", "color"),
    [
        ("ssd300_vgg16", (123, 117, 104)),
        ("ssd300_vgg16_torchvision", (123, 117, 104)),
        ("ssd300_resnet34", (124, 116, 104)),  # 255 times 0.485, 0.456, 0.406
        ("ssdlite320_mobilenet_v3_large", (128, 128, 128)),  # 127.5, rounded to even
    ],
)
def test_zoom_out_fills_with_the_detectors_mean(detector, color):
    assert mean_color(ssd_tf.spec(detector).preprocessing) == color


def test_mean_of_a_detector_that_takes_bgr_is_given_as_rgb():
    bgr = dataclasses.replace(ssd_tf.spec("ssd300_vgg16").preprocessing, mean=(104, 117, 123), channels="bgr")
    assert mean_color(bgr) == (123, 117, 104)


@pytest.mark.parametrize("case", ["plain", "mirror", "expand", "crop", "expand_crop_mirror", "colour"])
def test_whole_chain_is_amdegroots(paper, case):
    given = paper["amdegroot_full"][case]
    numbers = iter(given["numbers"][14 - 3 :] if case == "colour" else given["numbers"][6:])
    size = tf.constant([90, 120])
    window = iou_crop.whole(size)
    if next(numbers) == 0.0:
        ratio, left, top = (next(numbers) for _ in range(3))
        canvas, corner = (int(90 * ratio), int(120 * ratio)), (int(top), int(left))
        window = tf.constant([-corner[0], -corner[1], canvas[0] - corner[0], canvas[1] - corner[1]])
    boxes = tf.constant([[0.2, 0.1, 0.7, 0.5], [0.3, 0.55, 0.9, 0.95], [0.02, 0.02, 0.1, 0.1]]) * [90, 120, 90, 120]
    kept = tf.fill([3], True)
    if next(numbers):
        width, height, left, top = (next(numbers) for _ in range(4))
        edges = tf.constant([int(top), int(left), int(top + height), int(left + width)])
        window = tf.tile(window[:2], [2]) + edges
        kept = judge(boxes, kept, window[None], 0.0)[0][0]
    flip = bool(next(numbers))
    assert not list(numbers)

    image = tf.constant(family_recipe.image_u8("augfull", 0, 90, 120))
    # The colour case: brightness -26.666, contrast .929 first, saturation 1.36, hue 12.432 degrees, channels 1 2 0.
    drawn = Distortion(
        factors=tf.constant([[-26.666, 0.929, 1.36, 12.432 / 360]]),
        applied=tf.fill([1, 4], case == "colour"),
        contrast_first=tf.constant([True]),
        channels=tf.constant([[2, 0, 1] if case == "colour" else [0, 1, 2]]),
        image_area=relative_area(size, window)[None],
    )
    batch = TrainBatch(
        images=image_ops.resize(cut(image, window, FILL), 300, antialias=False)[None],
        boxes=relative_boxes(boxes, Crop(window, kept))[None],
        classes=tf.where(kept, [3, 7, 11], 0)[None],
        flip=tf.constant([flip]),
        jitter=drawn,
        record=tf.constant([0]),
        fault=tf.constant([NO_FAULT]),
    )
    images, found = augment_batch(batch, "amdegroot", ssd_tf.spec("ssd300_vgg16_amdegroot"))
    real = batch.classes.numpy()[0] > 0
    np.testing.assert_allclose(found.numpy()[0][real][:, [1, 0, 3, 2]], given["boxes"], rtol=0, atol=1e-6)
    assert batch.classes.numpy()[0][real].tolist() == given["labels"]
    # Every twelfth pixel. Images are resized to whole levels, which is half a level off.
    expected = paper[f"amdegroot_full_{case}"]
    difference = np.abs(images.numpy()[0, ::12, ::12, ::-1] - expected)
    if case != "colour":
        assert difference.max() < 0.501
        return
    # Colours change after that instead of before, which shows where neighbours have different hues, by the noise here.
    assert difference.mean() < 1.0
    before = tf.image.resize(distort_unclipped(image[None], drawn), (300, 300))[0, ::12, ::12, ::-1]
    np.testing.assert_allclose(before - [104.0, 117.0, 123.0], expected, rtol=0, atol=1e-3)


def views(name: str, count: int = 30, seed: int = 0):
    """Augmented copies of an image of 60x80 with two boxes and padding."""
    image = tf.constant(family_recipe.image_u8("view", 0, 60, 80))
    boxes = tf.constant([[0.1, 0.1, 0.5, 0.6], [0.4, 0.5, 0.9, 0.8], [0.0, 0.0, 0.0, 0.0]])
    config = AugmentConfig(augmentation=name)
    draw = tf.function(lambda one: random_view(image, boxes, tf.constant([1, 2, 0]), one, config, FILL))
    return [tf.nest.map_structure(lambda x: x.numpy(), draw(tf.constant([seed, k]))) for k in range(count)]


@pytest.mark.parametrize("name", ["ssd", "ssdlite", "amdegroot"])
def test_boxes_stay_on_what_they_are_on(name):
    original = family_recipe.image_u8("view", 0, 60, 80)
    corner = original[12:15, 41:44]  # in the second box
    for view in views(name):
        assert view.classes[2] == 0 and (view.boxes[view.classes == 0] == 0).all()
        height, width = view.image.shape[:2]
        # Where the image lies in the view tells where each of its pixels went.
        top, left, bottom, right = view.image_area * [height, width, height, width]
        assert 0 <= top < bottom <= height and 0 <= left < right <= width
        if name == "ssdlite":
            assert (top, left, bottom, right) == (0, 0, height, width)
        if (bottom - top, right - left) == (60, 80):  # not cropped
            y, x = round(top), round(left)
            np.testing.assert_array_equal(view.image[y + 12 : y + 15, x + 41 : x + 44], corner)
            expected = np.float32([6 + y, 8 + x, 30 + y, 48 + x]) / [height, width, height, width]
            np.testing.assert_allclose(view.boxes[0], expected, rtol=0, atol=1e-6)
    if name != "ssdlite":
        assert any(view.image.shape[0] > 60 for view in views(name))


def test_none_leaves_image_and_boxes_as_they_are():
    for view in views("none", 3):
        np.testing.assert_array_equal(view.image, family_recipe.image_u8("view", 0, 60, 80))
        np.testing.assert_allclose(view.boxes[0], [0.1, 0.1, 0.5, 0.6])


@pytest.mark.parametrize("name", ["ssd", "amdegroot"])
def test_same_seed_gives_the_same_view_and_another_seed_another(name):
    one, again, other = (views(name, 8, seed) for seed in (1, 1, 2))
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        np.testing.assert_array_equal(a.boxes, b.boxes)
    assert not all(np.array_equal(a.image, b.image) for a, b in zip(one, other, strict=True))


def test_example_seed_hangs_on_seed_epoch_and_position():
    seeds = {
        tuple(example_seed(seed, tf.constant(epoch, tf.int64), tf.constant(position, tf.int64)).numpy().tolist())
        for seed in (0, 1, 12345)
        for epoch in range(4)
        for position in range(50)
    }
    assert len(seeds) == 3 * 4 * 50


def test_example_seed_is_a_function():
    pairs = [example_seed(5, tf.constant(2), tf.constant(9)).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*pairs)
    assert pairs[0].shape == (2,) and pairs[0].dtype == np.int32


def test_half_of_all_images_are_flipped():
    flips = tf.function(
        lambda: tf.map_fn(
            lambda d: random_flip(example_seed(0, tf.constant(0), d)), tf.range(4000), fn_output_signature=tf.bool
        )
    )().numpy()
    # Three standard errors of a share of one half in 4,000: 3 * 0.5 / sqrt(4000).
    assert abs(flips.mean() - 0.5) < 0.024
    # Neighbours are independent: half of them are equal, within the same error.
    assert abs((flips[1:] == flips[:-1]).mean() - 0.5) < 0.024

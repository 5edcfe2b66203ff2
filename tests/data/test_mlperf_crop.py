# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The random crop draws as the reference's does, keeps what it promises, and is a function of the seed alone."""

import functools
import json

import numpy as np
import pytest
import recipe
import tensorflow as tf

from ssd_tf.data import mlperf_crop
from ssd_tf.data.augmentation import example_seed
from ssd_tf.data.mlperf_crop import Crop, crop_pixels, random_crop


def draw(boxes, real, num_draws, tries=1, seed=0) -> Crop:
    """Crops of item d % N for d = 0, 1, ...: NumPy, with a leading dimension.

    Args:
      boxes: [N, G, 4].
      real: [N, G].
    """
    boxes, real = tf.constant(boxes, tf.float32), tf.constant(real)
    n = len(real)

    @tf.function
    def all_crops():
        return tf.map_fn(
            lambda d: random_crop(boxes[d % n], real[d % n], example_seed(seed, tf.constant(0), d), tries),
            tf.range(num_draws),
            fn_output_signature=Crop(tf.float32, tf.float32, tf.bool),
        )

    return Crop(*(value.numpy() for value in all_crops()))


def is_whole(window) -> np.ndarray:
    return (window == [0.0, 0.0, 1.0, 1.0]).all(axis=-1)


@functools.cache
def synthetic() -> tuple[np.ndarray, np.ndarray]:
    """The 200 items of the golden values, padded: boxes [200, G, 4] and which are real [200, G]."""
    items = [recipe.aug_item(i)[1] for i in range(200)]
    boxes = np.zeros((200, max(map(len, items)), 4), np.float32)
    real = np.zeros(boxes.shape[:2], bool)
    for index, ltrb in enumerate(items):
        boxes[index, : len(ltrb)] = ltrb[:, [1, 0, 3, 2]]
        real[index, : len(ltrb)] = True
    return boxes, real


@functools.cache
def synthetic_crops() -> Crop:
    return draw(*synthetic(), num_draws=5000)


def assert_same_mean(values: np.ndarray, recorded: dict, what: str):
    """Both means estimate one number, so they differ by less than 3 standard errors of their difference."""
    error = np.sqrt(recorded["std"] ** 2 / recorded["n"] + values.std() ** 2 / values.size)
    assert abs(values.mean() - recorded["mean"]) < 3 * error, (what, values.mean(), recorded["mean"], error)


# The reference draws one window a mode; 50 is what a comment in it says that the paper has. 50 tries make 6,400 windows
# for 60 boxes each, so fewer are drawn.
@pytest.mark.parametrize(("tries", "draws"), [(1, 5000), (50, 600)])
def test_crops_are_distributed_as_the_references(golden, tries, draws):
    recorded = json.loads((golden / "augment_crop.json").read_text())[f"crop_synthetic200_iters{tries}"]
    crops = synthetic_crops() if tries == 1 else draw(*synthetic(), num_draws=draws, tries=tries)
    whole = is_whole(crops.window)
    share = recorded["fraction_original_image"]
    # A share's standard deviation is sqrt(p (1 - p)); p of the reference serves for both.
    error = np.sqrt(share * (1 - share) * (1 / draws + 1 / recorded["draws"]))
    assert abs(whole.mean() - share) < 3 * error, (whole.mean(), share, error)

    height, width = (crops.window[:, 2:] - crops.window[:, :2])[~whole].T
    assert_same_mean(width, recorded["crop_width"], "width")
    assert_same_mean(height, recorded["crop_height"], "height")
    assert_same_mean(width * height, recorded["crop_area"], "area")
    assert_same_mean(width / height, recorded["crop_aspect_w_over_h_normalised"], "aspect")
    assert_same_mean(crops.kept.sum(axis=1), recorded["boxes_kept"], "boxes kept")
    real = synthetic()[1][np.arange(draws) % 200]
    kept_fraction = crops.kept.sum(axis=1)[~whole] / real.sum(axis=1)[~whole]
    assert_same_mean(kept_fraction, recorded["fraction_boxes_kept_when_cropped"], "fraction of boxes kept")


def test_spread_of_crop_sizes_is_the_references(golden):
    recorded = json.loads((golden / "augment_crop.json").read_text())["crop_synthetic200_iters1"]
    window = synthetic_crops().window
    height, width = (window[:, 2:] - window[:, :2])[~is_whole(window)].T
    for values, name in ((width, "crop_width"), (height, "crop_height")):
        # Two samples of about 2,230 nearly even numbers: a quantile's standard error is sqrt(q (1 - q) / n) / density,
        # with density 1 / 0.7 at most 0.0074 each, so 0.0105 for the difference, and three of that are 0.031.
        for quantile in ("q05", "q25", "q50", "q75", "q95"):
            assert np.quantile(values, int(quantile[1:]) / 100) == pytest.approx(recorded[name][quantile], abs=0.031)


def test_size_of_kept_boxes_is_the_references(golden):
    recorded = json.loads((golden / "augment_crop.json").read_text())["crop_synthetic200_iters1"]
    crops = synthetic_crops()
    boxes = crops.boxes[crops.kept]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    # Boxes of one draw share their crop and of one item their size, so that n is not their number but nearer that of
    # the draws: one in 5.42. The error that assert_same_mean derives is then sqrt(5.42) = 2.3 times too small.
    error = np.sqrt((recorded["box_area_after"]["std"] ** 2 + areas.std() ** 2) / 5000)
    assert abs(areas.mean() - recorded["box_area_after"]["mean"]) < 3 * error


def test_crop_lies_in_the_image_and_within_the_limits_of_size_and_aspect():
    window = synthetic_crops().window
    # Corner plus size in float32: one unit in the last place may be too much.
    assert window.min() >= 0.0 and window.max() <= 1.0 + 1e-6
    height, width = (window[:, 2:] - window[:, :2])[~is_whole(window)].T
    # A difference of float32 corners is good to 1e-7.
    assert min(height.min(), width.min()) >= 0.3 - 1e-6
    assert (width / height).min() >= 0.5 - 1e-5 and (width / height).max() <= 2.0 + 1e-5
    # 2,200 crops come near to the limits, or these are not the limits.
    assert min(height.min(), width.min()) < 0.31
    assert (width / height).min() < 0.52 and (width / height).max() > 1.9


def test_kept_boxes_are_those_with_their_centre_inside_clipped_and_relative_to_the_crop():
    crops = synthetic_crops()
    boxes, real = (values[np.arange(5000) % 200] for values in synthetic())
    low, high = crops.window[:, None, :2], crops.window[:, None, 2:]
    centre = 0.5 * (boxes[..., :2] + boxes[..., 2:])
    inside = ((centre > low) & (centre < high)).all(axis=-1)
    np.testing.assert_array_equal(crops.kept, np.where(is_whole(crops.window)[:, None], real, inside & real))
    relative = (boxes - np.tile(low, 2)) / np.tile(high - low, 2)
    expected = np.where(crops.kept[..., None], np.clip(relative, 0.0, 1.0), 0.0)
    # float32 differences of numbers up to 1, divided by at least 0.3.
    np.testing.assert_allclose(crops.boxes, expected, atol=1e-6)
    kept = crops.boxes[crops.kept]
    assert kept.min() >= 0.0 and kept.max() <= 1.0
    assert (kept[:, 2:] > kept[:, :2]).all()


def test_every_crop_keeps_a_box():
    assert synthetic_crops().kept.any(axis=1).all()


def test_whole_image_changes_no_box():
    crops = synthetic_crops()
    whole = is_whole(crops.window)
    boxes, _ = synthetic()
    np.testing.assert_array_equal(crops.boxes[whole], boxes[np.arange(5000) % 200][whole])


def test_padding_is_never_kept_and_has_no_say():
    boxes, real = synthetic()
    crops = synthetic_crops()
    assert not crops.kept[~real[np.arange(5000) % 200]].any()
    # What stands in the padding changes nothing: neither a box that every crop contains nor a tiny one in a corner.
    filled = np.where(real[..., None], boxes, np.float32([0.45, 0.45, 0.55, 0.55]))
    filled[:, -1] = np.where(real[:, -1:], filled[:, -1], [0.0, 0.0, 0.01, 0.01])
    again = draw(filled, real, num_draws=1000)
    np.testing.assert_array_equal(again.window, crops.window[:1000])
    np.testing.assert_array_equal(again.kept, crops.kept[:1000])
    np.testing.assert_array_equal(again.boxes, crops.boxes[:1000])


def test_amount_of_padding_changes_nothing():
    box = np.float32([[[0.1, 0.1, 0.85, 0.9]]])
    alone = draw(box, [[True]], num_draws=100, tries=10)
    padded = draw(np.pad(box, [(0, 0), (0, 4), (0, 0)]), [[True, False, False, False, False]], 100, tries=10)
    np.testing.assert_array_equal(alone.window, padded.window)
    # A large box, so that the modes with a minimum IoU succeed too, which padding must not hinder.
    assert is_whole(alone.window).mean() < 0.5


@pytest.mark.parametrize("min_iou", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_mode_with_a_minimum_iou_gives_only_crops_that_have_it_with_every_box(monkeypatch, min_iou):
    # This mode and the whole image are the only ones left.
    monkeypatch.setattr(mlperf_crop, "MIN_IOUS", (min_iou,))
    boxes = np.float32([[[0.02, 0.02, 0.98, 0.98], [0.01, 0.02, 0.97, 0.97]]])
    crops = draw(boxes, np.ones((1, 2), bool), num_draws=150, tries=50)
    windows = crops.window[~is_whole(crops.window)]
    assert len(windows) > 5
    size = np.minimum(windows[:, None, 2:], boxes[..., 2:]) - np.maximum(windows[:, None, :2], boxes[..., :2])
    common = np.prod(np.maximum(size, 0.0), axis=-1)
    area, areas = np.prod(windows[:, 2:] - windows[:, :2], axis=1), np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)
    iou = common / (area[:, None] + areas - common)
    assert iou.min() > min_iou - 1e-6  # float32
    assert iou.min() < min_iou + 0.2  # the limit is this one and no higher one


def test_modes_are_the_papers():
    assert mlperf_crop.MIN_IOUS[:-1] == (0.1, 0.3, 0.5, 0.7, 0.9)
    assert mlperf_crop.MIN_IOUS[-1] < 0.0  # an IoU of 0 must do: boxes outside the crop do not forbid it


def test_image_with_one_box_keeps_it_in_every_crop():
    crops = draw([[[0.4, 0.3, 0.6, 0.5]]], [[True]], num_draws=300)
    assert crops.kept.all()
    share = is_whole(crops.window).mean()
    # With one small box "any" succeeds often and the IoU modes seldom: some crops, not all.
    assert 0.1 < share < 0.9


def test_image_that_no_crop_suits_stays_whole():
    # Two boxes of no extent are never overlapped, and their centres on the border never inside.
    crops = draw([[[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]], [[True, True]], num_draws=50)
    assert is_whole(crops.window).all()
    assert crops.kept.all()


def test_image_of_padding_only_stays_whole_and_keeps_nothing():
    crops = draw(np.zeros((1, 3, 4)), np.zeros((1, 3), bool), num_draws=50)
    assert is_whole(crops.window).all()
    assert not crops.kept.any()


def test_same_seed_gives_the_same_crop_and_another_seed_another():
    boxes, real = (values[:50] for values in synthetic())
    first, again, other = (draw(boxes, real, 50, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.window, again.window)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    # About half of all crops are the whole image, so a third are alike by chance.
    assert (first.window == other.window).all(axis=1).mean() < 0.6


def test_crops_of_one_image_differ_by_position():
    crops = draw([[[0.4, 0.3, 0.6, 0.5]]], [[True]], num_draws=100)
    windows = crops.window[~is_whole(crops.window)]
    assert len(windows) > 20
    assert len(np.unique(windows, axis=0)) == len(windows)


def test_crop_does_not_depend_on_the_global_seed_or_on_what_was_drawn_before():
    boxes, real = (tf.constant(values[0]) for values in synthetic())
    windows = []
    for global_seed in (1, 2):
        tf.random.set_seed(global_seed)
        tf.random.uniform([])
        crops = [random_crop(boxes, real, tf.constant([7, k])).window.numpy() for k in range(8)]
        windows.append(np.stack(crops))
    np.testing.assert_array_equal(*windows)
    assert len(np.unique(windows[0], axis=0)) > 1


@pytest.mark.parametrize(
    ("window", "rows", "columns"),
    [
        ([0.0, 0.0, 1.0, 1.0], slice(0, 40), slice(0, 60)),
        ([0.25, 0.5, 0.75, 1.0], slice(10, 30), slice(30, 60)),
        # 0.26 * 40 = 10.4, 0.74 * 40 = 29.6, 0.51 * 60 = 30.6, 0.99 * 60 = 59.4: all are cut, none rounded.
        ([0.26, 0.51, 0.74, 0.99], slice(10, 29), slice(30, 59)),
        # Less than a pixel: one is left.
        ([0.5, 0.5, 0.501, 0.501], slice(20, 21), slice(30, 31)),
    ],
)
def test_crop_cuts_the_pixels_of_the_window(window, rows, columns):
    image = np.arange(40 * 60 * 3, dtype=np.int32).reshape(40, 60, 3)
    cut = crop_pixels(tf.constant(image), tf.constant(window, tf.float32)).numpy()
    np.testing.assert_array_equal(cut, image[rows, columns])


def test_one_pixel_image_can_be_cropped():
    image = tf.constant([[[1, 2, 3]]], tf.uint8)
    cut = crop_pixels(image, tf.constant([0.1, 0.3, 0.6, 0.9])).numpy()
    np.testing.assert_array_equal(cut, image.numpy())

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Zoom-out and crop give the references' windows, boxes and pixels, and are distributed as theirs."""

import functools
import json

import family_recipe
import numpy as np
import pytest
import tensorflow as tf
import torchvision_recipe

from ssd_tf.data import iou_crop
from ssd_tf.data.augmentation import example_seed
from ssd_tf.data.iou_crop import Crop, cut, judge, random_crop, random_zoom_out, relative_area, relative_boxes

YX = [1, 0, 3, 2]
FILL = (123, 117, 104)
# Fewer draws in `make test`.
DRAWS = [1000, pytest.param(5000, marks=pytest.mark.proof)]


@pytest.fixture(scope="module")
def paper(golden) -> dict:
    return json.loads((golden / "augment_paper.json").read_text()) | dict(np.load(golden / "augment_paper.npz"))


@functools.cache
def items(reference: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The images of the golden draws: boxes [N, G, 4] in pixels, which are real [N, G], height and width [N, 2]."""
    recipe, count = (family_recipe, 200) if reference == "amdegroot" else (torchvision_recipe, 100)
    found = [recipe.aug_item(k) for k in range(count)]
    boxes = np.zeros((count, max(len(labels) for *_, labels in found), 4), np.float32)
    real, sizes = np.zeros(boxes.shape[:2], bool), np.zeros((count, 2), np.int32)
    for k, ((width, height), ltrb, labels) in enumerate(found):
        pixels = ltrb * ([width, height] * 2 if reference == "amdegroot" else 1)
        boxes[k, : len(labels)], real[k, : len(labels)], sizes[k] = pixels[:, YX], True, (height, width)
    return boxes, real, sizes


@functools.cache
def drawn(rule: str, zoom: bool, count: int, seed: int = 0):
    """Windows before and after the crop [D, 4], kept [D, G], boxes [D, G, 4] of item d % N for d = 0, 1, ..."""
    boxes, real, sizes = map(tf.constant, items(rule))

    def one(d):
        k = d % len(sizes)
        zoom_seed, crop_seed = tf.unstack(tf.random.split(example_seed(seed, tf.constant(0), d), 2))
        before = random_zoom_out(sizes[k], zoom_seed) if zoom else iou_crop.whole(sizes[k])
        crop = random_crop(boxes[k], real[k], before, crop_seed, rule)
        return before, crop.window, crop.kept, relative_boxes(boxes[k], crop)

    dataset = tf.data.Dataset.range(count, output_type=tf.int32).map(one, num_parallel_calls=2).batch(count)
    return next(dataset.as_numpy_iterator())


def statistics(rule: str, zoom: bool, count: int) -> dict[str, np.ndarray]:
    """What the golden file records of the draws, one number a draw or box each."""
    before, window, kept, boxes = drawn(rule, zoom, count)
    size = before[:, 2:] - before[:, :2]
    top, left = ((window[:, :2] - before[:, :2]) / size).T
    height, width = ((window[:, 2:] - window[:, :2]) / size).T
    whole = (window == before).all(axis=1)
    real = items(rule)[1][np.arange(count) % len(items(rule)[1])]
    areas = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    of_cropped = {
        "width": width,
        "height": height,
        "area": width * height,
        "left": left,
        "top": top,
        "aspect": width / height,
        "kept_share": kept.sum(axis=1) / real.sum(axis=1),
    }
    found = {name: values[~whole] for name, values in of_cropped.items()}
    return found | {"whole": whole.astype(float), "kept": kept.sum(axis=1), "box_area": areas[kept]}


def assert_same(values: np.ndarray, recorded: dict, what: str, draws: int):
    """Means, and shares below the recorded quantiles, differ by less than 3 standard errors of their difference."""
    # Boxes of a draw share their crop: of such values there are not more independent ones than draws.
    n, m = min(values.size, draws), min(recorded["n"], 5000)
    error = np.sqrt(recorded["std"] ** 2 / m + values.std() ** 2 / n)
    assert abs(values.mean() - recorded["mean"]) < 3 * error, (what, values.mean(), recorded["mean"], error)
    if len(np.unique(values)) < 0.2 * values.size:
        return  # of a fraction of a few boxes many are equal to the quantile
    for share, quantile in zip((0.05, 0.25, 0.5, 0.75, 0.95), recorded["quantiles"], strict=True):
        error = np.sqrt(share * (1 - share) * (1 / n + 1 / m))
        assert abs((values <= quantile).mean() - share) < 3 * error, (what, share, (values <= quantile).mean(), error)


@pytest.mark.parametrize("draws", DRAWS)
@pytest.mark.parametrize(
    ("rule", "zoom", "name"),
    [
        ("amdegroot", False, "amdegroot_crop"),
        ("amdegroot", True, "amdegroot_chain"),
        ("torchvision", False, "torchvision_crop"),
    ],
)
def test_crops_are_distributed_as_the_references(paper, rule, zoom, name, draws):
    recorded, found = paper["statistics"][name], statistics(rule, zoom, draws)
    for what in ("whole", "width", "height", "area", "left", "top", "aspect", "kept_share", "kept", "box_area"):
        if what in recorded:
            assert_same(found[what], recorded[what], f"{name} {what}", draws)


@pytest.mark.parametrize("draws", DRAWS)
def test_zoom_out_is_distributed_as_the_reference(paper, draws):
    recorded = paper["statistics"]["amdegroot_chain"]
    window, *_ = drawn("amdegroot", True, draws)
    size = items("amdegroot")[2][np.arange(draws) % 200]
    canvas = window[:, 2:] - window[:, :2]
    larger = (canvas != size).any(axis=1)
    assert_same(larger.astype(float), recorded["expanded"], "expanded", draws)
    # Whole pixels of 281 at least: a ratio is good to 1/281, and less than a standard error of 0.9 / sqrt(500).
    assert_same((canvas / size)[larger][:, 1], recorded["ratio"], "ratio", draws)
    top, left = (-window[:, :2] / canvas)[larger].T
    assert_same(left, recorded["paste_left"], "left", draws)
    assert_same(top, recorded["paste_top"], "top", draws)


@pytest.mark.parametrize("case", range(4))
def test_crop_keeps_the_references_boxes(paper, case):
    crop = paper["torchvision_crops"][case]
    _, boxes, _ = torchvision_recipe.aug_item(crop["item"])
    top, left, height, width = (crop[name] for name in ("top", "left", "height", "width"))
    window = tf.constant([top, left, top + height, left + width])
    best = crop["best_iou_of_kept"]
    kept, suits = judge(tf.constant(boxes[:, YX]), tf.fill([len(boxes)], True), window[None], best - 1e-6)
    np.testing.assert_array_equal(kept[0], paper[f"torchvision_crop_{case}_inside"])
    assert suits[0]
    assert not judge(tf.constant(boxes[:, YX]), tf.fill([len(boxes)], True), window[None], best + 1e-6)[1][0]
    found = relative_boxes(tf.constant(boxes[:, YX]), Crop(window, kept[0])).numpy()[kept[0].numpy()]
    # float32 of up to 640 pixels.
    pixels = found * np.tile([height, width], 2)
    np.testing.assert_allclose(pixels[:, YX], paper[f"torchvision_crop_{case}_boxes"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("case", range(4))
def test_zoom_out_gives_the_references_pixels_and_boxes(paper, case):
    zoom = paper["torchvision_zoom_out"][case]
    offsets = tf.constant(zoom["offsets"][::-1])
    image = torchvision_recipe.image_u8(5, case, 36, 48)
    window = iou_crop.zoom_out(tf.constant([36, 48]), zoom["ratio"], offsets)
    np.testing.assert_array_equal(cut(tf.constant(image), window, FILL), paper[f"torchvision_zoom_{case}_picture"])

    (width, height), boxes, _ = torchvision_recipe.aug_item(zoom["item"])
    window = iou_crop.zoom_out(tf.constant([height, width]), zoom["ratio"], offsets)
    found = relative_boxes(tf.constant(boxes[:, YX]), Crop(window, tf.fill([len(boxes)], True))).numpy()
    canvas = (window[2:] - window[:2]).numpy()
    # float32 of up to 2,560 pixels.
    np.testing.assert_allclose(
        (found * np.tile(canvas, 2))[:, YX], paper[f"torchvision_zoom_{case}_boxes"], rtol=0, atol=5e-4
    )


@pytest.mark.parametrize("rule", ["torchvision", "amdegroot"])
def test_crop_is_within_the_limits_of_size_and_aspect(rule):
    before, window, *_ = drawn(rule, False, 1000)
    assert (window[:, :2] >= 0).all() and (window[:, 2:] <= before[:, 2:]).all()
    cropped = ~(window == before).all(axis=1)
    sides, size = (window[:, 2:] - window[:, :2])[cropped], before[cropped, 2:]
    # Edges are cut to whole pixels: a side is up to one off.
    assert (sides >= 0.3 * size - 1).all() and (sides / size).min() < 0.32
    aspect = sides[:, 1] / sides[:, 0]
    assert (sides[:, 1] >= 0.5 * (sides[:, 0] - 1) - 1).all() and (sides[:, 1] <= 2 * (sides[:, 0] + 1) + 1).all()
    assert aspect.min() < 0.55 and aspect.max() > 1.8


@pytest.mark.parametrize("rule", ["torchvision", "amdegroot"])
def test_every_crop_keeps_a_box_and_those_whose_centre_is_inside(rule):
    _, window, kept, boxes = drawn(rule, True, 1000)
    all_boxes, real = (values[np.arange(1000) % len(values)] for values in items(rule)[:2])
    centre = 0.5 * (all_boxes[..., :2] + all_boxes[..., 2:])
    inside = ((centre > window[:, None, :2]) & (centre < window[:, None, 2:])).all(axis=-1)
    np.testing.assert_array_equal(kept, inside & real)
    assert kept.any(axis=1).all()
    assert (boxes[~kept] == 0).all() and (boxes[kept][:, 2:] > boxes[kept][:, :2]).all()
    assert boxes.min() >= 0.0 and boxes.max() <= 1.0


@pytest.mark.parametrize("min_iou", [0.1, 0.5, 0.9])
def test_mode_gives_only_crops_that_have_its_iou_with_a_box_that_they_keep(monkeypatch, min_iou):
    monkeypatch.setattr(iou_crop, "TORCHVISION_MIN_IOUS", (min_iou,))
    boxes = tf.constant([[20.0, 20.0, 180.0, 280.0], [90.0, 90.0, 110.0, 110.0]])
    within, real = tf.constant([0, 0, 200, 300]), tf.constant([True, True])
    draw = tf.function(lambda seed: random_crop(boxes, real, within, seed, "torchvision").window)
    windows = np.stack([draw(tf.constant([7, k])).numpy() for k in range(60)])
    windows = windows[(windows != within.numpy()).any(axis=1)]
    _, suits = judge(boxes, real, tf.constant(windows), min_iou)
    assert len(windows) > 3 and suits.numpy().all()
    assert not judge(boxes, real, tf.constant(windows), min(min_iou + 0.3, 0.97))[1].numpy().all()


def crops_of(boxes, real, size, rule="torchvision", count=40) -> Crop:
    draw = tf.function(
        lambda seed: random_crop(
            tf.constant(boxes, tf.float32), tf.constant(real), iou_crop.whole(tf.constant(size)), seed, rule
        )
    )
    found = [draw(tf.constant([5, k])) for k in range(count)]
    return Crop(np.stack([c.window for c in found]), np.stack([c.kept for c in found]))


@pytest.mark.parametrize("rule", ["torchvision", "amdegroot"])
def test_image_without_boxes_stays_whole(rule):
    crops = crops_of(np.zeros((2, 4)), [False, False], [30, 40], rule)
    assert (crops.window == [0, 0, 30, 40]).all() and not crops.kept.any()


@pytest.mark.parametrize("rule", ["torchvision", "amdegroot"])
def test_image_with_one_box_keeps_it_in_every_crop(rule):
    crops = crops_of([[12.0, 12.0, 18.0, 20.0]], [True], [30, 40], rule)
    assert crops.kept.all()
    assert 0 < (crops.window == [0, 0, 30, 40]).all(axis=1).sum() < 40


@pytest.mark.parametrize("rule", ["torchvision", "amdegroot"])
def test_image_of_one_pixel_stays_that_pixel(rule):
    crops = crops_of([[0.0, 0.0, 1.0, 1.0]], [True], [1, 1], rule)
    assert (crops.window == [0, 0, 1, 1]).all() and crops.kept.all()
    assert cut(tf.constant([[[1, 2, 3]]], tf.uint8), tf.constant([-1, 0, 2, 1]), FILL).numpy().tolist() == [
        [[123, 117, 104]],
        [[1, 2, 3]],
        [[123, 117, 104]],
    ]


def test_box_outside_the_crop_is_dropped_and_one_on_its_edge_clipped():
    boxes = tf.constant([[0.0, 0.0, 10.0, 10.0], [15.0, 10.0, 35.0, 30.0]])
    window = tf.constant([20, 10, 40, 50])
    kept, _ = judge(boxes, tf.constant([True, True]), window[None], 0.0)
    assert kept.numpy().tolist() == [[False, True]]
    np.testing.assert_allclose(relative_boxes(boxes, Crop(window, kept[0])), [[0, 0, 0, 0], [0, 0, 0.75, 0.5]])


def test_window_beyond_the_image_says_where_the_image_lies():
    area = relative_area(tf.constant([100, 200]), tf.constant([-100, 50, 150, 250]))
    np.testing.assert_allclose(area, [0.4, 0.0, 0.8, 0.75])


@pytest.mark.parametrize("rule", ["torchvision", "amdegroot"])
def test_what_stands_in_the_padding_changes_nothing(rule):
    box = [12.0, 12.0, 18.0, 20.0]
    alone = crops_of([box], [True], [30, 40], rule)
    padded = crops_of([box, [0.0, 0.0, 30.0, 40.0]], [True, False], [30, 40], rule)
    np.testing.assert_array_equal(alone.window, padded.window)
    assert not padded.kept[:, 1].any()


@pytest.mark.parametrize("rule", ["torchvision", "amdegroot"])
def test_same_seed_gives_the_same_crop_and_another_seed_another(rule):
    one, again, other = (drawn.__wrapped__(rule, True, 100, seed=seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one == other).all(axis=1).mean() < 0.3

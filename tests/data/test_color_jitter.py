# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Colour jitter gives the pixels that PIL gives, and draws its parameters as torchvision does."""

import functools
import itertools
import json

import numpy as np
import pytest
import recipe
import tensorflow as tf

from ssd_tf.data import color_jitter
from ssd_tf.data.augmentation import example_seed
from ssd_tf.data.color_jitter import Jitter, jitter, random_jitter, turn_hue

OPERATIONS = ("brightness", "contrast", "saturation", "hue")
# Factors that change nothing: three blends with weight 1, a hue turned by 0.
NEUTRAL = (1.0, 1.0, 1.0, 0.0)
SINGLE = (
    *(("brightness", factor) for factor in (0.875, 1.0, 1.125)),
    *(("contrast", factor) for factor in (0.5, 0.9, 1.5)),
    *(("saturation", factor) for factor in (0.5, 1.2, 1.5)),
    *(("hue", factor) for factor in (-0.05, 0.013, 0.05)),
)


def run(images, orders, factors) -> np.ndarray:
    return jitter(tf.constant(images), Jitter(tf.constant(orders), tf.constant(factors, tf.float32))).numpy()


@functools.cache
def drawn(n=5000) -> Jitter:
    """Parameters of n examples, with the seeds that the pipeline gives them: NumPy [n, 4] each."""

    @tf.function
    def all_parameters():
        return tf.map_fn(
            lambda d: random_jitter(tf.random.split(example_seed(0, tf.constant(0), d), 3)[2]),
            tf.range(n),
            fn_output_signature=Jitter(tf.int32, tf.float32),
        )

    return Jitter(*(value.numpy() for value in all_parameters()))


def one_operation(image, name, factor) -> np.ndarray:
    """Only this operation, as `jitter` applies it. (A hue turned by 0 goes through 8-bit HSV and changes pixels.)"""
    number = np.full((1, 1, 1, 1), OPERATIONS.index(name), np.int32)
    amount = np.full((1, 1, 1, 1), factor, np.float32)
    images = tf.constant(image[None], tf.float32)
    changed = turn_hue(images, amount) if name == "hue" else color_jitter._blend_by(images, number, amount)
    return changed.numpy()[0]


@pytest.mark.parametrize(("name", "factor"), SINGLE)
def test_operation_gives_pils_pixels(golden, name, factor):
    arrays = np.load(golden / "image_ops.npz")
    found = one_operation(arrays["img_u8"], name, factor)
    difference = np.abs(found - arrays[f"{name}_{factor}"].astype(np.float32))
    # The same arithmetic in the same precision, truncated at the same places. Two levels would be allowed.
    assert difference.max() == 0.0


@pytest.mark.parametrize("number", range(3))
def test_operations_in_turn_give_pils_pixels(golden, number):
    entry = json.loads((golden / "image_ops.json").read_text())[number]
    assert entry["name"] == f"seq_{number}"
    arrays = np.load(golden / "image_ops.npz")
    found = run(arrays["img_u8"][None], [entry["order"]], [entry["factors_brightness_contrast_saturation_hue"]])[0]
    difference = np.abs(found - arrays[entry["name"]].astype(np.float32))
    # Without a truncation or with another order thousands of values differ. Two levels would be allowed.
    assert difference.max() == 0.0


def test_order_matters(golden):
    image = np.load(golden / "image_ops.npz")["img_u8"][None]
    factors = [(1.1, 1.4, 0.6, 0.05)]
    results = {run(image, [order], factors).tobytes() for order in itertools.permutations(range(4))}
    assert len(results) > 12


def test_result_is_whole_numbers_in_the_range_of_pixels(golden):
    image = np.load(golden / "image_ops.npz")["img_u8"]
    n = 24
    orders, factors = drawn().order[:n], drawn().factors[:n]
    found = run(np.broadcast_to(image, (n, *image.shape)), orders, factors)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.round(found))
    assert found.min() >= 0.0 and found.max() <= 255.0


def test_uint8_and_float_images_give_the_same(golden):
    image = np.load(golden / "image_ops.npz")["img_u8"][None]
    arguments = [(3, 1, 0, 2)], [(1.1, 1.4, 0.6, 0.05)]
    np.testing.assert_array_equal(run(image, *arguments), run(image.astype(np.float32), *arguments))


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (1, 1, 1)])
def test_grey_stays_grey(color):
    image = np.full((1, 4, 5, 3), color, np.uint8)
    found = run(image, [(0, 1, 2, 3)], [(1.1, 1.3, 1.5, 0.05)])
    assert np.isfinite(found).all()
    assert (found == found[..., :1]).all()


def test_contrast_of_one_image_does_not_depend_on_its_neighbours_in_the_batch():
    dark, bright = np.full((8, 8, 3), 20, np.uint8), np.full((8, 8, 3), 220, np.uint8)
    found = run(np.stack([dark, bright]), [(0, 1, 2, 3)] * 2, [(1.0, 0.5, 1.0, 0.0)] * 2)
    # The mean of an even image is its own value, and blending with it changes nothing.
    np.testing.assert_array_equal(found, np.stack([dark, bright]).astype(np.float32))


def test_batch_equals_its_images_one_by_one():
    images = np.stack([recipe.aug_image_u8(k, (32, 24)) for k in range(6)])
    orders, factors = drawn().order[:6], drawn().factors[:6]
    assert len(np.unique(orders, axis=0)) > 1
    together = run(images, orders, factors)
    alone = np.concatenate([run(images[k : k + 1], orders[k : k + 1], factors[k : k + 1]) for k in range(6)])
    # Sums of the mean may run in another order; the mean is rounded to a whole number, which hides that.
    np.testing.assert_array_equal(together, alone)


def test_runs_compiled_by_xla():
    images = np.stack([recipe.aug_image_u8(k, (32, 24)) for k in range(4)])
    parameters = Jitter(tf.constant(drawn().order[:4]), tf.constant(drawn().factors[:4]))
    compiled = tf.function(jitter, jit_compile=True)(tf.constant(images), parameters).numpy()
    plain = jitter(tf.constant(images), parameters).numpy()
    # XLA may fuse a product and a sum into one rounding: a value at a whole number is then truncated to the one below,
    # or the 8-bit hue moves by one, which is at most 6 levels and enlarged at most 1.5 * 1.5 times later.
    difference = np.abs(compiled - plain)
    assert (difference > 0).mean() < 0.02
    assert difference.max() <= 13.5


def test_factors_lie_within_the_references_ranges_and_fill_them():
    low, high = drawn().factors.min(axis=0), drawn().factors.max(axis=0)
    ranges = np.array([(0.875, 1.125), (0.5, 1.5), (0.5, 1.5), (-0.05, 0.05)])
    width = ranges[:, 1] - ranges[:, 0]
    assert (low >= ranges[:, 0] - 1e-6).all() and (high <= ranges[:, 1] + 1e-6).all()
    # Of 5,000 even numbers none within 0.2 % of an end has a probability of 0.998**5000 = 4e-5.
    assert (low < ranges[:, 0] + 0.002 * width).all() and (high > ranges[:, 1] - 0.002 * width).all()


@pytest.mark.parametrize("name", OPERATIONS)
def test_factors_are_distributed_as_torchvisions(golden, name):
    recorded = json.loads((golden / "augment_pixels.json").read_text())["jitter_params"][name]
    values = drawn().factors[:, OPERATIONS.index(name)].astype(np.float64)
    both = 1 / recorded["n"] + 1 / values.size
    assert abs(values.mean() - recorded["mean"]) < 3 * recorded["std"] * np.sqrt(both)
    # The variance of a sample variance is sigma^4 (kurtosis - 1) / n; an even distribution has kurtosis 1.8, so the
    # deviation's standard error is sigma sqrt(0.8 / (4 n)).
    assert abs(values.std() - recorded["std"]) < 3 * recorded["std"] * np.sqrt(0.2 * both)


def test_factors_are_independent_of_each_other_and_of_the_order():
    columns = np.concatenate([drawn().factors, drawn().order[:, :3]], axis=1).T
    correlation = np.corrcoef(columns)[:4]
    others = correlation[~np.eye(4, 7, dtype=bool)]
    # A correlation of 5,000 independent pairs has a standard error of 1 / sqrt(5000); four of them for 24 numbers.
    assert np.abs(others).max() < 4 / np.sqrt(5000)


def test_all_24_orders_occur_about_equally_often():
    orders, counts = np.unique(drawn().order, axis=0, return_counts=True)
    assert [tuple(order) for order in orders] == sorted(itertools.permutations(range(4)))
    # Chi square of 23 degrees of freedom: mean 23, standard deviation sqrt(46); four of those.
    expected = 5000 / 24
    assert ((counts - expected) ** 2 / expected).sum() < 23 + 4 * np.sqrt(46)


def test_parameters_are_a_function_of_the_seed():
    one, again, other = (random_jitter(tf.constant(seed)) for seed in ([1, 2], [1, 2], [1, 3]))
    np.testing.assert_array_equal(one.factors, again.factors)
    np.testing.assert_array_equal(one.order, again.order)
    assert (one.factors.numpy() != other.factors.numpy()).all()

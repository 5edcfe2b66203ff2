# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Several replicas: what each gets, and that together they do what one device does."""

import functools
import itertools
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import ssd_tf
from ssd_tf.data import records
from ssd_tf.data.annotations import AnnotatedImage, Category, ClassCount
from ssd_tf.data.color_jitter import Jitter
from ssd_tf.data.examples import TrainBatch
from ssd_tf.data.manifest import Manifest, describe_shard
from ssd_tf.data.pipeline import BatchShard
from ssd_tf.distributed import strategy as strategy_module
from ssd_tf.distributed.strategy import Distribution, make_distribution, split_evenly
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.geometry.detections import Detections
from ssd_tf.models.backbone import freeze_stages
from ssd_tf.models.layers import BatchNorm, synchronize_batch_norm
from ssd_tf.settings import AugmentConfig, DistributionConfig, OptimizerConfig
from ssd_tf.training.monitoring.example_grid import example_grid
from ssd_tf.training.optimizer import make_optimizer
from ssd_tf.training.step import make_train_step, read_result
from tests.fixtures.specs import with_input

TINY = ssd_tf.spec("ssd128_tiny")


@functools.cache
def four_replicas():
    """The only strategy of this process: TensorFlow mixes up the collectives of two with different devices."""
    return Distribution(tf.distribute.MirroredStrategy([f"/cpu:{index}" for index in range(4)]))


@given(total=st.integers(0, 5000), parts=st.integers(1, 64))
def test_parts_make_up_the_whole_and_differ_by_one_at_most(total, parts):
    sizes = split_evenly(total, parts)
    assert (len(sizes), sum(sizes)) == (parts, total)
    assert list(sizes) == sorted(sizes, reverse=True)
    assert sizes[0] - sizes[-1] <= 1


class Replicas:
    """A strategy by its number of replicas alone."""

    def __init__(self, count):
        self.num_replicas_in_sync = count


@pytest.mark.parametrize(
    ("batch_size", "workers", "local"), [(16, 3, 1), (16, 2, 2), (912, 2, 8), (7, 1, 4), (5, 5, 1)]
)
def test_batch_shards_of_the_workers_follow_one_another(batch_size, workers, local):
    strategy = Replicas(workers * local)
    shards = [Distribution(strategy, worker, workers).batch_shard(batch_size) for worker in range(workers)]
    assert [shard.start for shard in shards] == [0, *(shard.stop for shard in shards[:-1])]
    assert shards[-1].stop == batch_size
    assert all(len(shard.sizes) == local for shard in shards)


def test_sixteen_images_on_three_workers_are_six_five_and_five():
    shards = [Distribution(Replicas(3), worker, 3).batch_shard(16) for worker in range(3)]
    assert shards == [BatchShard(0, (6,)), BatchShard(6, (5,)), BatchShard(11, (5,))]


def test_fewer_images_than_replicas_are_refused():
    with pytest.raises(ValueError, match=r"--batch_size: expected an image for each of 4 replicas\. Received: 3"):
        Distribution(Replicas(4)).batch_shard(3)


def test_one_device_is_taken_where_there_is_no_gpu(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    found = make_distribution(DistributionConfig())
    assert (found.replicas, found.workers, found.is_chief) == (1, 1, True)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (DistributionConfig("multi_worker"), "expected the workers in TF_CONFIG, or tasks of SLURM. Received: neither"),
        (
            DistributionConfig("one_device", num_virtual_devices=2),
            "--num_virtual_devices: expected --strategy=mirrored",
        ),
    ],
    ids=["multi_worker", "virtual"],
)
def test_strategy_that_the_machine_does_not_have_is_refused(monkeypatch, config, message):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match=message):
        make_distribution(config)


def test_accelerator_is_the_first_gpu(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert make_distribution(DistributionConfig("one_device")).accelerator is None
    monkeypatch.setattr(strategy_module, "_devices", lambda _: ["/gpu:0", "/gpu:1"])
    assert make_distribution(DistributionConfig("one_device")).accelerator == "/gpu:0"


def numbered_batches(count):
    for number in range(count):
        yield batch(4)._replace(record=tf.constant([number] * 4, tf.int64))
    raise OSError("no more")


def test_images_go_ahead_to_the_accelerator_and_the_rest_stays_on_the_host():
    distribution = Distribution(tf.distribute.get_strategy(), accelerator="/cpu:1")
    found = list(itertools.islice(distribution.ahead(numbered_batches(9)), 5))
    assert [int(part.record[0]) for part in found] == [0, 1, 2, 3, 4]
    for part in found:
        np.testing.assert_array_equal(part.images, batch(4).images)
        assert part.images.device.endswith("CPU:1")
        assert part.classes.device.endswith("CPU:0") and part.record.device.endswith("CPU:0")


def test_batches_are_asked_for_while_the_step_before_them_is_computed():
    asked = []

    def batches():
        for number in itertools.count():
            asked.append(number)
            yield batch(4)

    ahead = Distribution(tf.distribute.get_strategy(), accelerator="/cpu:1").ahead(batches())
    next(ahead)
    deadline = time.monotonic() + 10
    while len(asked) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(asked) == 3  # the one that was given, and two more


def test_failure_of_a_batch_ahead_comes_in_its_turn():
    ahead = Distribution(tf.distribute.get_strategy(), accelerator="/cpu:1").ahead(numbered_batches(2))
    assert [int(next(ahead).record[0]) for _ in range(2)] == [0, 1]
    with pytest.raises(OSError, match="no more"):
        next(ahead)


def test_on_a_cpu_batches_come_as_they_are():
    batches = numbered_batches(1)
    assert Distribution(tf.distribute.get_strategy()).ahead(batches) is batches
    assert Distribution(Replicas(4), accelerator="/gpu:0").ahead(batches) is batches


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """5,003 images of one pixel, each with a box; image k has the id 3 k."""
    folder = tmp_path_factory.mktemp("split")
    encoded = tf.io.encode_png(np.zeros((1, 1, 3), np.uint8)).numpy()
    path = folder / "val-00000-of-00001.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for k in range(5003):
            box = np.array([[0.0, 0.0, 1.0, 1.0]])
            image = AnnotatedImage(3 * k, path, 1, 1, box, np.array([7]), np.array([1.0]), np.array([False]))
            writer.write(records.serialize(image, encoded, {7: "dot"}))
    classes = (ClassCount(Category(7, "dot"), 5003, 5003),)
    return folder, Manifest("val", classes, 5003, 5003, 1, (describe_shard(path, 5003),), {}, {})


def full_image(images):
    """One detection of the whole image for each image."""
    count = tf.shape(images)[0]
    ones = tf.ones([count, 1])
    boxes = tf.tile([[[0.0, 0.0, 1.0, 1.0]]], [count, 1, 1])
    return Detections(boxes, ones, tf.ones([count, 1], tf.int32), tf.ones([count], tf.int32))


@pytest.mark.proof
def test_all_of_5003_images_are_scored_once_on_four_replicas(split):
    folder, manifest = split
    # 30 is no multiple of 4, and 5,003 none of the 32 that it becomes.
    metrics, results, _ = evaluate_split(full_image, folder, manifest, with_input(8), 30, distribution=four_replicas())
    assert [result["image_id"] for result in results] == [3 * k for k in range(5003)]
    assert metrics.summary["AP"] == pytest.approx(1.0, abs=1e-9)


def batch(size, seed=0):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 0.5, (size, 2, 2))
    return TrainBatch(
        images=tf.constant(rng.integers(0, 256, (size, 128, 128, 3)), tf.uint8),
        boxes=tf.constant(np.concatenate([corners, corners + rng.uniform(0.2, 0.5, (size, 2, 2))], -1), tf.float32),
        classes=tf.constant(rng.integers(1, 4, (size, 2)), tf.int32),
        flip=tf.constant(rng.random(size) < 0.5),
        jitter=Jitter(tf.zeros([size, 4], tf.int32), tf.zeros([size, 4])),
        record=tf.range(size, dtype=tf.int64),
        fault=tf.constant([2, 1, 1] + [0] * (size - 3), tf.int32),
    )


def two_steps(distribution, size, frozen, stop=0.0, jit_compile=False, **options):
    """Weights, their average, and what the second step says, always from the same start."""
    keras.utils.set_random_seed(5)
    config = OptimizerConfig(**options)
    with distribution.strategy.scope():
        model, average = (ssd_tf.build_model(TINY, num_classes=3) for _ in range(2))
        average.set_weights(model.get_weights())
        freeze_stages(model, TINY, frozen)
        step = make_train_step(
            TINY,
            model,
            make_optimizer(config, model),
            AugmentConfig(color_jitter=False),
            size,
            clip_gradient_norm=config.clip_gradient_norm,
            average=average,
            ema_decay=0.5,
            jit_compile=jit_compile,
        )
        sizes = distribution.batch_shard(size).sizes
        data = tf.data.Dataset.from_tensors(batch(size)).repeat()
        data = data.rebatch(sizes) if len(sizes) > 1 else data
        for part in itertools.islice(distribution.distribute(data), 2):
            result = read_result(step(part, tf.constant(1e-3), tf.constant(stop)))
        return model.get_weights(), average.get_weights(), result._asdict()


@pytest.mark.proof
@pytest.mark.parametrize("jit_compile", [False, True])
def test_replicas_with_unequal_parts_make_the_steps_of_one_device(jit_compile):
    settings = {"frozen": 2, "clip_gradient_norm": 0.5, "optimizer": "adamw", "weight_decay": 0.1}
    weights, average, result = two_steps(Distribution(tf.distribute.get_strategy()), 7, **settings)
    found, found_average, found_result = two_steps(four_replicas(), 7, stop=1.0, jit_compile=jit_compile, **settings)
    assert (result["stop"], found_result["stop"]) == (0, 4)
    assert (found_result["bad_records"], found_result["bad_images"]) == (1, 2)
    assert found_result == pytest.approx({**result, "stop": 4}, rel=1e-4)
    for one, other in zip((*weights, *average), (*found, *found_average), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)


def normalised(distribution, synchronized, sizes):
    """Outputs of batch norm on nine images, in training, and its running mean and variance after that."""
    with distribution.strategy.scope():
        inputs = keras.Input((4, 4, 2))
        model = keras.Model(inputs, BatchNorm(name="bn")(inputs))
        if synchronized:
            synchronize_batch_norm(model)
        images = np.random.default_rng(4).normal(3.0, 2.0, (9, 4, 4, 2)).astype(np.float32)
        data = tf.data.Dataset.from_tensors(images)
        data = data.rebatch(sizes) if len(sizes) > 1 else data
        compute = distribution.run_gathered(lambda part: model(part, training=True))
        outputs = np.concatenate([compute(part) for part in distribution.distribute(data)])
    layer = model.get_layer("bn")
    return outputs, layer


def test_synchronised_batch_norm_of_unequal_parts_is_that_of_the_whole_batch():
    whole, layer = normalised(Distribution(tf.distribute.get_strategy()), True, (9,))
    parts, found = normalised(four_replicas(), True, (3, 2, 2, 2))
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.moving_mean.numpy(), layer.moving_mean.numpy(), rtol=1e-5)
    np.testing.assert_allclose(found.moving_variance.numpy(), layer.moving_variance.numpy(), rtol=1e-5)


def test_statistics_of_the_replicas_are_read_as_their_mean():
    parts, layer = normalised(four_replicas(), False, (3, 2, 2, 2))
    # Each part is normalised by itself.
    for start, stop in ((0, 3), (3, 5), (5, 7), (7, 9)):
        np.testing.assert_allclose(parts[start:stop].mean(axis=(0, 1, 2)), 0.0, atol=1e-5)
    values = [value.numpy() for value in layer.moving_mean.value.values]
    assert np.abs(values[0] - values[1]).max() > 1e-3
    np.testing.assert_allclose(layer.moving_mean.numpy(), np.mean(values, axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("replicas", [1, 4])
def test_first_part_of_a_batch_can_be_shown(replicas):
    distribution = four_replicas() if replicas == 4 else Distribution(tf.distribute.get_strategy())
    sizes = distribution.batch_shard(7).sizes
    data = tf.data.Dataset.from_tensors(batch(7))
    data = data.rebatch(sizes) if len(sizes) > 1 else data
    with distribution.strategy.scope():
        part = distribution.first_part(next(iter(distribution.distribute(data))))
        grid = example_grid(TINY, part, None, {1: "one", 2: "two", 3: "three"})
    assert part.record.numpy().tolist() == list(range(sizes[0]))
    assert grid.shape == {1: (968, 968, 3), 4: (320, 644, 3)}[replicas]  # 3 x 3 examples, and 1 x 2

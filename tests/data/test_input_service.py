# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The stream through a tf.data service is the local one, whatever the number of workers, or it ends with an error."""

import collections
import contextlib
import itertools
import time

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.input_service import service_dataset, start_dispatcher, start_worker
from ssd_tf.data.pipeline import train_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.settings import AugmentConfig
from tests.fixtures.ports import free_ports
from tests.fixtures.specs import with_input

SIZE, BATCH = 32, 4
NO_END = 10**9


class Service:
    """A dispatcher and its workers in this process."""

    def __init__(self, num_workers: int):
        port, *self.ports = free_ports(1 + num_workers)
        self.address = f"grpc://localhost:{port}"
        self.dispatcher = start_dispatcher(port, [f"localhost:{port}" for port in self.ports])
        self.workers = {}

    def start(self, place: int) -> None:
        self.workers[place] = start_worker(self.address, "localhost", self.ports[place])

    def stop(self) -> None:
        for worker in self.workers.values():
            worker.stop()
        self.dispatcher.stop()


@contextlib.contextmanager
def running(num_workers: int):
    """A service of which all workers are there; the last on the list is the first to come.

    A stream of its own for each test: a worker's stop() takes as long again as the stream has lived.
    """
    service = Service(num_workers)
    for place in reversed(range(num_workers)):
        service.start(place)
    yield service
    service.stop()


def numbers(index: int, count: int) -> tf.data.Dataset:
    return tf.data.Dataset.range(index, NO_END, count)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """The folder and manifest of twelve synthetic images: three batches an epoch."""
    folder = tmp_path_factory.mktemp("split")
    path = shapes.draw_shapes(folder / "drawn", 12, image_size=(80, 64))
    manifest = prepare(read_coco(path, path.parent / "images"), folder / "shards", "train", {}, num_shards=3)
    return folder / "shards", manifest


def batches(split, start_step: int) -> tf.data.Dataset:
    folder, manifest = split
    return train_dataset(
        folder, manifest, with_input(SIZE), BATCH, seed=3, augment=AugmentConfig(), start_step=start_step
    )


def test_stream_of_two_workers_is_the_local_one(split):
    def make(index, count):
        numbered = batches(split, 4).enumerate()
        return numbered.filter(lambda k, _: k % count == index).map(lambda _, batch: batch)

    dataset = batches(split, 0)
    spec, local = dataset.element_spec, list(dataset.take(8))[4:]
    with running(2) as service:
        dataset = service_dataset(make, service.address)
        assert dataset.element_spec == spec
        for ours, theirs in zip(dataset.take(4), local, strict=True):
            for x, y in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
                np.testing.assert_array_equal(x, y)


def test_each_worker_computes_its_own_part_only():
    computed = collections.Counter()

    def note(number):
        computed[int(number)] += 1
        return number

    def make(index, count):
        return numbers(index, count).map(lambda number: tf.numpy_function(note, [number], tf.int64, stateful=False))

    with running(2) as service:
        assert [int(x) for x in service_dataset(make, service.address).take(20)] == list(range(20))
    assert set(computed.values()) == {1}


def test_pieces_of_a_late_worker_keep_their_turn():
    def make(index, count):
        # Worker 0 is slower by far than the 100 ms after which coordinated reads pass over a worker.
        pause = tf.raw_ops.SleepDataset(
            input_dataset=tf.data.experimental.to_variant(numbers(index, count)),
            sleep_microseconds=200_000 if index == 0 else 0,
            output_types=[tf.int64],
            output_shapes=[[]],
        )
        paused = tf.data.experimental.from_variant(pause, tf.TensorSpec([], tf.int64))
        return paused.flat_map(lambda batch: tf.data.Dataset.range(10 * batch, 10 * batch + 3))

    with running(2) as service:
        served = [int(x) for x in service_dataset(make, service.address, pieces=3).take(12)]
    assert served == [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32]


def test_error_of_a_worker_reaches_the_trainer(tmp_path):
    missing = str(tmp_path / "missing.tfrecord")
    with running(1) as service:
        dataset = service_dataset(lambda index, count: tf.data.TFRecordDataset(missing), service.address)
        with pytest.raises(tf.errors.NotFoundError, match=r"missing\.tfrecord"):
            next(iter(dataset))


def test_stream_that_ends_is_an_error():
    with running(2) as service:
        dataset = service_dataset(
            lambda index, count: numbers(index, count).take(2), service.address, batch_timeout_s=5
        )
        seen = []
        with pytest.raises(tf.errors.InvalidArgumentError, match="ended its stream"):
            seen.extend(int(x) for x in dataset)
    assert seen == list(range(len(seen)))


def test_trainer_may_pause_for_longer_than_the_timeout():
    with running(1) as service:
        stream = iter(service_dataset(numbers, service.address, batch_timeout_s=3))
        assert int(next(stream)) == 0
        time.sleep(3.5)
        assert [int(next(stream)) for _ in range(50)] == list(range(1, 51))


def test_stopped_worker_ends_the_stream_with_an_error():
    with running(2) as service:
        stream = iter(service_dataset(numbers, service.address, batch_timeout_s=3))
        assert int(next(stream)) == 0
        service.workers[1].stop()
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"at {service.address} within 3 s. Received: none"):
            list(stream)


def test_worker_that_is_started_anew_ends_the_stream_with_an_error():
    with running(2) as service:
        stream = iter(service_dataset(numbers, service.address, batch_timeout_s=20))
        # Both workers have begun.
        assert [int(next(stream)) for _ in range(4)] == [0, 1, 2, 3]
        service.workers[1].stop()
        service.start(1)
        with pytest.raises(tf.errors.InvalidArgumentError, match="lost its place"):
            list(itertools.islice(stream, 1000))


def test_unreachable_service_is_an_error():
    (port,) = free_ports(1)
    with pytest.raises(OSError, match=f"expected a tf.data service at grpc://localhost:{port}. Received: Connection"):
        service_dataset(numbers, f"grpc://localhost:{port}")


@pytest.mark.parametrize("address", ["localhost:5050", "http://localhost:5050", "grpc://localhost", "grpc://:5050", ""])
def test_malformed_address_is_an_error(address):
    with pytest.raises(ValueError, match=r"expected the address of a tf.data service, grpc://HOST:PORT\. Received"):
        service_dataset(numbers, address)


@pytest.mark.proof
def test_worker_that_never_comes_is_an_error():
    service = Service(2)
    service.start(1)
    # Long enough for a busy machine to answer at all.
    with pytest.raises(OSError, match=r"within 6 s. Received: nothing from the workers at the places \[0\]"):
        service_dataset(numbers, service.address, start_timeout_s=6)
    service.stop()


def test_address_of_a_worker_is_an_error():
    with (
        running(1) as service,
        pytest.raises(ValueError, match=r"expected a dispatcher with a list of workers at .* Received: "),
    ):
        service_dataset(numbers, f"grpc://localhost:{service.ports[0]}")


def test_unlisted_worker_is_an_error():
    service = Service(1)
    (port,) = free_ports(1)
    with pytest.raises(ValueError, match=f"refuses the worker localhost:{port}"):
        start_worker(service.address, "localhost", port)
    service.stop()


@pytest.mark.parametrize("workers", [[], ["localhost"], ["localhost:1", "localhost:1"]])
def test_list_of_workers_must_name_each_once(workers):
    with pytest.raises(ValueError, match=r"expected HOST:PORT of at least one worker, each once\. Received: "):
        start_dispatcher(free_ports(1)[0], workers)


def test_port_in_use_is_an_error():
    with running(1) as service:
        used = int(service.address.rsplit(":", 1)[1])
        with pytest.raises(OSError, match=f"expected a free port. Received: {used}, Address already in use"):
            start_dispatcher(used, ["localhost:1"])
        with pytest.raises(OSError, match=f"expected a free port. Received: {used}, Address already in use"):
            start_worker(service.address, "localhost", used)

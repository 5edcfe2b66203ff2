# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A stream of batches computed by the workers of a tf.data service, in exactly the order of the local stream.

A dispatcher knows a fixed list of n workers. Worker i computes the batches i, i + n, i + 2n, ... and no other, and the
trainer takes one batch of each worker in turn. tf.data service's own ways of sharing one stream out between workers do
not keep its order: dynamic sharding by design, and coordinated reads because they pass over a worker that is late.
"""

import queue
import re
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ssd_tf.utils.errors import UserError

# A trainer that gets no batch for so long gives up. The first batch after a resume needs the longest: all records
# before it are read, though not decoded.
BATCH_TIMEOUT_S = 300.0
# For the dispatcher and all its workers to answer at the start.
START_TIMEOUT_S = 60.0
# An unreachable machine behind a firewall does not refuse a connection, it is silent.
_CONNECT_TIMEOUT_S = 10.0
# Of the clock that measures a timeout. A stream that is closed waits for a few of them.
_TICK_S = 0.1
_FOREVER = np.iinfo(np.int64).max

_service = tf.data.experimental.service
_HINT = _service.ShardingPolicy.HINT


def service_dataset(
    make: Callable[[int, int], tf.data.Dataset],
    service: str,
    pieces: int = 1,
    batch_timeout_s: float = BATCH_TIMEOUT_S,
    start_timeout_s: float = START_TIMEOUT_S,
) -> tf.data.Dataset:
    """The elements of make(0, 1), in the same order, computed by the workers of a service.

    Iterating over the dataset raises a tf.errors.OpError where a worker reports an error, loses its place because it
    was started anew, or where no batch comes for `batch_timeout_s`. A batch out of its turn is never returned.

    Args:
      make: make(index, count) gives the batches index, index + count, index + 2 count, ... of a stream without end
        that is always the same. It is traced here and runs on the workers, so it must not call Python at run time, and
        the files that it names must lie under the same paths on every worker.
      service: the dispatcher, grpc://HOST:PORT.
      pieces: the number of elements that make up a batch.
      batch_timeout_s: seconds without a batch that end the stream with an error.
      start_timeout_s: seconds for the dispatcher and all its workers to answer.

    Raises:
      ValueError: the address has another form, or what listens there is no dispatcher with a list of workers.
      OSError: nothing answers at the address, or not all of the workers are there.
    """
    _check_reachable(service)
    num_workers = _wait_for_workers(service, start_timeout_s)
    streams = [_stream(make, index, num_workers) for index in range(num_workers)]
    # Snappy makes a batch of photographs 8 % smaller, which is not worth the workers' time.
    ids = [_service.register_dataset(service, stream, compression=None) for stream in streams]

    def read(dataset_id: tf.Tensor) -> tf.data.Dataset:
        stream = _service.from_dataset_id(
            _HINT,
            service,
            dataset_id,
            streams[0].element_spec,
            # One on its way and one that waits; else as many of each stream as there are workers.
            max_outstanding_requests=2,
            target_workers="ANY",
        )
        return stream.concatenate(_failing(stream, f"a worker of the tf.data service at {service} ended its stream"))

    dataset = tf.data.Dataset.from_tensor_slices(tf.stack(ids)).interleave(
        read, cycle_length=num_workers, block_length=pieces, num_parallel_calls=num_workers, deterministic=True
    )
    dataset = _in_turn(dataset, num_workers, pieces, service)
    text = f"expected a batch from the tf.data service at {service} within {batch_timeout_s:g} s. Received: none"
    dataset = _with_timeout(dataset, batch_timeout_s, f"{text}; a worker has stopped, or is too slow")
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options)


def start_dispatcher(port: int, worker_addresses: Sequence[str]) -> _service.DispatchServer:
    """A dispatcher that runs until stop() is called.

    Args:
      port: to listen on.
      worker_addresses: HOST:PORT of each worker that will register.

    Raises:
      ValueError: there is no worker, or one twice, or one without a port.
      OSError: the port is in use.
    """
    complete = all(re.fullmatch(r".+:\d+", address) for address in worker_addresses)
    if not worker_addresses or not complete or len(set(worker_addresses)) < len(worker_addresses):
        raise UserError(f"expected HOST:PORT of at least one worker, each once. Received: {list(worker_addresses)}")
    _check_free(port)
    return _service.DispatchServer(_service.DispatcherConfig(port=port, worker_addresses=list(worker_addresses)))


def start_worker(service: str, host: str, port: int) -> _service.WorkerServer:
    """A worker that is registered with its dispatcher and runs until stop() is called.

    Args:
      service: the dispatcher, grpc://HOST:PORT.
      host: the name under which trainers and dispatcher reach this machine; HOST:PORT is on the dispatcher's list.
      port: to listen on.

    Raises:
      ValueError: the dispatcher's address has another form, or the dispatcher refuses this worker.
      OSError: the port is in use, or there is no dispatcher at the address.
    """
    _check_reachable(service)
    _check_free(port)
    dispatcher = urllib.parse.urlsplit(service).netloc
    config = _service.WorkerConfig(dispatcher_address=dispatcher, worker_address=f"{host}:{port}", port=port)
    try:
        return _service.WorkerServer(config)
    except RuntimeError as error:
        raise UserError(f"the dispatcher at {service} refuses the worker {host}:{port}: {error}") from error


def _check_reachable(service: str) -> None:
    host, port = _host_and_port(service)
    try:
        socket.create_connection((host, port), _CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise OSError(f"expected a tf.data service at {service}. Received: {error.strerror or error}") from error


def _host_and_port(service: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(service)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:  # The port is not a number.
        host, port = None, None
    if parts.scheme != "grpc" or not host or not port or parts.path:
        raise UserError(f"expected the address of a tf.data service, grpc://HOST:PORT. Received: {service!r}")
    return host, port


def _check_free(port: int) -> None:
    # gRPC shares a port that is in use with whoever has it, and then each gets a part of the calls.
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("", port))
        except OSError as error:
            raise OSError(f"expected a free port. Received: {port}, {error.strerror}") from error


def _wait_for_workers(service: str, timeout_s: float) -> int:
    """The length of the dispatcher's list, once all workers on it answer."""
    deadline = time.monotonic() + timeout_s
    received = "no answer"
    while True:
        try:
            answers = _within(deadline - time.monotonic(), lambda: _ask_workers(service))
        except TimeoutError as error:
            raise OSError(
                f"expected a tf.data service with all its workers at {service} within {timeout_s:g} s. "
                f"Received: {received}"
            ) from error
        place, end = answers[0]
        if len(answers) == end - place:
            return end - place
        missing = sorted(set(range(end - place)) - {place for place, _ in answers})
        received = f"nothing from the workers at the places {missing} of the dispatcher's list, counted from 0"
        time.sleep(1)


def _ask_workers(service: str) -> list[tuple[int, int]]:
    """(place in the dispatcher's list, place + length of the list) of each registered worker; at least one."""
    hint = tf.data.experimental.SHARD_HINT
    dataset = tf.data.Dataset.range(_FOREVER).shard(hint, hint).take(2).batch(2)
    try:
        dataset = dataset.apply(_service.distribute(_HINT, service, target_workers="ANY"))
        answers = []
        for place, end in dataset.as_numpy_iterator():
            answers.append((place, end))
            if len(answers) == end - place:
                break
        return answers
    except tf.errors.OpError as error:
        raise UserError(f"expected a dispatcher with a list of workers at {service}. Received: {error}") from error


def _within(timeout_s: float, call: Callable[[], Any]) -> Any:
    """What the call returns, or TimeoutError. TensorFlow's own calls to a service wait for an hour or without end."""
    done: queue.SimpleQueue = queue.SimpleQueue()

    def run():
        try:
            done.put((call(), None))
        except Exception as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = done.get(timeout=max(timeout_s, 0))
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return result


def _stream(make: Callable[[int, int], tf.data.Dataset], index: int, count: int) -> tf.data.Dataset:
    """(number, element) of what worker `index` computes; on the other workers it is empty."""
    hint = tf.data.experimental.SHARD_HINT
    # One number on each worker: its place in the dispatcher's list.
    places = tf.data.Dataset.range(count).shard(hint, hint)
    return places.filter(lambda place: place == index).flat_map(lambda _: make(index, count)).enumerate()


def _in_turn(dataset: tf.data.Dataset, num_workers: int, pieces: int, service: str) -> tf.data.Dataset:
    """The elements of (number in its stream, element), as long as each comes in its turn."""
    text = f"a worker of the tf.data service at {service} lost its place, as one that is started anew does"

    def check(turn, numbered):
        number, element = numbered
        expected = turn // (num_workers * pieces) * pieces + turn % pieces
        tf.debugging.Assert(number == expected, [f"{text}: expected its element", expected, "Received:", number])
        return element

    return dataset.enumerate().map(check)


def _with_timeout(dataset: tf.data.Dataset, timeout_s: float, text: str) -> tf.data.Dataset:
    """The same elements, and an error with this text where one takes longer.

    A clock ticks beside the elements; they are taken as they come, and an element sets the count of ticks to zero.
    While nobody takes elements the clock stands still, so a trainer may do other things for as long as it likes.
    """
    spec = dataset.element_spec
    optional = tf.experimental.Optional
    elements = dataset.map(lambda *parts: optional.from_value(tf.nest.pack_sequence_as(spec, tf.nest.flatten(parts))))
    clock = _every(_TICK_S).map(lambda _: optional.empty(spec))

    def count(ticks, element):
        ticks = tf.where(element.has_value(), 0, ticks + 1)
        tf.debugging.Assert(ticks < int(timeout_s / _TICK_S), [text])
        return ticks, element

    # How many to take of each; -1 is all.
    takes = tf.data.Dataset.from_tensor_slices(tf.constant([[-1, 0], [0, -1]], tf.int64))
    both = takes.interleave(
        lambda take: elements.take(take[0]).concatenate(clock.take(take[1])),
        cycle_length=2,
        num_parallel_calls=2,
        deterministic=False,
    )
    both = both.scan(0, count).filter(lambda element: element.has_value())
    return both.map(lambda element: element.get_value())


def _every(seconds: float) -> tf.data.Dataset:
    """An element every so many seconds."""
    numbers = tf.data.Dataset.range(_FOREVER)
    sleeping = tf.raw_ops.SleepDataset(
        input_dataset=tf.data.experimental.to_variant(numbers),
        sleep_microseconds=int(seconds * 1e6),
        output_types=[tf.int64],
        output_shapes=[[]],
    )
    return tf.data.experimental.from_variant(sleeping, numbers.element_spec)


def _failing(like: tf.data.Dataset, text: str) -> tf.data.Dataset:
    """A dataset with the element spec of another one, that raises an error with this text."""

    def fail(_):
        tf.debugging.Assert(False, [text])
        return like.take(0)

    return tf.data.Dataset.range(1).flat_map(fail)

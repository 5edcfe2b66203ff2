# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Dispatcher and worker as programs: they serve a stream, end with status 0 at a signal, and refuse a port in use."""

import contextlib
import signal
import subprocess
import threading
import time
import types

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.apps import input_service
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.input_service import service_dataset
from ssd_tf.data.pipeline import train_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.settings import AugmentConfig
from tests.apps.conftest import ROOT, command, run
from tests.fixtures.ports import free_ports
from tests.fixtures.specs import with_input


@contextlib.contextmanager
def started(*flags: str):
    with subprocess.Popen(command("input_service", *flags), cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen, words: str) -> str:
    """The first line on stderr with these words."""
    seen = []
    for line in process.stderr or ():
        seen.append(line)
        if words in line:
            return line
    raise AssertionError(f"expected {words!r} on stderr. Received: {seen}")


def seconds_to_end(process: subprocess.Popen, number: signal.Signals) -> float:
    start = time.monotonic()
    process.send_signal(number)
    process.wait(timeout=60)
    return time.monotonic() - start


@pytest.mark.proof
def test_dispatcher_and_worker_serve_the_local_stream_until_a_signal(tmp_path):
    path = shapes.draw_shapes(tmp_path / "drawn", 12, image_size=(80, 64))
    manifest = prepare(read_coco(path, path.parent / "images"), tmp_path, "train", {}, num_shards=3)

    def make(index, count):
        assert (index, count) == (0, 1)
        return train_dataset(tmp_path, manifest, with_input(32), 4, seed=3, augment=AugmentConfig())

    port, worker_port = free_ports(2)
    address = f"grpc://127.0.0.1:{port}"
    listed = f"--workers=127.0.0.1:{worker_port}"
    as_worker = ("--role=worker", f"--dispatcher={address}", "--host=127.0.0.1", f"--port={worker_port}")
    with started("--role=dispatcher", f"--port={port}", listed) as dispatcher:
        assert read_until(dispatcher, "--input_service").endswith(f":{port}\n")
        second = run("input_service", "--role=dispatcher", f"--port={port}", listed)
        with started(*as_worker) as worker:
            read_until(worker, f"worker 127.0.0.1:{worker_port}")
            stream = iter(service_dataset(make, address))
            for ours, theirs in zip(stream, make(0, 1).take(4), strict=False):
                for x, y in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
                    np.testing.assert_array_equal(x, y)
            # While a trainer still reads.
            assert seconds_to_end(worker, signal.SIGTERM) < 3
            assert seconds_to_end(dispatcher, signal.SIGINT) < 3
    assert (worker.returncode, dispatcher.returncode) == (0, 0)
    assert second.returncode == 1
    assert second.stderr == f"error: expected a free port. Received: {port}, Address already in use\n"


def test_dispatcher_serves_in_another_thread_than_the_main_one(monkeypatch):
    # Python sets signal handlers in the main thread alone; there they stay as they are.
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    served = []
    monkeypatch.setattr(input_service, "_serve", served.append)
    (port,) = free_ports(1)
    args = types.SimpleNamespace(role="dispatcher", port=port, workers=["localhost:1"])
    thread = threading.Thread(target=input_service.main, args=(args,))
    thread.start()
    thread.join()
    assert len(served) == 1
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before

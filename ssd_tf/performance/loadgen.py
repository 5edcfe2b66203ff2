# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A detector under MLPerf's LoadGen (package mlcommons-loadgen): its queries and its clock.

LoadGen runs in a thread of its own. Images are loaded and the model is called in the caller's thread, so that errors
and Ctrl-C come out there: LoadGen itself aborts the process when a callback raises. Letters: B, S as in the design.
"""

import collections
import dataclasses
import itertools
import pathlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from ssd_tf.geometry.detections import Detections
from ssd_tf.performance.loadgen_images import SplitImages
from ssd_tf.performance.loadgen_log import log_rows, require_whole, start_logs
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import make_folder
from ssd_tf.utils.imports import import_extra

SCENARIOS = ("SingleStream", "MultiStream", "Offline", "Server")
MODES = {"performance": "PerformanceOnly", "accuracy": "AccuracyOnly"}
# The bound of MLPerf's Server scenario for SSD-ResNet34 is 100 ms.
SERVER_LATENCY_MS = 100.0
# Fewer queries are never enough for LoadGen to find a SingleStream test valid.
MIN_QUERIES = 64

# LoadGen's default, and what MLPerf's rules ask for.
_SAMPLES_PER_QUERY = 8
# LoadGen prepares its queries by the speed to expect, and ends too early where the model is faster.
_FASTER = 1.25
# By default a server is asked for half of what the model can do, since queries come in bursts.
_SERVER_LOAD = 0.5
# After an error LoadGen gets empty answers, to come to its end; in the Server scenario that may be far away.
_END_SECONDS = 2.0

Predict = Callable[[tf.Tensor], Detections]


@dataclasses.dataclass(frozen=True)
class LoadGenConfig:
    """A test of LoadGen's.

    Attributes:
      scenario: one of SCENARIOS. SingleStream: one image after the other; MultiStream: eight at a time; Offline: all
        at once; Server: single ones at random times.
      mode: "performance" measures; "accuracy" asks for each image once and logs the answers.
      batch_size: most images in a step of the model. Smaller steps are powers of two.
      target_qps: images a second, that a Server test sends and that an Offline test is prepared for; 0 takes it from
        the speed of the model in the warm-up.
      target_latency_ms: within which 99 % of a Server test's answers must come.
      min_duration_seconds, min_queries: a performance test lasts until both are reached. In Offline, which is one
        query, min_queries counts images.
      loaded_images: at most so many are in memory; a performance test uses only these.

    Raises:
      ValueError: a value is out of its range.
    """

    scenario: str = "SingleStream"
    mode: str = "performance"
    batch_size: int = 8
    target_qps: float = 0.0
    target_latency_ms: float = SERVER_LATENCY_MS
    min_duration_seconds: float = 10.0
    min_queries: int = MIN_QUERIES
    loaded_images: int = 1024

    def __post_init__(self):
        for name, known in (("scenario", SCENARIOS), ("mode", tuple(MODES))):
            if getattr(self, name) not in known:
                raise UserError(f"{name}: expected one of {', '.join(known)}. Received: {getattr(self, name)!r}")
        for name in ("batch_size", "min_queries", "loaded_images"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}: expected 1 or more. Received: {getattr(self, name)}")
        for name in ("target_qps", "target_latency_ms", "min_duration_seconds"):
            if getattr(self, name) < 0:
                raise UserError(f"{name}: expected 0 or more. Received: {getattr(self, name)}")


def run_test(
    predict: Predict, split_images: SplitImages, config: LoadGenConfig, output_dir: str | pathlib.Path
) -> pathlib.Path:
    """Runs one test to its end; LoadGen's logs in output_dir take the place of those of an earlier one.

    Each size of batch is tried before the test, so that nothing is compiled while LoadGen's clock runs.

    Args:
      predict: uint8 RGB [B, S, S, 3] -> Detections.
      split_images: what LoadGen asks for.
      config: the test.
      output_dir: made where it is not there.

    Returns:
      The summary that LoadGen wrote.

    Raises:
      ValueError: LoadGen is not installed.
      OSError: the logs cannot be written.
      What `predict` raises. LoadGen cannot be stopped: its thread may then continue for a while, and a process that
        ends before it does is aborted; leave it with os._exit.
    """
    loadgen = import_extra("mlperf_loadgen")
    folder = pathlib.Path(output_dir)
    make_folder(folder)
    logs = start_logs(loadgen, folder)
    sizes = _batch_sizes(1 if config.scenario == "SingleStream" else config.batch_size)
    seconds = {size: _warm_up(predict, size, split_images.spec.image_size) for size in sizes}
    _Test(loadgen, predict, split_images, sizes).run(_test_settings(loadgen, config, seconds), logs, config)
    return require_whole(folder)


@dataclasses.dataclass(frozen=True)
class _Load:
    """LoadGen waits until these images are in memory."""

    indexes: list[int]
    done: threading.Event = dataclasses.field(default_factory=threading.Event)


@dataclasses.dataclass(frozen=True)
class _Unload:
    indexes: list[int]


@dataclasses.dataclass(frozen=True)
class _Query:
    """LoadGen's number of each sample, and the image that it is about."""

    samples: list[tuple[int, int]]


class _End:
    """The test is over."""


class _Test:
    """What LoadGen asks for, in the order in which it came, and the answers ("system under test")."""

    def __init__(self, loadgen: Any, predict: Predict, split_images: SplitImages, sizes: list[int]):
        self._loadgen, self._predict, self._images, self._sizes = loadgen, predict, split_images, sizes
        self._arrived: queue.SimpleQueue[_Load | _Unload | _Query | _End] = queue.SimpleQueue()
        self._waiting: collections.deque[tuple[int, int]] = collections.deque()

    def run(self, test_settings: Any, log_settings: Any, config: LoadGenConfig) -> None:
        sut = self._loadgen.ConstructSUT(self._issue, lambda: None)
        loaded = min(config.loaded_images, len(self._images))
        qsl = self._loadgen.ConstructQSL(
            len(self._images), loaded, self._load, lambda indexes: self._arrived.put(_Unload(indexes))
        )

        def start():
            try:
                self._loadgen.StartTestWithLogSettings(sut, qsl, test_settings, log_settings)
            finally:
                self._arrived.put(_End())

        thread = threading.Thread(target=start, name="LoadGen", daemon=True)
        thread.start()
        try:
            with tqdm.tqdm(unit="img", desc=f"LoadGen {config.scenario}", leave=False) as progress:
                self._serve(progress)
        except BaseException:
            self._answer_nothing(time.monotonic() + _END_SECONDS)
            raise
        thread.join()
        self._loadgen.DestroyQSL(qsl)
        self._loadgen.DestroySUT(sut)

    def _issue(self, samples: list[Any]) -> None:
        self._arrived.put(_Query([(sample.id, sample.index) for sample in samples]))

    def _load(self, indexes: list[int]) -> None:
        request = _Load(indexes)
        self._arrived.put(request)
        request.done.wait()

    def _serve(self, progress: tqdm.tqdm) -> None:
        """Answers until the test is over."""
        while True:
            while not self._waiting or not self._arrived.empty():
                match self._arrived.get():
                    case _Query(samples):
                        self._waiting.extend(samples)
                    case _Load(indexes, done):
                        try:
                            self._images.load(indexes)
                        finally:
                            done.set()
                    case _Unload(indexes):
                        self._images.unload(indexes)
                    case _End():
                        return
            size = max(size for size in self._sizes if size <= len(self._waiting))
            batch = list(itertools.islice(self._waiting, size))
            images = np.stack([self._images[index] for _, index in batch])
            found = Detections(*(np.asarray(values) for values in self._predict(tf.constant(images))))
            answers = [(number, log_rows(found, k, index)) for k, (number, index) in enumerate(batch)]
            # Only now: what an error leaves waiting gets an empty answer, and LoadGen takes none twice.
            for _ in batch:
                self._waiting.popleft()
            self._answer(answers)
            progress.update(size)

    def _answer(self, answers: list[tuple[int, np.ndarray]]) -> None:
        response = self._loadgen.QuerySampleResponse
        # LoadGen copies the numbers before this returns.
        self._loadgen.QuerySamplesComplete([response(number, x.ctypes.data, x.nbytes) for number, x in answers])

    def _answer_nothing(self, deadline: float) -> None:
        """Lets LoadGen continue without the model: until the test is over, or the deadline (time.monotonic) is."""
        nothing = np.zeros(0, np.float32)
        item = _Query(list(self._waiting))
        while not isinstance(item, _End):
            if isinstance(item, _Query):
                self._answer([(number, nothing) for number, _ in item.samples])
            elif isinstance(item, _Load):
                item.done.set()
            elif isinstance(item, _Unload):
                self._images.unload(item.indexes)
            try:
                item = self._arrived.get(timeout=max(deadline - time.monotonic(), 0.0))
            except queue.Empty:
                return


def _batch_sizes(largest: int) -> list[int]:
    """1, 2, 4, ... and the largest: any number of images is made of these, and few are to be compiled."""
    sizes = [1]
    while sizes[-1] * 2 < largest:
        sizes.append(sizes[-1] * 2)
    return sizes if largest == 1 else [*sizes, largest]


def _warm_up(predict: Predict, size: int, image_size: int) -> float:
    """Seconds for a batch of this size, once it is compiled."""
    images = tf.zeros([size, image_size, image_size, 3], tf.uint8)
    np.asarray(predict(images).count)
    start = time.perf_counter()
    np.asarray(predict(images).count)
    return time.perf_counter() - start


def _test_settings(loadgen: Any, config: LoadGenConfig, seconds: dict[int, float]) -> Any:
    """LoadGen's settings; seconds: of a batch of each size."""
    largest = max(seconds)
    single, together = seconds[1], seconds[largest] / largest
    settings = loadgen.TestSettings()
    settings.scenario = getattr(loadgen.TestScenario, config.scenario)
    settings.mode = getattr(loadgen.TestMode, MODES[config.mode])
    settings.min_duration_ms = round(config.min_duration_seconds * 1000)
    settings.min_query_count = config.min_queries
    settings.single_stream_expected_latency_ns = round(single / _FASTER * 1e9)
    settings.multi_stream_samples_per_query = _SAMPLES_PER_QUERY
    settings.multi_stream_expected_latency_ns = round(together * _SAMPLES_PER_QUERY / _FASTER * 1e9)
    settings.offline_expected_qps = config.target_qps or _FASTER / together
    settings.server_target_qps = config.target_qps or _SERVER_LOAD / single
    settings.server_target_latency_ns = round(config.target_latency_ms * 1e6)
    return settings

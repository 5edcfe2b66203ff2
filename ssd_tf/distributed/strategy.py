# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""One device, several GPUs, several machines: which strategy a run has, and which part of each batch is whose.

A replica is a copy of the model on one device; a worker is a process. Batches are cut into one piece for each replica,
as equal as can be, in the order of the replicas; so what a batch holds does not depend on their number.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf.data.examples import TrainBatch
from ssd_tf.data.pipeline import BatchShard
from ssd_tf.distributed import workers
from ssd_tf.settings import DistributionConfig
from ssd_tf.utils.errors import UserError

# Batches whose images are on their way to the one device, or there. With one, its copy could come to wait for the step
# before it, and the device for the copy.
_AHEAD = 2


@dataclasses.dataclass(frozen=True)
class Distribution:
    """A strategy, and this process's place in it.

    Attributes:
      worker: the number of this process, from 0; worker 0 is the chief, who writes checkpoints and reports.
      workers: how many processes there are.
      accelerator: the first GPU, where the model is on GPUs.
    """

    strategy: tf.distribute.Strategy
    worker: int = 0
    workers: int = 1
    accelerator: str | None = None

    @property
    def is_chief(self) -> bool:
        return self.worker == 0

    @property
    def replicas(self) -> int:
        return self.strategy.num_replicas_in_sync

    def batch_shard(self, batch_size: int) -> BatchShard:
        """This worker's part of each batch.

        Raises:
          ValueError: there are more replicas than images in a batch.
        """
        if batch_size < self.replicas:
            raise UserError(
                f"--batch_size: expected an image for each of {self.replicas} replicas. Received: {batch_size}"
            )
        sizes = split_evenly(batch_size, self.replicas)
        local = self.replicas // self.workers  # MultiWorkerMirroredStrategy wants the same number on each
        first = self.worker * local
        return BatchShard(sum(sizes[:first]), sizes[first : first + local])

    def distribute(self, dataset: tf.data.Dataset) -> tf.distribute.DistributedDataset | tf.data.Dataset:
        """The dataset of this worker's batch shard, its pieces handed to the replicas in turn."""
        if self.replicas == 1:
            return dataset
        options = tf.distribute.InputOptions(experimental_fetch_to_device=True)
        return self.strategy.distribute_datasets_from_function(lambda _: dataset, options)

    def ahead(self, batches: Generator[TrainBatch, None, None]) -> Generator[TrainBatch, None, None]:
        """The same batches, without end; their images go to the one accelerator while it computes on others.

        On a CPU, and on several devices, whose strategy does it by itself, these are the batches as they come.
        """
        if self.replicas > 1 or self.accelerator is None:
            return batches
        return _images_ahead(batches, self.accelerator)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The scope of the strategy. All workers leave it together; WorkerLostError where one of them is lost."""
        if self.workers == 1:
            with self.strategy.scope():
                yield
            return
        with workers.lost_workers_named(self.worker), self.strategy.scope():
            yield
            # A worker that ends before the others are done would be lost to them.
            self.barrier()

    def barrier(self) -> None:
        """Returns when all workers have called it."""
        if self.workers > 1:
            self.gather(tf.zeros([1]))

    def gather(self, value) -> np.ndarray:
        """The values of all replicas of all workers, one after the other along the first axis. All must call it."""
        if self.replicas > 1:
            value = self.strategy.gather(value, axis=0)
        return value.numpy()

    def first_part(self, batch: Any) -> Any:
        """The part of a batch that the first replica of this process has."""
        return tf.nest.map_structure(lambda value: self.strategy.experimental_local_results(value)[0], batch)

    def run_gathered(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The function, called in each replica with its part; its results are gathered as by `gather`.

        It is compiled once: each `gather` by itself builds a graph, which takes longer than a small batch.
        """
        if self.replicas == 1:
            return lambda part: tf.nest.map_structure(np.asarray, function(part))

        @tf.function
        def compute(parts):
            with self.strategy.scope():
                results = self.strategy.run(function, args=(parts,))
                return tf.nest.map_structure(lambda value: self.strategy.gather(value, axis=0), results)

        return lambda parts: tf.nest.map_structure(lambda value: value.numpy(), compute(parts))

    def require_same(self, what: str, number: int) -> None:
        """Raises ValueError where the workers do not have the same number."""
        if self.workers > 1:
            numbers = self.gather(self.strategy.run(lambda: tf.constant([number], tf.int64)))
            if len(set(numbers.tolist())) > 1:
                raise UserError(
                    f"expected the same {what} in all workers, since they share one --model_dir. "
                    f"Received: {numbers.tolist()}"
                )


def split_evenly(total: int, parts: int) -> tuple[int, ...]:
    """`parts` numbers whose sum is `total`, the larger ones first."""
    return tuple(total // parts + (index < total % parts) for index in range(parts))


def _images_ahead(batches: Iterator[TrainBatch], device: str) -> Generator[TrainBatch, None, None]:
    """Copies in a thread, since a copy blocks until what the device was given before is done.

    Only the images, nearly all of a batch. tf.data's prefetch_to_device would put int32 values there as well, which a
    compiled function wants on the host: at each step it would fetch them back, and wait for the device.
    """

    def fetch() -> TrainBatch:
        batch = next(batches)
        with tf.device(device):
            return batch._replace(images=tf.identity(batch.images))

    loader = concurrent.futures.ThreadPoolExecutor(1, "images-ahead")
    try:
        coming = collections.deque(loader.submit(fetch) for _ in range(_AHEAD))
        while True:
            batch = coming.popleft().result()
            coming.append(loader.submit(fetch))
            yield batch
    finally:
        loader.shutdown(wait=False, cancel_futures=True)


def make_distribution(config: DistributionConfig) -> Distribution:
    """The strategy that the settings ask for. To be called first: TensorFlow's first operation fixes its devices.

    Raises:
      ValueError: the machine or TF_CONFIG does not have what is asked for.
      TimeoutError: other workers did not start.
    """
    cluster = workers.find_cluster()
    several_workers = cluster is not None and len(cluster.addresses) > 1
    name = config.strategy
    if name == "multi_worker" and cluster is None:
        raise UserError(
            "--strategy=multi_worker: expected the workers in TF_CONFIG, or tasks of SLURM. Received: neither"
        )
    if config.num_virtual_devices and (several_workers or name in ("one_device", "multi_worker")):
        raise UserError("--num_virtual_devices: expected --strategy=mirrored, in one process")
    if config.num_virtual_devices:
        _split_cpu(config.num_virtual_devices)
    devices = _devices(config.num_virtual_devices)
    if name == "auto":
        name = "multi_worker" if several_workers else "mirrored" if len(devices) > 1 else "one_device"
    accelerator = devices[0] if devices[0].startswith("/gpu") else None
    if name == "multi_worker" and cluster is not None:
        return Distribution(workers.join(cluster), cluster.index, len(cluster.addresses), accelerator)
    if several_workers:
        logging.warning("--strategy=%s: TF_CONFIG or SLURM name other workers, which this run does not use", name)
    if name == "one_device":
        return Distribution(tf.distribute.get_strategy(), accelerator=accelerator)
    return Distribution(tf.distribute.MirroredStrategy(devices), accelerator=accelerator)


def _split_cpu(count: int) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)


def _devices(num_virtual_devices: int) -> list[str]:
    """The GPUs, or the pieces of the CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and not num_virtual_devices:
        return [f"/gpu:{index}" for index in range(len(gpus))]
    return [f"/cpu:{index}" for index in range(max(num_virtual_devices, 1))]

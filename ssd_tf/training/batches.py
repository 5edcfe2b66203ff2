# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The batches of a run: those of this process, from the step on at which it starts, from here or from a service."""

from collections.abc import Generator, Iterator

import tensorflow as tf

from ssd_tf.data.examples import TrainBatch
from ssd_tf.data.input_service import service_dataset
from ssd_tf.data.pipeline import train_dataset
from ssd_tf.distributed.strategy import Distribution
from ssd_tf.settings import TrainConfig
from ssd_tf.training.plan import Plan
from ssd_tf.utils.errors import first_line


def train_batches(
    step: int, config: TrainConfig, plan: Plan, distribution: Distribution
) -> Generator[TrainBatch, None, None]:
    """The TrainBatches after the first `step` of a run, without end. Under several replicas each has a part for each.

    Raises:
      OSError: the tf.data service that loads them does not answer; and later, where it failed.
    """
    batch_shard, service = distribution.batch_shard(config.batch_size), config.distribution.input_service

    def make(index: int, count: int) -> tf.data.Dataset:
        return train_dataset(
            config.data_dir,
            plan.train_manifest,
            plan.spec,
            config.batch_size,
            config.seed,
            config.augment,
            start_step=step,
            batch_shard=batch_shard,
            service_worker=(index, count),
            keep_background=config.keep_background_images,
        )

    dataset = service_dataset(make, service, len(batch_shard.sizes)) if service else make(0, 1)
    return distribution.ahead(failures_named(iter(distribution.distribute(dataset)), service))


def failures_named(batches: Iterator[TrainBatch], service: str) -> Generator[TrainBatch, None, None]:
    """The same batches; raises OSError where a tf.data service has none, since another machine's end is no bug."""
    try:
        yield from batches
    except tf.errors.OpError as error:
        if not service:
            raise
        raise OSError(f"the tf.data service at {service} failed: {first_line(error)}") from error

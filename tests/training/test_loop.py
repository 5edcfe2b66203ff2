# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the loop makes of a stream of batches that breaks off."""

from collections.abc import Iterator

import pytest
import tensorflow as tf

from ssd_tf.training.loop import _next_batch
from ssd_tf.utils.errors import UserError, mistakes


def broken_off() -> Iterator[object]:
    """As a dataset of `service_dataset`, one of whose workers was started anew."""
    dataset = tf.data.Dataset.range(2)

    def check(number):
        tf.debugging.Assert(number < 1, ["a worker of the tf.data service at grpc://a:1 lost its place"])
        return number

    return iter(dataset.map(check))


def test_service_that_breaks_off_is_an_error_of_the_machine_s_and_names_it():
    batches = broken_off()
    assert int(_next_batch(batches, "grpc://a:1")) == 0
    with pytest.raises(OSError, match=r"the tf\.data service at grpc://a:1 failed: .*lost its place") as failed:
        _next_batch(batches, "grpc://a:1")
    assert isinstance(failed.value, mistakes())


def test_error_of_our_own_pipeline_stays_what_it_is():
    batches = broken_off()
    next(batches)
    with pytest.raises(tf.errors.InvalidArgumentError):
        _next_batch(batches, "")
    assert not issubclass(tf.errors.InvalidArgumentError, UserError)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a run makes of a stream of batches that breaks off."""

from collections.abc import Iterator
from typing import Any

import pytest
import tensorflow as tf

from ssd_tf.training.batches import failures_named
from ssd_tf.utils.errors import mistakes


def broken_off() -> Iterator[Any]:
    """As a dataset of `service_dataset`, one of whose workers was started anew."""
    dataset = tf.data.Dataset.range(2)

    def check(number):
        tf.debugging.Assert(number < 1, ["a worker of the tf.data service at grpc://a:1 lost its place"])
        return number

    return iter(dataset.map(check))


def test_service_that_breaks_off_is_an_error_of_the_machine_s_and_names_it():
    batches = failures_named(broken_off(), "grpc://a:1")
    assert int(next(batches)) == 0
    with pytest.raises(OSError, match=r"the tf\.data service at grpc://a:1 failed: .*lost its place") as failed:
        next(batches)
    assert isinstance(failed.value, mistakes())


def test_error_of_our_own_pipeline_stays_what_it_is():
    batches = failures_named(broken_off(), "")
    next(batches)
    with pytest.raises(tf.errors.InvalidArgumentError) as failed:
        next(batches)
    assert not isinstance(failed.value, mistakes())

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The beginning of a program that takes 50 ms to serialise an image, so that it can be stopped in the middle."""

SLOW_RECORDS = """
import time
from ssd_tf.data import records
serialize = records.serialize
def slowly(*args):
    time.sleep(0.05)
    return serialize(*args)
records.serialize = slowly
"""

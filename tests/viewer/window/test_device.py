# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The name of the processor is the one that the system gives, without what says nothing."""

import pathlib
import re

import pytest
import tensorflow as tf

from ssd_tf.viewer.window.device import cpu_name, device_name

CPUINFO = pathlib.Path("/proc/cpuinfo")


@pytest.mark.skipif(
    not CPUINFO.is_file() or "model name" not in CPUINFO.read_text(), reason="no /proc/cpuinfo names it"
)
def test_name_has_every_word_of_the_system_s_that_says_something():
    found = re.search(r"model name\s*: (.+)", CPUINFO.read_text())
    assert found
    name = cpu_name()
    said = [word for word in re.sub(r"\((R|TM|C)\)", " ", found[1]).split() if word not in ("CPU", "Processor")]
    assert said and name.split() == said
    assert "(R)" not in name and "  " not in name


def test_device_of_a_keras_model_is_the_gpu_where_there_is_one(predictor):
    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    assert device_name(predictor) == (f"GPU {details['device_name']}" if gpus else f"CPU {cpu_name()}")

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The name of the processor that a model runs on."""

import pathlib
import platform
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssd_tf.inference.predictor import AnyPredictor


def device_name(predictor: "AnyPredictor") -> str:
    """What a predictor runs on, such as "GPU NVIDIA H100" or "CPU Intel Xeon ..."."""
    import tensorflow as tf

    from ssd_tf.export.exported import LiteRTPredictor, OnnxPredictor

    gpus = tf.config.list_physical_devices("GPU")
    # The two run on the CPU here, whatever else there is.
    if not gpus or isinstance(predictor, LiteRTPredictor | OnnxPredictor):
        return f"CPU {cpu_name()}"
    name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "")
    return f"GPU {name}".strip()


def cpu_name() -> str:
    """As the system names it, without what says nothing: "Intel Xeon Gold 6130 @ 2.10GHz"."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.is_file() else None
    name = found.group(1) if found else platform.processor() or platform.machine()
    return " ".join(re.sub(r"\((R|TM|C)\)|\bCPU\b|\bProcessor\b", " ", name, flags=re.IGNORECASE).split())

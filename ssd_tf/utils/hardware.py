# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the machine is, and how much of its memory this process has. Imports no TensorFlow by itself."""

import contextlib
import functools
import pathlib
import platform
import re
import resource
import sys
from typing import Any

import cpuinfo
import psutil

_STATUS = pathlib.Path("/proc/self/status")


def used_megabytes() -> dict[str, float]:
    """For a run's report: host_memory_mb now, and gpu_memory_mb at the most so far where there are GPUs."""
    on_gpus = gpu_bytes()
    found = {"host_memory_mb": host_bytes() / 1e6}
    return found if on_gpus is None else {**found, "gpu_memory_mb": on_gpus / 1e6}


def host_bytes() -> int:
    """Bytes of the host's memory that the process has now."""
    return psutil.Process().memory_info().rss


def host_peak_bytes() -> int:
    """The most that it had. Of this process alone on Linux; getrusage may know that of the one that started it."""
    # psutil has no peak on Linux and macOS.
    return _from_status("VmHWM") or _peak_of_usage()


def gpu_bytes() -> int | None:
    """Bytes that TensorFlow has taken on this machine's GPUs, at the most so far; None where there is no GPU."""
    import tensorflow as tf

    # Not the logical devices: in a run of several workers those are of all machines.
    count = len(tf.config.list_physical_devices("GPU"))
    if not count:
        return None
    return sum(tf.config.experimental.get_memory_info(f"GPU:{index}")["peak"] for index in range(count))


def cpu_name() -> str:
    """As the processor names itself, without what says nothing: "Intel Xeon Gold 6130 @ 2.10GHz"."""
    name = _cpu().get("brand_raw") or platform.processor() or platform.machine()
    return " ".join(re.sub(r"\((R|TM|C)\)|\bCPU\b|\bProcessor\b", " ", name, flags=re.IGNORECASE).split())


def cpu_flags() -> frozenset[str]:
    """The instruction sets of the processor as Linux names them, such as "avx512_bf16"."""
    return frozenset(_cpu().get("flags", ()))


@functools.cache  # it takes a second, most of it to measure the clock
def _cpu() -> dict[str, Any]:
    return cpuinfo.get_cpu_info()


def _from_status(field: str) -> int:
    """A field of /proc/self/status in bytes; 0 where it is not there."""
    found = re.search(rf"{field}:\s*(\d+) kB", _STATUS.read_text()) if _STATUS.is_file() else None
    return int(found[1]) * 1024 if found else 0


def _peak_of_usage() -> int:
    # macOS counts bytes, other systems kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def grow_gpu_memory() -> None:
    """Imports TensorFlow, and lets it take a GPU's memory as it needs it, so that several programs fit on one.

    Once TensorFlow has used a GPU this cannot change, and stays as it is.
    """
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)

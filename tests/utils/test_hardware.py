# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The memory of this process, by taking some; the processor, as it and Linux name it."""

import pathlib
import platform
import resource
import sys

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.utils import hardware

TAKEN = 200_000_000
CPUINFO = pathlib.Path("/proc/cpuinfo")


def test_memory_that_is_taken_counts_and_that_given_back_does_not():
    before = hardware.host_bytes()
    taken = np.ones(TAKEN, np.uint8)
    during = hardware.host_bytes()
    del taken
    after = hardware.host_bytes()
    assert 0.9 * TAKEN < during - before < 1.5 * TAKEN
    assert after - before < 0.2 * TAKEN
    # Linux counts the pages of each thread in batches, and the peak only now and then.
    assert hardware.host_peak_bytes() > before + 0.9 * TAKEN


def test_report_has_megabytes_and_no_gpu_where_there_is_none(monkeypatch):
    monkeypatch.setattr(hardware, "gpu_bytes", lambda: None)
    assert list(hardware.used_megabytes()) == ["host_memory_mb"]
    assert 50 < hardware.used_megabytes()["host_memory_mb"] < 100_000
    monkeypatch.setattr(hardware, "gpu_bytes", lambda: 3_500_000)
    assert hardware.used_megabytes()["gpu_memory_mb"] == 3.5


def test_memory_of_all_gpus_of_this_machine_is_summed(monkeypatch):
    used = {"GPU:0": {"current": 1, "peak": 2_000_000}, "GPU:1": {"current": 1, "peak": 3_000_000}}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * 2)
    # As with several workers, where the logical devices are those of all machines.
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind] * 8)
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", used.__getitem__)
    assert hardware.gpu_bytes() == 5_000_000


def test_peak_comes_from_getrusage_where_proc_has_none(monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "_STATUS", tmp_path / "not there")
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert hardware.host_peak_bytes() >= usage * (1 if sys.platform == "darwin" else 1024) > 50e6


@pytest.fixture
def processor(monkeypatch):
    """A function that makes py-cpuinfo report a processor."""

    def pretend(**facts):
        monkeypatch.setattr(hardware, "_cpu", lambda: facts)

    return pretend


@pytest.mark.parametrize(
    ("brand", "name"),
    [
        ("Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz", "Intel Xeon Gold 6130 @ 2.10GHz"),
        ("AMD EPYC 7B13 64-Core Processor", "AMD EPYC 7B13 64-Core"),
        ("Apple M2", "Apple M2"),
    ],
)
def test_processor_has_the_name_that_it_gives_itself_without_what_says_nothing(processor, brand, name):
    processor(brand_raw=brand)
    assert hardware.cpu_name() == name


def test_processor_that_gives_no_name_has_that_of_its_architecture(processor):
    processor()
    assert hardware.cpu_name() == (platform.processor() or platform.machine())
    assert hardware.cpu_flags() == frozenset()


@pytest.mark.skipif(not CPUINFO.is_file() or "flags" not in CPUINFO.read_text(), reason="no /proc/cpuinfo with flags")
def test_flags_have_all_that_linux_lists():
    listed = next(line for line in CPUINFO.read_text().splitlines() if line.startswith("flags"))
    assert hardware.cpu_flags() >= set(listed.partition(":")[2].split())

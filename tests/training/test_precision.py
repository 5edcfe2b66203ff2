# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which dtype policy each --precision stands for, on made-up hardware."""

import keras
import pytest
import tensorflow as tf

from ssd_tf.training import precision
from ssd_tf.training.precision import choose_jit_compile, choose_precision


@pytest.fixture
def hardware(monkeypatch):
    """A function that makes TensorFlow and Linux report these GPUs and CPU flags."""

    def pretend(gpus=(), cpu_flags=()):
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: list(gpus) if kind == "GPU" else [])
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: gpu)
        monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset(cpu_flags))

    return pretend


def gpu(name, *capability):
    return {"device_name": name, "compute_capability": capability}


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"expected one of auto, float32, bfloat16\. Received: 'int8'"):
        choose_precision("int8")


@pytest.mark.parametrize(("name", "policy"), [("float32", "float32"), ("bfloat16", "mixed_bfloat16")])
def test_what_is_asked_for_is_given_whatever_the_hardware(hardware, name, policy):
    for gpus, flags in (([], []), ([gpu("Tesla T4", 7, 5)], []), ([gpu("H200", 9, 0)], ["amx_bf16"])):
        hardware(gpus, flags)
        assert choose_precision(name) == (policy, "asked for")


def test_auto_gives_a_policy_of_keras_and_a_reason_on_this_machine():
    policy, reason = choose_precision("auto")
    assert keras.dtype_policies.get(policy).variable_dtype == "float32"
    assert reason not in ("", "asked for")


@pytest.mark.parametrize(
    ("gpus", "flags", "policy", "reason"),
    [
        ([], ["sse2", "amx_bf16", "avx512_bf16"], "mixed_bfloat16", "the CPU has amx_bf16 and avx512_bf16"),
        ([], ["avx512_bf16"], "mixed_bfloat16", "the CPU has avx512_bf16"),
        ([], ["sse2", "avx2", "avx512f"], "float32", "the CPU has no bfloat16"),
        ([], [], "float32", "the CPU has no bfloat16"),
        ([gpu("NVIDIA H200", 9, 0)], [], "mixed_bfloat16", "NVIDIA H200 has bfloat16 units"),
        ([gpu("NVIDIA A100", 8, 0)], [], "mixed_bfloat16", "NVIDIA A100 has bfloat16 units"),
        ([gpu("Tesla T4", 7, 5)], ["amx_bf16"], "float32", "Tesla T4 (compute capability 7.5) has no bfloat16 units"),
        ([gpu("NVIDIA A100", 8, 0), gpu("Tesla T4", 7, 5)], [], "float32", "capability 7.5"),
        ([{}], ["amx_bf16"], "float32", "GPU (compute capability 0.0) has no"),
    ],
    ids=["amx", "avx512", "older_cpu", "unknown_cpu", "h200", "a100", "t4", "a100_and_t4", "unknown_gpu"],
)
def test_auto_follows_the_hardware(hardware, gpus, flags, policy, reason):
    hardware(gpus, flags)
    found, why = choose_precision("auto")
    assert found == policy
    assert reason in why


@pytest.mark.parametrize(
    ("asked", "on_gpus", "sync_bn", "expected"),
    [
        ("auto", True, False, True),
        ("auto", False, False, False),
        ("auto", True, True, False),
        ("on", False, False, True),
        ("off", True, False, False),
    ],
)
def test_xla_compiles_on_gpus_unless_told_otherwise(asked, on_gpus, sync_bn, expected):
    assert choose_jit_compile(asked, on_gpus, sync_bn) == expected

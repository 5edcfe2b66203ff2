# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How the layers compute: in float32, or bfloat16 where the hardware has it; and whether XLA compiles them."""

import tensorflow as tf

from ssd_tf.utils.errors import UserError
from ssd_tf.utils.hardware import cpu_flags

PRECISIONS = ("auto", "float32", "bfloat16")
# bfloat16 matrix units: NVIDIA from Ampere (compute capability 8) on; AVX512-BF16 and AMX of x86 processors.
_GPU_CAPABILITY = (8, 0)
_CPU_FLAGS = ("amx_bf16", "avx512_bf16")


def choose_precision(precision: str) -> tuple[str, str]:
    """The Keras dtype policy for a --precision, and why it was chosen.

    Raises:
      ValueError: not one of PRECISIONS.
    """
    if precision not in PRECISIONS:
        raise UserError(f"precision: expected one of {', '.join(PRECISIONS)}. Received: {precision!r}")
    if precision == "float32":
        return "float32", "asked for"
    if precision == "bfloat16":
        return "mixed_bfloat16", "asked for"
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        capability = min(detail.get("compute_capability", (0, 0)) for detail in details)
        name = details[0].get("device_name", "GPU")
        if capability >= _GPU_CAPABILITY:
            return "mixed_bfloat16", f"{name} has bfloat16 units"
        return "float32", f"{name} (compute capability {capability[0]}.{capability[1]}) has no bfloat16 units"
    found = cpu_flags() & set(_CPU_FLAGS)
    if found:
        return "mixed_bfloat16", f"the CPU has {' and '.join(sorted(found))}"
    return "float32", "the CPU has no bfloat16 instructions that are known here"


def choose_jit_compile(jit_compile: str, on_gpus: bool, sync_bn: bool) -> bool:
    """Whether XLA compiles forward and backward, for a --jit_compile: docs/benchmarks.md has what it is worth where.

    Not with batch norm over all replicas, which have to meet in the middle of it.
    """
    return jit_compile == "on" or (jit_compile == "auto" and on_gpus and not sync_bn)

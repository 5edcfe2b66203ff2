# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What PyTorch itself writes, in the zip format and the one before, is read as it was saved."""

import argparse
import collections
import pathlib
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from ssd_tf.weights.pytorch import state_dict
from tests.weights.torch_files import (
    refused,
)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"])
def test_tensor_of_each_type_is_read(torch, saved, dtype):
    expected = (torch.arange(12).reshape(3, 4) % 5).to(getattr(torch, dtype))
    received = saved(expected)
    assert received.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(received, expected.numpy())


def test_bfloat16_is_read(torch, saved):
    received = saved(torch.tensor([1.0, -2.5, 3.140625]).to(torch.bfloat16))
    assert received.dtype.name == "bfloat16"
    assert received.astype(np.float32).tolist() == [1.0, -2.5, 3.140625]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_each_pickle_protocol_is_read(torch, saved, protocol):
    received = saved({"w": torch.ones(2), "many": list(range(2000)), "big": 2**40}, pickle_protocol=protocol)
    assert received["w"].tolist() == [1, 1]
    assert received["many"] == list(range(2000)) and received["big"] == 2**40


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.T,
        lambda t: t[:, 1:3],
        lambda t: t[1::2, ::3],
        lambda t: t[2, 3],
        lambda t: t[:0],
        lambda t: t[:, :1].expand(4, 7),
        lambda t: t.reshape(2, 2, 3, 2).permute(3, 1, 0, 2),
    ],
    ids=["transposed", "columns", "every_other", "scalar", "empty", "expanded", "permuted"],
)
def test_view_of_a_tensor_is_read(torch, saved, change):
    expected = change(torch.arange(24.0).reshape(4, 6))
    received = saved(expected)
    assert received.shape == tuple(expected.shape)
    np.testing.assert_array_equal(received, expected.numpy())


def test_tensors_that_share_a_storage_share_its_bytes(torch, saved):
    whole = torch.arange(6.0)
    received = saved([whole, whole[2:], whole.reshape(2, 3)])
    assert received[1].tolist() == [2, 3, 4, 5] and received[2].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert np.shares_memory(received[0], received[1]) and np.shares_memory(received[0], received[2])


def test_arrays_cannot_be_written_to(torch, saved):
    received = saved(torch.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        received[0] = 1


def test_parameter_is_read_as_its_tensor(torch, saved):
    assert saved(torch.nn.Parameter(torch.tensor([1.0, 2.0]))).tolist() == [1, 2]


def test_plain_values_are_read_as_they_were(torch, saved):
    content = {
        "epoch": 7,
        "lr": 0.5,
        "name": "Größe",
        "none": None,
        "on": [True, False],
        3: (1, -(2**70), ("a",)),
        "": {},
    }
    assert saved(content) == content


def test_size_type_and_device_of_a_tensor_are_read(torch, saved):
    received = saved([torch.zeros(2, 3).size(), torch.float16, torch.device("cpu"), torch.device("cuda:1")])
    assert received == [(2, 3), np.dtype("float16"), ("cpu",), ("cuda", 1)]
    assert type(received[0]) is tuple


def test_state_dict_of_a_module_is_read(torch, saved):
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    expected = module.state_dict()
    assert isinstance(expected, collections.OrderedDict) and expected._metadata
    received = saved(expected)
    assert type(received) is dict
    tensors = state_dict(received, "saved.pth")
    assert list(tensors) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(tensors[name], value.numpy(), strict=True)


def test_checkpoint_of_mlperf_s_training_is_read(torch, saved):
    module = torch.nn.Conv2d(3, 4, 3)
    received = saved({"model": module.state_dict(), "label_map": {0: "background", 1: "person"}})
    assert received["label_map"] == {0: "background", 1: "person"}
    tensors = state_dict(received, "saved.pth")
    np.testing.assert_array_equal(tensors["weight"], module.weight.detach().numpy())
    assert list(tensors) == ["weight", "bias"]


def test_checkpoint_with_an_optimizer_is_read(torch, saved):
    module = torch.nn.Linear(2, 3)
    # As torch.optim.SGD's state_dict.
    optimizer = {"state": {0: {"momentum_buffer": torch.ones(3, 2)}}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}
    received = saved({"state_dict": module.state_dict(), "optimizer": optimizer, "epoch": 3})
    assert received["optimizer"]["state"][0]["momentum_buffer"].tolist() == [[1, 1]] * 3
    assert received["optimizer"]["param_groups"] == optimizer["param_groups"]
    assert list(state_dict(received, "saved.pth")) == ["weight", "bias"]


def unwanted(torch, name):
    """Objects that torch.save can write and that are more than tensors, and the name that their file asks for."""
    return {
        "module": lambda: (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        "sparse": lambda: (torch.eye(2).to_sparse(), "torch._utils._rebuild_sparse_tensor"),
        "quantized": lambda: (
            torch._empty_affine_quantized([2], scale=1, zero_point=0, dtype=torch.quint8),
            "torch._utils._rebuild_qtensor",
        ),
        "complex": lambda: (torch.zeros(2, dtype=torch.complex64), "torch.ComplexFloatStorage"),
        "with an attribute": lambda: (with_attribute(torch.zeros(2)), "torch._tensor._rebuild_from_type_v2"),
        "numpy scalar": lambda: (np.float64(1), "numpy._core.multiarray.scalar"),
        "namespace": lambda: (argparse.Namespace(lr=1), "argparse.Namespace"),
        "set": lambda: ({1, 2}, "__builtin__.set"),
    }[name]()


def with_attribute(tensor):
    tensor.note = "x"
    return tensor


@pytest.mark.parametrize(
    "name",
    ["module", "sparse", "quantized", "complex", "with an attribute", "numpy scalar", "namespace", "set"],
)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_other_objects_are_refused_by_name(torch, tmp_path, form, name):
    content, asked = unwanted(torch, name)
    path = tmp_path / "other.pth"
    torch.save({"w": torch.zeros(2), "x": content}, path, _use_new_zipfile_serialization=form == "zip")
    refused(path, asked, "not part of a tensor file; refused; save the state_dict alone: torch.save(model.state_dict()")


def test_lazily_negated_tensor_is_refused(torch, tmp_path, form):
    # Its bytes are those of the tensor that is not negated.
    path = tmp_path / "negated.pth"
    torch.save(torch._neg_view(torch.ones(2)), path, _use_new_zipfile_serialization=form == "zip")
    refused(path, "resolve_neg()")


@pytest.mark.proof
def test_peak_of_memory_is_that_of_the_file_and_not_twice_it(torch, tmp_path):
    if not pathlib.Path("/proc/self/status").is_file():
        pytest.skip("the memory in use is read from /proc")
    size = 60 * 2**20
    content = {str(k): torch.full((size // 40,), float(k)) for k in range(10)}
    torch.save(content, tmp_path / "zip.pth")
    torch.save(content, tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    # Not ru_maxrss: a process inherits it from the one that started it.
    script = """
        import pathlib, re, sys
        from ssd_tf.weights.pytorch import read_pytorch
        def memory(kind):
            return int(re.search(kind + r":\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]) * 1024
        before = memory("VmRSS")
        for path in sys.argv[1:]:
            assert read_pytorch(path)["3"][-1] == 3
        print(memory("VmHWM") - before)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), tmp_path / "zip.pth", tmp_path / "legacy.pth"]
    root = pathlib.Path(__file__).parents[2]
    grown = int(subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout)
    # The second file is read after the first is gone.
    assert size <= grown <= 1.5 * size, f"{grown / 2**20:.1f} MiB"


ARRAY = np.zeros(2, np.float32)


@pytest.mark.parametrize(
    "content",
    [{"w": ARRAY}, {"model": {"w": ARRAY}, "epoch": 3}, {"state_dict": {"w": ARRAY}, "args": None}],
    ids=["itself", "model", "state_dict"],
)
def test_state_dict_is_found(content):
    assert state_dict(content, "file.pth") == {"w": ARRAY}


def test_tensor_called_model_is_a_tensor():
    assert list(state_dict({"model": ARRAY, "w": ARRAY}, "file.pth")) == ["model", "w"]


@pytest.mark.parametrize("content", [{}, [], ARRAY, 3, None, {"model": {}}])
def test_content_without_a_state_dict_is_refused(content):
    with pytest.raises(ValueError, match=r"file\.pth: expected a state_dict"):
        state_dict(content, "file.pth")


@pytest.mark.parametrize("content", [{"w": ARRAY, "epoch": 3}, {"model": {"w": ARRAY, "epoch": 3}}])
def test_entry_that_is_no_tensor_is_named(content):
    with pytest.raises(ValueError, match=r"file\.pth: .*'epoch' of type int.*torch\.save\(model\.state_dict\(\)"):
        state_dict(content, "file.pth")


def test_tensor_without_a_name_is_refused():
    with pytest.raises(ValueError, match=r"file\.pth: .*7 of type ndarray"):
        state_dict({"w": ARRAY, 7: ARRAY}, "file.pth")

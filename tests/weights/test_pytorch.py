# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Files of torch.save: what PyTorch writes is read, and what could run, crash or fill the memory is refused.

Files that PyTorch writes need PyTorch. The hostile ones are put together by hand, opcode by opcode, so that they are
tested without it; that such files are what PyTorch takes them for is tested too.
"""

import argparse
import collections
import copyreg
import io
import pathlib
import pickle
import struct
import subprocess
import sys
import tarfile
import textwrap
import tracemalloc
import zipfile

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ssd_tf.weights.pytorch import read_pytorch, state_dict

FORMS = ("zip", "legacy")
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
FLOATS = np.arange(6, dtype=np.float32)


@pytest.fixture(scope="session")
def torch():
    return pytest.importorskip("torch", reason="PyTorch writes the files of this test")


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def saved(torch, form, tmp_path):
    """Writes an object as PyTorch does, in either format, and reads it."""

    def save_and_read(content, **options):
        torch.save(content, tmp_path / "saved.pth", _use_new_zipfile_serialization=form == "zip", **options)
        return read_pytorch(tmp_path / "saved.pth")

    return save_and_read


# --- pickles by hand


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value):
    encoded = pickle.encode_long(value)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def row(*items):
    """A tuple."""
    return b"(" + b"".join(items) + b"t"


def called(function, *arguments):
    return function + row(*arguments) + b"R"


def table(**entries):
    return b"}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u"


SIX, NOUGHT, FLOAT_STORAGE = number(6), number(0), named("torch", "FloatStorage")
SIZE, STRIDE = row(number(2), number(3)), row(number(3), number(1))
STORAGES = (("0", 6, FLOATS.tobytes()),)


def storage(form, count=SIX, key="0", kind=FLOAT_STORAGE, view=b"N"):
    return row(text("storage"), kind, text(key), text("cpu"), count, *([view] if form == "legacy" else [])) + b"Q"


def tensor(form, offset=NOUGHT, size=SIZE, stride=STRIDE, of=None):
    arguments = (of or storage(form), offset, size, stride, b"\x89", called(named("collections", "OrderedDict")))
    return called(named("torch._utils", "_rebuild_tensor_v2"), *arguments)


def write(path, form, pickled, storages=STORAGES, **parts):
    """A file around a pickle. parts: other pickles in place of those of the legacy format."""
    pickled = b"\x80\x02" + pickled + b"."
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickled)
            archive.writestr("archive/version", b"3\n")
            archive.writestr("archive/byteorder", b"little")
            for key, _, content in storages:
                archive.writestr(f"archive/data/{key}", content)
        return path
    plain = {"magic": MAGIC, "version": VERSION, "system": SYSTEM, "keys": [key for key, _, _ in storages]}
    pickles = {name: parts.get(name, pickle.dumps(value, 2)) for name, value in plain.items()}
    content = pickles["magic"] + pickles["version"] + pickles["system"] + pickled + pickles["keys"]
    path.write_bytes(content + b"".join(struct.pack("<q", count) + data for _, count, data in storages))
    return path


def refused(path, *reasons):
    """The file is refused, by name, and the text has all of the reasons."""
    error = error_of(path)
    assert error, "the file is read"
    for reason in reasons:
        assert reason in error


def error_of(path):
    """The text of the error if there is one, which must name the file."""
    error = ""
    try:
        read_pytorch(path)
    except ValueError as raised:
        error = str(raised)
    assert not error or error.startswith(f"{path}: ")
    return error


# --- what PyTorch writes


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


# --- files by hand


def test_file_by_hand_is_what_pytorch_reads(torch, tmp_path, form):
    view = row(text("view"), number(2), number(3))
    part = tensor(form, size=row(number(3)), stride=row(number(1)), of=storage(form, view=view))
    path = write(tmp_path / "hand.pth", form, table(w=tensor(form), part=part if form == "legacy" else b"N"))
    received, expected = read_pytorch(path), torch.load(path, weights_only=True)
    assert received["w"].tolist() == expected["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    if form == "legacy":
        assert received["part"].tolist() == expected["part"].tolist() == [2, 3, 4]


def test_names_of_an_ordered_dict_from_python_2_are_read(tmp_path, form):
    # Python 2 gave OrderedDict a list of pairs, and its strings are bytes.
    pairs = b"](](U\x01w" + tensor(form) + b"ee"
    path = write(tmp_path / "old.pth", form, called(named("collections", "OrderedDict"), pairs))
    assert state_dict(read_pytorch(path), "old.pth")["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_attributes_of_an_ordered_dict_are_left_out(tmp_path, form):
    attributes = table(items=number(1), keys=number(2), __class__=number(3))
    content = called(named("collections", "OrderedDict")) + text("w") + tensor(form) + b"s" + attributes + b"b"
    received = read_pytorch(write(tmp_path / "shadowed.pth", form, content))
    assert type(received) is dict
    assert state_dict(received, "shadowed.pth")["w"].shape == (2, 3)


def gadgets(code, command):
    """Opcodes that make Python's unpickler run the code or the shell command, by the name that they ask for first."""
    code, command = text(code), text(command)
    evaluate, partial = named("builtins", "eval"), named("functools", "partial")
    get = called(named("builtins", "getattr"), evaluate, text("__call__"))
    method = called(named("operator", "methodcaller"), text("system"), command)
    protocol_4 = text("os") + text("system") + b"\x93"
    return {
        "posix.system": called(named("posix", "system"), command),
        "os.system": called(named("os", "system"), command),
        "os.system, STACK_GLOBAL": called(protocol_4, command),
        "posix.system, INST": b"(" + command + b"iposix\nsystem\n",
        "posix.system, OBJ": b"(" + named("posix", "system") + command + b"o",
        "builtins.eval": called(evaluate, code),
        "builtins.exec": called(named("builtins", "exec"), code),
        "__builtin__.eval": called(named("__builtin__", "eval"), code),
        "builtins.getattr": called(get, code),
        "functools.partial": called(called(partial, evaluate, code)),
        "operator.methodcaller": called(method, named("shutil", "os")),
        "shutil.os.system, dotted": called(text("shutil") + text("os.system") + b"\x93", command),
    }


LIVE = list(gadgets("", ""))


@pytest.fixture
def canary(tmp_path):
    """A file that a gadget writes when it is carried out."""
    return tmp_path / "canary"


@pytest.fixture
def gadget(request, canary):
    """The opcodes of a gadget, of which it has been seen that they do what they are for."""
    code = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    pickled = gadgets(code, f"echo > '{canary}'")[request.param]
    # Only protocol 4 takes dotted names, and only the ones before 3 take Python 2's.
    pickle.loads((b"\x80\x04" if "dotted" in request.param else b"\x80\x02") + pickled + b".")
    assert canary.exists()
    canary.unlink()
    return pickled, request.param.split(",")[0]


@pytest.mark.skipif(sys.platform == "win32", reason="the gadgets are for POSIX")
@pytest.mark.parametrize("gadget", LIVE, indirect=True)
@pytest.mark.parametrize("hidden", [False, True], ids=["alone", "in_a_state_dict"])
def test_file_that_calls_a_function_is_refused_by_its_name_and_nothing_runs(tmp_path, canary, form, gadget, hidden):
    pickled, asked = gadget
    if hidden:
        pickled = table(model=table(w=tensor(form), x=row(b"]" + pickled + b"a")))
    refused(
        write(tmp_path / "evil.pth", form, pickled), f"asks for {asked}, which is not part of a tensor file; refused"
    )
    assert not canary.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the gadgets are for POSIX")
@pytest.mark.parametrize("gadget", ["posix.system"], indirect=True)
@pytest.mark.parametrize("part", ["magic", "version", "system", "keys"])
def test_every_pickle_of_a_legacy_file_is_guarded(tmp_path, canary, gadget, part):
    # The magic number itself stays in the file: without it there is nothing to read.
    pickled = b"\x80\x02" + number(MAGIC) + gadget[0] + b"."
    refused(write(tmp_path / "evil.pth", "legacy", tensor("legacy"), **{part: pickled}), "asks for posix.system")
    assert not canary.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the gadgets are for POSIX")
@pytest.mark.parametrize("opcode", [b"\x82\xf0", b"\x83\xf0\x00", b"\x84\xf0\x00\x00\x00"], ids=["1", "2", "4"])
def test_registered_extension_is_refused(tmp_path, canary, form, opcode):
    pickled = called(opcode, text(f"echo > '{canary}'"))
    copyreg.add_extension("posix", "system", 0xF0)
    try:
        pickle.loads(b"\x80\x02" + pickled + b".")
        assert canary.exists()
        canary.unlink()
        refused(write(tmp_path / "evil.pth", form, pickled), "has the pickle opcode EXT", "refused")
    finally:
        copyreg.remove_extension("posix", "system", 0xF0)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("nt", "system"),
        ("torch.hub", "load"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("torch._utils", "__builtins__"),
        ("torch", "_utils._rebuild_tensor_v2"),
        ("torch.serialization", "os.system"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("collections.OrderedDict", "fromkeys"),
        ("ssd_tf.weights.pytorch", "_tensor"),
        ("", "OrderedDict"),
    ],
)
def test_name_that_is_not_in_the_table_is_refused(tmp_path, form, module, name):
    for asked in (named(module, name), text(module) + text(name) + b"\x93"):
        refused(write(tmp_path / "evil.pth", form, called(asked)), f"asks for {module}.{name}, ", "refused")


@pytest.mark.parametrize("state", [table(x=number(1)), row(b"N", table(__defaults__=row(number(1))))])
@pytest.mark.parametrize("name", ["OrderedDict", "FloatStorage", "tensor"])
def test_attributes_of_anything_else_cannot_be_set(tmp_path, form, name, state):
    # BUILD would set them for good on our own functions, or call an array's __setstate__.
    target = tensor(form) if name == "tensor" else named("collections" if name == "OrderedDict" else "torch", name)
    refused(write(tmp_path / "evil.pth", form, target + state + b"b"), "has the pickle opcode BUILD", "refused")


@pytest.mark.parametrize(
    "pickled",
    [
        number(1) + row() + b"R",
        text("eval") + row() + b"R",
        named("torch", "FloatStorage") + row() + b"R",
        named("collections", "OrderedDict") + b"]R",
        named("collections", "OrderedDict") + b")\x81",
        named("collections", "OrderedDict") + b"}]s",
        number(1) + number(2) + b"a",
        number(1) + number(2) + b"\x93",
        b"R",
        b"t",
        b"u",
        b"(0a",
        b"\x97",
        b"h\x00",
        b"q\x00",
        b"",
        called(named("torch", "Size")),
        called(named("torch", "Size"), number(1), number(2)),
        called(named("torch", "device"), *[number(1)] * 8),
        called(named("torch._utils", "_rebuild_parameter"), number(1)),
        called(named("torch._utils", "_rebuild_tensor_v2"), b"N", b"N", b"N", b"N"),
        called(named("collections", "OrderedDict"), text("ab")),
    ],
)
def test_pickle_that_makes_no_sense_is_refused(tmp_path, form, pickled):
    refused(write(tmp_path / "senseless.pth", form, pickled))


def test_nested_tuples_as_a_key_are_refused_before_they_are_hashed(tmp_path, form):
    # Python hashes a tuple anew each time: 2**60 steps here, and in the second a call in a call 200,000 times.
    doubled = b")" + b"".join(b"q%ch%c\x86" % (k, k) for k in range(60))
    for key in (doubled, b")" + b"\x85" * 2 * 5 * 10**4):
        refused(write(tmp_path / "key.pth", form, b"}" + key + b"Ns"), "a tuple for a key")
        pairs = b"](" + row(key, b"N") + b"e"
        refused(
            write(tmp_path / "key.pth", form, called(named("collections", "OrderedDict"), pairs)), "a tuple for a key"
        )


def test_nested_lists_and_lists_in_themselves_do_not_end_the_process(tmp_path, form):
    deep = read_pytorch(write(tmp_path / "deep.pth", form, b"]" * 5 * 10**4 + b"a" * (5 * 10**4 - 1), []))
    assert type(deep[0][0]) is list
    own = read_pytorch(write(tmp_path / "own.pth", form, b"]q\x00h\x00a", []))
    assert own[0] is own


@pytest.mark.parametrize(
    "pickled",
    [
        b"Nr" + struct.pack("<I", 2**31),  # LONG_BINPUT: Python's unpickler makes an array of 2**32 places
        b"\x8e" + struct.pack("<Q", 2**40) + b"x",  # BINBYTES8
        b"\x8d" + struct.pack("<Q", 2**40) + b"x",  # BINUNICODE8
        b"\x96" + struct.pack("<Q", 2**40) + b"x",  # BYTEARRAY8
        b"\x95" + struct.pack("<Q", 2**40) + b"N",  # FRAME
        b"X" + struct.pack("<I", 2**32 - 1) + b"x",  # BINUNICODE
        b"\x8b" + struct.pack("<I", 2**31 - 1) + b"x",  # LONG4
    ],
    ids=["memo", "bytes", "text", "bytearray", "frame", "short text", "number"],
)
def test_sizes_that_a_pickle_claims_take_no_memory(tmp_path, form, pickled):
    path = write(tmp_path / "claims.pth", form, pickled)
    tracemalloc.start()
    try:
        error_of(path)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 10**6


def test_list_made_into_many_dictionaries_takes_no_memory(tmp_path, form):
    # 2000 pairs, which a dictionary of 75 kB holds, and 1000 dictionaries in 5 bytes each.
    pairs = b"](" + b"".join(b"](" + b"M" + struct.pack("<H", k) + b"Ne" for k in range(2000)) + b"e"
    first = named("collections", "OrderedDict") + b"q\x00" + pairs + b"\x85q\x01R"
    path = write(tmp_path / "many.pth", form, b"](" + first + b"h\x00h\x01R" * 1000 + b"e", [])
    tracemalloc.start()
    received = read_pytorch(path)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(received[0]) == 2000
    assert held < 10**7


def test_pickle_as_large_as_tensors_is_refused(tmp_path, form):
    lines = b"](" + text("x" * 2**19) * 5 + b"e"
    refused(write(tmp_path / "large.pth", form, lines), "has a pickle of more than 2097152 bytes")


@pytest.mark.parametrize(
    "change",
    [
        {"offset": number(1)},
        {"offset": number(2**61)},
        {"offset": number(-1)},
        {"offset": b"G" + struct.pack(">d", 0)},
        {"offset": b"\x89"},
        {"stride": row(number(3), number(-1))},
        {"stride": row(number(4), number(1))},
        {"stride": row(number(3))},
        {"stride": row(number(2**61), number(2**61))},
        {"size": row(number(2), number(-3))},
        {"size": row(number(-2), number(-3))},
        {"size": row(number(2), number(4))},
        {"size": row(number(2**62), number(3)), "stride": row(number(0), number(0))},
        {"size": row(number(2**40), number(3)), "stride": row(number(0), number(0))},
        {"size": row(number(2**70), number(0))},
        {"size": row(*[number(1)] * 100), "stride": row(*[number(1)] * 100)},
        {"size": number(6)},
        {"size": row(text("2"), number(3))},
        {"of": b"N"},
        {"of": text("storage")},
    ],
)
def test_tensor_outside_its_storage_is_refused(tmp_path, form, change):
    path = write(tmp_path / "outside.pth", form, tensor(form, **change))
    refused(path, ": has a ")  # by our own checks, not only by NumPy's


def test_empty_tensor_that_is_too_large_for_numpy_is_refused(tmp_path, form):
    refused(write(tmp_path / "empty.pth", form, tensor(form, size=row(number(2**61), number(0)))), "array is too big")


@pytest.mark.parametrize(
    "identity",
    [
        b"N",
        text("storage"),
        row(),
        row(text("storage")),
        row(text("module"), named("torch", "FloatStorage"), text("0"), text("cpu"), number(6), b"N"),
        row(text("storage"), text("FloatStorage"), text("0"), text("cpu"), number(6), b"N"),
        row(text("storage"), named("torch", "FloatStorage"), number(0), text("cpu"), number(6), b"N"),
        row(text("storage"), named("torch", "FloatStorage"), row(), text("cpu"), number(6), b"N"),
        row(text("storage"), named("torch", "FloatStorage"), text("0"), text("cpu"), text("6"), b"N"),
        row(text("storage"), named("torch", "FloatStorage"), text("0"), text("cpu"), number(-6), b"N"),
        row(text("storage"), named("torch", "FloatStorage"), text("1"), text("cpu"), number(6), b"N"),
        row(text("storage"), named("torch", "FloatStorage"), text("../0"), text("cpu"), number(6), b"N"),
        row(text("storage"), named("torch", "FloatStorage"), text("0"), text("cpu"), number(6), number(1)),
        row(text("storage"), named("torch", "FloatStorage"), text("0"), text("cpu"), number(6), row(text("1"))),
        row(text("storage"), named("torch", "FloatStorage"), text("0"), text("cpu"), number(6), b"N", b"N"),
    ],
)
def test_storage_that_is_described_otherwise_is_refused(tmp_path, form, identity):
    refused(write(tmp_path / "identity.pth", form, tensor(form, of=identity + b"Q")))


@pytest.mark.parametrize(("offset", "size"), [(4, 3), (-1, 3), (0, 7), (0, 2**61)])
def test_part_outside_its_storage_is_refused(tmp_path, offset, size):
    view = row(text("1"), number(offset), number(size))
    part = tensor("legacy", size=row(number(1)), stride=row(number(1)), of=storage("legacy", view=view))
    refused(write(tmp_path / "part.pth", "legacy", part))


@pytest.mark.parametrize("count", [0, 5, 7, 2**61])
def test_storage_of_another_size_than_it_says_is_refused(tmp_path, form, count):
    content = tensor(form, size=row(), stride=row(), of=storage(form, count=number(count)))
    refused(write(tmp_path / "size.pth", form, content), f"{count} elements")


def test_count_in_a_legacy_file_must_be_that_of_the_storage(tmp_path):
    refused(write(tmp_path / "count.pth", "legacy", tensor("legacy"), [("0", 5, FLOATS.tobytes())]), "6 elements")


def test_storage_of_two_types_in_a_legacy_file_is_refused(tmp_path):
    other = tensor("legacy", of=storage("legacy", kind=named("torch", "IntStorage")))
    refused(write(tmp_path / "types.pth", "legacy", row(tensor("legacy"), other)), "two types")


def test_legacy_list_must_have_the_storages_of_the_tensors(tmp_path):
    refused(write(tmp_path / "keys.pth", "legacy", tensor("legacy"), [("1", 6, FLOATS.tobytes())]), "lists a storage")
    refused(write(tmp_path / "keys.pth", "legacy", tensor("legacy"), []))


# --- archives and damage


def rewritten(path, change):
    """The zip file with its records changed."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        change(archive, records)
    return path


@pytest.fixture
def archive_path(tmp_path):
    return write(tmp_path / "archive.pth", "zip", tensor("zip"))


@pytest.mark.parametrize("name", ["archive/data.pkl", "archive/data/0", "archive/byteorder"])
def test_compressed_record_is_refused(archive_path, name):
    def compress(archive, records):
        records["archive/data/0"] += bytes(10**7)
        for record, content in records.items():
            method = zipfile.ZIP_DEFLATED if record == name else zipfile.ZIP_STORED
            archive.writestr(record, content, method)

    rewritten(archive_path, compress)
    if name == "archive/data/0":
        assert archive_path.stat().st_size < 50_000
    refused(archive_path, f"record {name} is compressed")


def test_record_that_is_compressed_by_its_own_header_alone_is_refused(archive_path):
    content = bytearray(archive_path.read_bytes())
    # The method of a record is two bytes, eight bytes into its header; the first record is data.pkl.
    content[8:10] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    archive_path.write_bytes(content)
    refused(archive_path, "record archive/data.pkl is compressed")


def test_record_with_another_name_in_its_own_header_is_refused(archive_path):
    content = archive_path.read_bytes().replace(b"archive/data/0", b"archive/data/1", 1)
    archive_path.write_bytes(content)
    refused(archive_path, "record archive/data/0 is not where the table of contents has it")


def test_record_with_an_extra_field_in_its_own_header_alone_is_read(tmp_path):
    # So PyTorch aligns storages: the table of contents does not have that field, or another one.
    path = tmp_path / "aligned.pth"
    content = FLOATS.tobytes()
    pickled = b"\x80\x02" + tensor("zip") + b"."
    with zipfile.ZipFile(path, "w") as archive:
        for name, record in (("archive/data.pkl", pickled), ("archive/data/0", content)):
            info = zipfile.ZipInfo(name)
            info.extra = b"FB\x10\x00" + bytes(16)
            archive.writestr(info, record)
            info.extra = b""
    assert read_pytorch(path).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_damaged_tensor_is_refused(archive_path):
    content = archive_path.read_bytes()
    archive_path.write_bytes(content.replace(FLOATS.tobytes(), FLOATS[::-1].tobytes()))
    refused(archive_path, "record archive/data/0 does not have its check sum")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["archive/data.pkl", "archive/data/0", "archive/data/0\0x"])
def test_two_records_of_one_name_are_refused(archive_path, name):
    with zipfile.ZipFile(archive_path, "a") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, b"")
    refused(archive_path, "two records of one name")


def test_big_endian_file_is_refused(tmp_path, archive_path):
    rewritten(
        archive_path,
        lambda archive, records: [archive.writestr(n, c) for n, c in {**records, "archive/byteorder": b"big"}.items()],
    )
    refused(archive_path, "little-endian")
    system = pickle.dumps({**SYSTEM, "little_endian": False}, 2)
    refused(write(tmp_path / "big.pth", "legacy", tensor("legacy"), system=system), "little-endian")


def test_archive_without_a_pickle_or_with_two_is_refused(tmp_path, archive_path):
    with zipfile.ZipFile(tmp_path / "pictures.pth", "w") as archive:
        archive.writestr("pictures/1.jpg", b"a picture")
    refused(tmp_path / "pictures.pth", "is a zip file, but not one that torch.save wrote")
    with zipfile.ZipFile(archive_path, "a") as archive:
        archive.writestr("other/data.pkl", b"N.")
    refused(archive_path, "is a zip file, but not one that torch.save wrote")


def test_table_of_contents_with_very_many_records_is_refused(archive_path):
    archive_path.write_bytes(archive_path.read_bytes() + b"PK\x01\x02" * 100_000)
    refused(archive_path, "more than 100000 records")


def test_file_cut_off_anywhere_is_refused(tmp_path, form):
    path = write(tmp_path / "cut.pth", form, table(w=tensor(form)))
    whole = path.read_bytes()
    assert read_pytorch(path)["w"].shape == (2, 3)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        beginning = 4 if form == "zip" else 15
        refused(path, "is not a complete PyTorch file" if length > beginning else "")


def test_file_of_pytorch_cut_off_is_refused(torch, tmp_path, form):
    path = tmp_path / "cut.pth"
    torch.save(torch.nn.BatchNorm2d(4).state_dict(), path, _use_new_zipfile_serialization=form == "zip")
    whole = path.read_bytes()
    for length in range(20, len(whole), 17):
        path.write_bytes(whole[:length])
        refused(path, "is not a complete PyTorch file")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"not a weight file, just some text", "is not a PyTorch file"),
        (pickle.dumps({"w": [1.0]}), "is not a PyTorch file"),
        (b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.", "is not a PyTorch file"),
        (b"PK\x03\x04", "is not a complete PyTorch file"),
        (pickle.dumps(MAGIC, 2), "is not a complete PyTorch file"),
        (pickle.dumps(MAGIC, 2) + pickle.dumps(1002, 2) + pickle.dumps(SYSTEM, 2), "unknown version"),
        (bytes(257) + b"ustar\x0000" + bytes(500), "is not a complete PyTorch file"),
    ],
    ids=["empty", "text", "pickle", "evil pickle", "zip", "magic", "version", "tar"],
)
def test_other_file_is_refused(tmp_path, content, reason):
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    refused(path, reason)


def test_folder_and_missing_file_are_named(tmp_path):
    refused(tmp_path, "is a folder")
    (tmp_path / "file").write_bytes(b"")
    refused(tmp_path / "file" / "weights.pth", "Not a directory")
    with pytest.raises(FileNotFoundError, match=r"weights file not found: .*none\.pth"):
        read_pytorch(str(tmp_path / "none.pth"))


def edits():
    return st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4), st.integers(0, 4)), max_size=4)


def edited(content, changes):
    """The bytes with some replaced, inserted or left out."""
    for place, new, left_out in changes:
        start = int(place * len(content))
        content = content[:start] + new + content[start + left_out :]
    return content


@hypothesis.settings(
    max_examples=150, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(changes=edits(), inside=st.booleans())
def test_damaged_file_is_read_or_refused(tmp_path, form, changes, inside):
    # Inside: with the check sums that the damaged pickle has.
    pickled = table(model=table(w=tensor(form), b=tensor(form, size=row(), stride=row())), epoch=number(7))
    path = write(tmp_path / "damaged.pth", form, edited(pickled, changes) if inside else pickled)
    if not inside:
        path.write_bytes(edited(path.read_bytes(), changes))
    error_of(path)


_PIECES = [bytes([code]) for code in range(256)] + [
    *(tensor("zip"), storage("zip"), named("collections", "OrderedDict"), named("torch._utils", "_rebuild_tensor_v2")),
    *(row(number(2), number(3)), table(w=number(1)), b"q\x00", b"h\x00", b")R", text("w"), number(-1), number(2**63)),
]


@hypothesis.settings(
    max_examples=150, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(pieces=st.lists(st.sampled_from(_PIECES), max_size=12))
def test_random_opcodes_are_read_or_refused(tmp_path, form, pieces):
    error_of(write(tmp_path / "random.pth", form, b"".join(pieces)))


@hypothesis.settings(
    max_examples=100, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(content=st.binary(max_size=200), start=st.sampled_from([b"", b"PK\x03\x04", pickle.dumps(MAGIC, 2)]))
def test_random_bytes_are_refused(tmp_path, content, start):
    path = tmp_path / "random.pth"
    path.write_bytes(start + content)
    refused(path)


# --- state_dict


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


# The tar format. PyTorch 2.13 reads it and does not write it, so it is written here and shown to PyTorch first.


def pickled(value, identify=None, table=None):
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, 2)
    if identify:
        pickler.persistent_id = identify
    pickler.dispatch_table = table or copyreg.dispatch_table
    pickler.dump(value)
    return stream.getvalue()


def write_tar(torch, path, tensors, views=(), state=5):
    """tensors: by name; Parameters become objects with the state of 0.1.0 (5 entries) or of 0.1.9 (3)."""
    values = [tensor.data if isinstance(tensor, torch.nn.Parameter) else tensor for tensor in tensors.values()]
    roots = {value.untyped_storage().data_ptr(): value for value in values}
    kinds = {torch.float32: "Float", torch.float64: "Double", torch.int64: "Long"}
    storages = pickled(len(roots))
    for key, value in roots.items():
        kind = getattr(torch, f"{kinds[value.dtype]}Storage")
        content = bytes(value.untyped_storage())
        storages += pickled((key, "cpu", kind)) + struct.pack("<q", len(content) // value.element_size()) + content
    storages += pickled(list(views))
    listed = pickled(len(values))
    for number, value in enumerate(values, start=1):
        listed += pickled((number, value.untyped_storage().data_ptr(), getattr(torch, f"{kinds[value.dtype]}Tensor")))
        listed += struct.pack("<ii", value.dim(), 0)
        listed += struct.pack(f"<{2 * value.dim() + 1}q", *value.shape, *value.stride(), value.storage_offset())
    numbers = {id(tensor): str(number) for number, tensor in enumerate(values, start=1)}
    data = dict(zip(map(id, tensors.values()), values, strict=True))

    def reduce(parameter):
        value = data[id(parameter)]
        if state == 5:
            return copyreg.__newobj__, (torch.nn.Parameter,), (value, None, collections.OrderedDict(), True, False)
        return torch.nn.Parameter, (value,), (True, False, collections.OrderedDict())

    files = {
        "storages": storages,
        "tensors": listed,
        "pickle": pickled(
            collections.OrderedDict(tensors), lambda value: numbers.get(id(value)), {torch.nn.Parameter: reduce}
        ),
    }
    return write_files(path, files)


def write_files(path, files):
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("state", [5, 3])
def test_tar_format_is_read_as_pytorch_reads_it(torch, tmp_path, state):
    whole = torch.arange(24.0).reshape(4, 6)
    tensors = {
        "conv1.weight": torch.nn.Parameter(torch.randn(3, 2, 5)),
        "bn1.running_mean": torch.randn(7, dtype=torch.float64),
        "shared": whole,
        "part": whole[1:3, 2:],
        "turned": torch.nn.Parameter(whole.t()),
        "count": torch.tensor([3, 4]),
    }
    path = write_tar(torch, tmp_path / "first.pth", tensors, state=state)
    theirs = torch.load(path, weights_only=False)
    ours = read_pytorch(path)
    assert list(ours) == list(theirs) == list(tensors)
    for name, tensor in theirs.items():
        np.testing.assert_array_equal(ours[name], tensor.detach().numpy(), strict=True)
        np.testing.assert_array_equal(ours[name], tensors[name].detach().numpy(), strict=True)


def test_tar_format_s_views_of_storages_are_read(torch, tmp_path):
    tensor = torch.arange(10.0)
    key = tensor.untyped_storage().data_ptr()
    path = write_tar(torch, tmp_path / "view.pth", {"w": tensor}, views=[(key + 1, key, 4, 3)])
    theirs = torch.load(path, weights_only=False)["w"]
    np.testing.assert_array_equal(read_pytorch(path)["w"], theirs.numpy())
    refused(
        write_tar(torch, tmp_path / "view.pth", {"w": tensor}, views=[(key + 1, key, 4, 7)]),
        "refers to 7 elements from 4 in a storage of 10",
    )


@pytest.mark.parametrize("place", ["storages", "tensors", "pickle"])
def test_tar_file_that_asks_for_a_function_is_refused_wherever_it_does(torch, tmp_path, place):
    canary = tmp_path / "canary"
    evil = f"cposix\nsystem\nX\x00\x00\x00\x00touch {canary}\x85R.".encode()
    evil = evil.replace(b"X\x00\x00\x00\x00", b"X" + struct.pack("<I", len(f"touch {canary}")))
    evil = b"\x80\x02" + evil
    good = write_tar(torch, tmp_path / "good.pth", {"w": torch.ones(3)})
    with tarfile.open(good) as archive:
        files = {name: archive.extractfile(name).read() for name in ("storages", "tensors", "pickle")}
    refused(write_files(tmp_path / "evil.pth", files | {place: evil}), "asks for posix.system")
    assert not canary.exists()


def test_tar_file_that_is_cut_off_or_lacks_a_file_is_refused(torch, tmp_path):
    whole = write_tar(torch, tmp_path / "good.pth", {"w": torch.randn(300), "v": torch.randn(2, 3)}).read_bytes()
    path = tmp_path / "cut.pth"
    for length in range(262, len(whole) - 10240, 97):
        path.write_bytes(whole[:length])
        refused(path, "is not a complete PyTorch file")
    refused(write_files(path, {"storages": pickled(0) + pickled([])}), "is not a complete PyTorch file")


@hypothesis.settings(max_examples=150, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(edits=edits())
def test_damaged_tar_file_is_read_or_refused(torch, tmp_path, edits):
    good = tmp_path / "good.pth"
    if not good.exists():
        write_tar(torch, good, {"w": torch.nn.Parameter(torch.randn(5, 4)), "v": torch.randn(3)})
    content = bytearray(good.read_bytes()[:-10240])
    for place, replacement, dropped in edits:
        start = int(place * len(content))
        content[start : start + dropped] = replacement
    path = tmp_path / "damaged.pth"
    path.write_bytes(content)
    try:
        read_pytorch(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017 - reading it is fine as well


def test_dictionaries_that_share_each_other_cost_no_more_than_they_are(tmp_path):
    """40 dictionaries, each twice in the next: copied one by one they would be 2^40."""
    inner = {}
    for _ in range(40):
        inner = {"a": inner, "b": inner}
    path = tmp_path / "shared.pth"
    path.write_bytes(
        pickle.dumps(MAGIC, 2)
        + pickle.dumps(1001, 2)
        + pickle.dumps(SYSTEM, 2)
        + pickle.dumps(inner, 2)
        + pickle.dumps([], 2)
    )
    found = read_pytorch(path)
    assert found["a"] is found["b"]


def test_name_in_an_error_has_no_control_characters_and_ends(tmp_path):
    for name, shown in (("\x1b[31mred", "evil.?[31mred,"), ("x" * 10_000, "x" * 95 + "...,")):
        path = tmp_path / "evil.pth"
        content = f"cevil\n{name}\n.".encode()
        path.write_bytes(
            pickle.dumps(MAGIC, 2) + pickle.dumps(1001, 2) + pickle.dumps(SYSTEM, 2) + b"\x80\x02" + content
        )
        refused(path, shown)


def test_tar_file_of_many_files_is_not_listed_to_its_end(torch, tmp_path):
    path = write_files(tmp_path / "many.pth", {f"file{k}": b"" for k in range(100)} | {"storages": b""})
    refused(path, "is not a complete PyTorch file")

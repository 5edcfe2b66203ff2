# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a file's pickle could run, crash or fill the memory with is refused; the files are made by hand."""

import copyreg
import pickle
import struct
import sys
import tracemalloc

import hypothesis
import pytest
from hypothesis import strategies as st

from ssd_tf.weights.pytorch import read_pytorch, state_dict
from tests.weights.torch_files import (
    FLOATS,
    MAGIC,
    SYSTEM,
    called,
    error_of,
    named,
    number,
    refused,
    row,
    storage,
    table,
    tensor,
    text,
    write,
)


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

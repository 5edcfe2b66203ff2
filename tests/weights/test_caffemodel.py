# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is read of a .caffemodel, whoever wrote it, and how damaged and hostile ones are refused."""

import contextlib
import tracemalloc

import hypothesis
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import strategies as st

from ssd_tf.weights.caffemodel import parse_caffemodel, read_caffemodel
from tests.weights.caffe_files import (
    BLOBS,
    DATA,
    FORMS,
    LAYER,
    LAYERS,
    NAME,
    blob,
    caffemodel,
    layer,
    number,
    refusal_of,
    shape,
    tagged,
    text,
    varint,
)

KERNEL = np.arange(2 * 3 * 3 * 3, dtype=np.float32).reshape(2, 3, 3, 3)
BIAS = np.float32([0.5, -2])
TENSORS = {"conv1_1[0]": KERNEL, "conv1_1[1]": BIAS}


def assert_tensors(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def refused(content, reason):
    """Parses what must be refused with this reason."""
    message = refusal_of(parse_caffemodel, content)
    assert message and reason in message


def of_blob(content):
    """A file with one blob of this content."""
    return layer("conv", "Convolution", [content])


@pytest.mark.parametrize("old", [False, True], ids=["layer", "layers"])
@pytest.mark.parametrize("form", FORMS)
def test_blobs_of_every_form_are_read(form, old):
    assert_tensors(parse_caffemodel(caffemodel(TENSORS, form, old)), TENSORS)


def test_batch_norm_s_sums_become_mean_and_variance():
    statistics = [np.float32([2, 4]), np.float32([6, 8])]
    content = layer("bn", "BatchNorm", [blob(part) for part in (*statistics, np.float32([2]))])
    assert_tensors(parse_caffemodel(content), {"bn[0]": [1, 2], "bn[1]": [3, 4]})
    # Caffe takes 0 for what no batch has gone into.
    content = layer("bn", "BatchNorm", [blob(part) for part in (*statistics, np.float32([0]))])
    assert_tensors(parse_caffemodel(content), {"bn[0]": [0, 0], "bn[1]": [0, 0]})


def test_batch_norm_without_its_factor_is_refused():
    refused(layer("bn", "BatchNorm", [blob(BIAS), blob(BIAS)]), "layer 'bn': expected a BatchNorm's three blobs")


def test_gradients_and_unknown_fields_are_stepped_over():
    gradients = tagged(6, KERNEL) + text(9, bytes(16)) + text(77, b"\xff" * 9) + number(78, -1)
    content = text(1, "net") + text(
        LAYER, text(NAME, "conv") + text(6, b"\xff") + text(BLOBS, gradients + blob(KERNEL))
    )
    assert_tensors(parse_caffemodel(content), {"conv[0]": KERNEL})


def test_file_that_protobuf_itself_wrote_is_read():
    net = protobuf_net()
    for name, blobs in (("conv1_1", (KERNEL, BIAS)), ("norm", (BIAS[:1],))):
        added = net.layer.add(name=name, type="Convolution")
        for values in blobs:
            part = added.blobs.add(data=values.reshape(-1))
            part.shape.dim.extend(values.shape)
    old = net.layers.add(name="fc6", type=4)
    old.blobs.add(num=2, channels=3, height=3, width=3, data=KERNEL.reshape(-1))
    found = parse_caffemodel(net.SerializeToString())
    # Of layers of both forms, protobuf writes those with the lower field first.
    assert_tensors(found, {"fc6[0]": KERNEL, **TENSORS, "norm[0]": BIAS[:1]})


def protobuf_net():
    """An empty NetParameter of protobuf's library, with the fields of caffe.proto that matter."""
    kinds = {"string": 9, "int32": 5, "int64": 3, "float": 2, "message": 11}
    file = descriptor_pb2.FileDescriptorProto(name="net.proto", package="caffe_test", syntax="proto2")
    for message, fields in {
        "Shape": [("dim", 1, 3, "int64", True)],
        "Blob": [
            *((name, place, 1, "int32", False) for place, name in enumerate(("num", "channels", "height", "width"), 1)),
            ("data", DATA, 3, "float", True),
            ("shape", 7, 1, "Shape", False),
        ],
        "Layer": [("name", 1, 1, "string", False), ("type", 2, 1, "string", False), ("blobs", 7, 3, "Blob", False)],
        "Old": [("name", 4, 1, "string", False), ("type", 5, 1, "int32", False), ("blobs", 6, 3, "Blob", False)],
        "Net": [("layers", LAYERS, 3, "Old", False), ("layer", LAYER, 3, "Layer", False)],
    }.items():
        entry = file.message_type.add(name=message)
        for name, place, label, kind, packed in fields:
            field = entry.field.add(name=name, number=place, label=label, type=kinds.get(kind, kinds["message"]))
            if kind not in kinds:
                field.type_name = f".caffe_test.{kind}"
            elif packed:
                field.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe_test.Net"))()


def test_file_s_path_is_named(tmp_path):
    path = tmp_path / "x.caffemodel"
    with pytest.raises(FileNotFoundError, match=f"weights file not found: {path}"):
        read_caffemodel(path)
    path.write_bytes(caffemodel(TENSORS)[:-1])
    with pytest.raises(ValueError, match=f"{path}: is not a complete .caffemodel: "):
        read_caffemodel(path)
    with pytest.raises(ValueError, match=f"{tmp_path}: is a folder or a device"):
        read_caffemodel(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b'name: "VGG_ILSVRC"', "has wire type 6, which caffe.proto never has"),
        (text(1, "a net"), "it has no layer with blobs"),
        (number(LAYER, 3), "is not a .caffemodel: a layer has wire type 0 in place of 2"),
        (text(LAYER, number(BLOBS, 3)), "blob 0 of layer '' has wire type 0 in place of 2"),
        (text(LAYER, text(NAME, "conv") + text(BLOBS, text(1, "3"))), "blob 0 of layer 'conv': a side has wire type 2"),
        (of_blob(number(DATA, 1)), "its numbers have wire type 0"),
        (of_blob(text(DATA, bytes(7)) + shape(1)), "its 7 bytes are no whole number of float32"),
        (of_blob(text(DATA, bytes(8)) + shape(3)), "its shape (3,) wants 3 numbers. Received: 2"),
        (of_blob(text(DATA, bytes(8)) + shape(2**31, 2**31)), "expected sides of 1 to 2**31 - 1"),
        (of_blob(text(DATA, bytes(8)) + shape(-2)), "expected sides of 1 to 2**31 - 1. Received: (-2,)"),
        (of_blob(shape(0, 10**9)), "expected sides of 1 to 2**31 - 1"),
        (of_blob(text(DATA, bytes(4)) + shape(*[1] * 33)), "has more than 32 axes"),
        (of_blob(text(DATA, bytes(4)) + text(DATA, bytes(4)) + shape(2)), "its numbers are in several pieces"),
        (of_blob(number(10, 3) + text(12, bytes(2)) + shape(1)), "raw_data_type: expected [0, 1, 2]. Received: 3"),
        (layer("a", "X", [blob(BIAS)]) * 2, "has two layers 'a' with weights"),
        (text(LAYER, text(NAME, "x" * 2000)), "has a name of more than 1000 bytes"),
        (text(LAYERS, text(1, text(1, "conv1"))), "is of Caffe's form of 2013"),
        (varint(LAYER << 3 | 2) + varint(2**62), "is not a complete .caffemodel: the field at byte 0 ends at"),
        (varint(LAYER << 3 | 2) + varint(-9), "is not a complete .caffemodel: the field at byte 0"),
        (b"\xff" * 20, "the number at byte 0 has more than 10 bytes"),
        (b"\x0b" * 10**6, "has wire type 3, which caffe.proto never has"),  # groups, each in the one before
        (b"\x02\x00", "is not a complete .caffemodel: the field at byte 0"),  # the field number 0
    ],
)
def test_hostile_file_is_refused_in_one_line(content, reason):
    refused(content, reason)


def test_file_that_is_cut_off_anywhere_is_refused_or_has_whole_layers():
    content = layer("a", "Convolution", [blob(KERNEL), blob(BIAS)]) + layer("b", "Convolution", [blob(BIAS)])
    whole = len(content) - len(layer("b", "Convolution", [blob(BIAS)]))
    for size in range(len(content)):
        if size == whole:
            assert list(parse_caffemodel(content[:size])) == ["a[0]", "a[1]"]
        else:
            refused(content[:size], "")


# As many repeated fields as fit into 200 kB to 1.5 MB; a file of 10^9 differs in its size alone.
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (text(LAYER, b"") * 100_001, "has more than 100000 fields"),
        (of_blob(text(DATA, b"") * 100_001), "its numbers are in several pieces"),
        (of_blob(text(6, b"") * 100_001), "has more than 100000 fields"),
        (layer("a", "X", [b""] * 100_001), "its shape () wants 1 numbers. Received: 0"),
        (of_blob(text(7, text(1, b"\x01" * 100_001))), "has more than 32 axes"),
        (of_blob((b"\x35" + bytes(4) + b"\x6d" + bytes(4)) * 50_001), "has more than 100000 fields"),
        (text(LAYER, text(NAME, "a") * 100_001), "has more than 100000 fields"),
    ],
    ids=["layers", "pieces", "gradients", "blobs", "axes", "runs of one", "names"],
)
def test_repeated_fields_come_to_an_end(content, reason):
    refused(content, reason)


@contextlib.contextmanager
def peak_of_memory():
    """A function that says how many bytes Python and NumPy held at most, inside."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_numbers_that_are_not_there_take_no_memory():
    content = of_blob(text(DATA, bytes(400)) + shape(10**6, 10**6))
    with peak_of_memory() as peak:
        refused(content, "wants 1000000000000 numbers")
        assert peak() < 10**6


@pytest.mark.parametrize("form", ["packed", "tagged", "sides", "double"])
def test_memory_is_that_of_the_file(tmp_path, form):
    path = tmp_path / "large.caffemodel"
    values = np.ones((1000, 1000), np.float32)
    if form == "tagged":
        path.write_bytes(of_blob(tagged(DATA, np.float32([1])) * values.size + shape(*values.shape)))
    else:
        path.write_bytes(of_blob(blob(values, form)))
    with peak_of_memory() as peak:
        found = read_caffemodel(path)
        # Measured: 1.00; where each number has its tag 1.20, a megabyte more, which the comparison of tags takes.
        assert path.stat().st_size < peak() < 1.3 * path.stat().st_size
    assert found["conv[0]"].sum() == values.size


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(
    st.sampled_from([caffemodel(TENSORS, form, old) for form in ("packed", "tagged", "half") for old in (False, True)]),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 3), st.binary(max_size=12)), min_size=1, max_size=4),
)
def test_damaged_file_is_read_or_refused_but_breaks_nothing(content, changes):
    for place, removed, added in changes:
        content = content[:place] + added + content[place + removed :]
    message = refusal_of(parse_caffemodel, content)
    assert len(message) < 1500
    if not message:
        assert sum(value.nbytes for value in parse_caffemodel(content).values()) <= len(content)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""`import_weights` with files of Caffe's: what it prints, and how mistakes are answered."""

import pytest

from ssd_tf import specs
from ssd_tf.weights.caffe_ssd import read_caffe_detector
from ssd_tf.weights.model_info import load_info
from tests.apps.conftest import run, run_well
from tests.apps.test_mistakes import assert_refused
from tests.weights.caffe_files import caffemodel, prototxt, random_tensors

CLASSIFIER = """input: "data" input_shape { dim: 1 dim: 3 dim: 224 dim: 224 }
layer { name: "fc8" type: "InnerProduct" bottom: "data" top: "fc8" }"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with net.prototxt and net.caffemodel: the Res10 detector for two classes, with random weights."""
    folder = tmp_path_factory.mktemp("caffe")
    (folder / "net.prototxt").write_text(prototxt(specs.spec("ssd300_res10"), 2))
    tensors = random_tensors(read_caffe_detector(folder / "net.prototxt"))
    (folder / "net.caffemodel").write_bytes(caffemodel(tensors))
    (folder / "classifier.prototxt").write_text(CLASSIFIER)
    (folder / "cut.caffemodel").write_bytes((folder / "net.caffemodel").read_bytes()[:5000])
    return folder


def test_net_and_weights_become_a_model(files, tmp_path):
    flags = (f"--source={files / 'net.caffemodel'}", f"--prototxt={files / 'net.prototxt'}", "--num_classes=2")
    printed = run_well("import_weights", *flags, f"--output={tmp_path / 'model'}")
    assert printed == f"ssd300_res10 for 2 classes in {tmp_path / 'model'}\n"
    assert load_info(tmp_path / "model").spec is not None
    assert_refused(run("import_weights", *flags, f"--output={tmp_path / 'model'}"), "holds a model already")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--source={}/net.caffemodel", "--prototxt={}/net.prototxt"), "does not name its classes (2): they, or their"),
        (
            ("--source={}/net.caffemodel", "--prototxt={}/net.prototxt", "--detector=ssd300_vgg16"),
            "expected --detector or --prototxt. Received: both",
        ),
        (("--source={}/net.caffemodel",), "expected --prototxt, the net of "),
        (("--source={}/net.caffemodel", "--prototxt={}/classifier.prototxt"), "layer 'fc8' (InnerProduct): no part of"),
        (("--source={}/net.caffemodel", "--prototxt={}/none.prototxt"), "prototxt not found: "),
        (("--source={}/none.caffemodel", "--prototxt={}/net.prototxt"), "weights file not found: "),
        (("--source={}/cut.caffemodel", "--prototxt={}/net.prototxt"), "is not a complete .caffemodel: "),
        (("--source={}/net.caffemodel", "--prototxt={}/cut.caffemodel"), "is not a .prototxt: "),
        (
            ("--source={}/net.caffemodel", "--detector=ssd300_vgg16", "--num_classes=2"),
            "no tensor 'conv1_1[0]', which ssd300_vgg16 needs for conv1_1/kernel",
        ),
        (
            ("--source={}/net.caffemodel", "--detector=ssd300_res10", "--num_classes=2"),
            "input_bn: Caffe's SSD on VGG-16 has no such layer; of another net, give the --prototxt too",
        ),
        (
            ("--reverse", "--source={}", "--prototxt={}/net.prototxt"),
            "--reverse: expected no --annotations, --num_classes or --prototxt",
        ),
    ],
)
def test_mistake_is_answered_in_one_line(files, tmp_path, flags, expected):
    flags = [flag.format(files) for flag in flags]
    assert_refused(run("import_weights", *flags, f"--output={tmp_path / 'model'}"), expected)
    assert not (tmp_path / "model").exists()

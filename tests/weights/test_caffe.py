# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""From a .caffemodel to a model: SSD on VGG-16 by its names or a prototxt, VGG-16 by itself, nets that do not fit."""

import dataclasses
import re

import numpy as np
import pytest

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.data.formats.coco import COCO_CATEGORIES
from ssd_tf.inference.predictor import load_model
from ssd_tf.specs import VGG, BackboneLevel, PreactBlock, PreactResNet
from ssd_tf.weights import sources
from ssd_tf.weights.caffe_ssd import read_caffe_detector
from ssd_tf.weights.convert import import_caffe_model, import_model
from ssd_tf.weights.load import load_backbone, load_weights
from tests.weights.caffe_files import caffemodel, prototxt, random_tensors, refusal_of


def slim(name):
    """A detector of Caffe's with few channels: the same names in small files."""
    spec = ssd_tf.spec(name)
    blocks = tuple(dataclasses.replace(block, middle_channels=4, channels=8) for block in spec.extra_blocks)
    if isinstance(spec.backbone, VGG):
        backbone, levels = VGG((4, 4, 8, 8, 8), fc_channels=16), (BackboneLevel("conv4", 20), BackboneLevel("fc7"))
    else:
        backbone = PreactResNet(4, (PreactBlock(4, 4), PreactBlock(8, 8, 2), PreactBlock(4, 8, 2, dilation=2)))
        levels = (BackboneLevel("block3_in", 20), BackboneLevel("last"))
    return dataclasses.replace(spec, name="net", backbone=backbone, backbone_levels=levels, extra_blocks=blocks)


SLIM = slim("ssd300_vgg16_voc")


@pytest.fixture
def files(tmp_path):
    """Writes the prototxt and the caffemodel of a spec; returns both paths and the tensors."""

    def write(spec, classes, change=lambda tensors: tensors, **how):
        (tmp_path / "net.prototxt").write_text(prototxt(spec, classes))
        tensors = change(random_tensors(read_caffe_detector(tmp_path / "net.prototxt")))
        (tmp_path / "net.caffemodel").write_bytes(caffemodel(tensors, **how))
        return tmp_path / "net.caffemodel", tmp_path / "net.prototxt", tensors

    return write


def test_prototxt_and_names_load_the_same_model(files, tmp_path):
    source, net, tensors = files(SLIM, 20)
    info = import_caffe_model(source, net, tmp_path / "by_net")
    assert info.spec == SLIM
    assert [category.name for category in info.categories][::19] == ["aeroplane", "tvmonitor"]
    assert import_caffe_model(source, net, tmp_path / "number", num_classes=20) == info
    _, by_net = load_model(tmp_path / "by_net")
    assert import_model(source, SLIM, tmp_path / "by_name") == info
    _, by_name = load_model(tmp_path / "by_name")
    loaded = ssd_tf.build_model(SLIM, 20)
    load_weights(loaded, source)
    for one, two, three in zip(by_net.weights, by_name.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(one, two, err_msg=one.path)
        np.testing.assert_array_equal(one, three, err_msg=one.path)
    # B, G, R -> R, G, B; OIHW -> HWIO.
    kernel = by_net.get_layer("conv1_1").kernel.numpy()
    np.testing.assert_array_equal(kernel, tensors["conv1_1[0]"][:, ::-1].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(by_net.get_layer("l2norm0").scale, tensors["conv4_3_norm[0]"])
    # dx, dy, dw, dh of each box -> dy, dx, dh, dw.
    bias = tensors["conv9_2_mbox_loc[1]"].reshape(-1, 4)[:, [1, 0, 3, 2]].reshape(-1)
    np.testing.assert_array_equal(by_net.get_layer("offsets5").bias, bias)
    np.testing.assert_array_equal(by_net.get_layer("logits5").bias, tensors["conv9_2_mbox_conf[1]"])


def test_same_weights_as_caffe_s_and_as_amdegroot_s_give_the_same_model(files):
    source, _, _ = files(SLIM, 20)
    model = ssd_tf.build_model(SLIM, 20)
    load_weights(model, source)
    expected = model.get_weights()
    tensors = sources.state_dict(model, "amdegroot")  # whose first kernel takes R, G, B
    assert tensors["vgg.0.weight"].shape == (4, 3, 3, 3)
    model.set_weights([np.zeros_like(weight) for weight in expected])
    sources.assign(model, tensors, "file")
    for found, value in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(found, value)


def test_net_with_batch_norm_and_its_own_names_is_loaded_and_takes_b_g_r(files, tmp_path):
    spec = slim("ssd300_res10")
    source, net, tensors = files(spec, 2, form="double")
    info = import_caffe_model(source, net, tmp_path / "model", num_classes=2)
    assert info.spec == spec and [category.name for category in info.categories] == ["class 1", "class 2"]
    _, model = load_model(tmp_path / "model")
    np.testing.assert_array_equal(model.get_layer("conv1").kernel, tensors["conv1[0]"].transpose(2, 3, 1, 0))
    for variable, blob in (("moving_mean", "bn_block2[0]"), ("moving_variance", "bn_block2[1]")):
        np.testing.assert_array_equal(getattr(model.get_layer("block2_bn"), variable), tensors[blob])
    for variable, blob in (("gamma", "scale_block2[0]"), ("beta", "scale_block2[1]")):
        np.testing.assert_array_equal(getattr(model.get_layer("block2_bn"), variable), tensors[blob])


def test_layers_of_before_2014_are_loaded(files):
    source, _, tensors = files(SLIM, 20, form="sides", old=True)
    model = ssd_tf.build_model(SLIM, 20)
    load_weights(model, source)
    np.testing.assert_array_equal(model.get_layer("fc7").bias, tensors["fc7[1]"])


def test_reduced_vgg_loads_as_a_backbone_alone(files, tmp_path):
    def reduced(tensors):
        kept = re.compile(r"(conv[1-5]_[123]|fc[67])\[")
        tensors = {name: value for name, value in tensors.items() if kept.match(name)}
        return {**tensors, "fc8[0]": np.ones((5, 16), np.float32), "fc8[1]": np.ones(5, np.float32)}

    source, _, tensors = files(SLIM, 20, reduced)
    model = ssd_tf.build_model(SLIM, 2)
    heads = model.get_layer("logits0").kernel.numpy()
    load_backbone(model, source)
    kernel = model.get_layer("conv1_1").kernel.numpy()
    np.testing.assert_array_equal(kernel, tensors["conv1_1[0]"][:, ::-1].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(model.get_layer("fc7").bias, tensors["fc7[1]"])
    np.testing.assert_array_equal(model.get_layer("logits0").kernel, heads)
    with pytest.raises(ValueError, match="holds a backbone alone: use --backbone_weights="):
        load_weights(model, source)


def test_backbone_of_a_whole_caffe_ssd_is_loaded(files):
    source, _, tensors = files(SLIM, 20)
    model = ssd_tf.build_model(SLIM, 2)
    load_backbone(model, source)
    np.testing.assert_array_equal(model.get_layer("conv5_3").bias, tensors["conv5_3[1]"])


def without(name):
    return lambda tensors: {key: value for key, value in tensors.items() if key != name}


def with_one(name, shape):
    return lambda tensors: {**tensors, name: np.ones(shape, np.float32)}


@pytest.mark.parametrize(
    ("change", "by_net", "by_name"),
    [
        (without("conv2_1[1]"), "no blob 'conv2_1[1]', which the prototxt's layer has", "no tensor 'conv2_1[1]'"),
        (
            with_one("conv1_2[0]", (4, 4, 5, 5)),
            "conv1_2[0]: expected shape (4, 4, 3, 3), as the prototxt says. Received: (4, 4, 5, 5)",
            "conv1_2[0]: expected shape (4, 4, 3, 3) for conv1_2/kernel. Received: (4, 4, 5, 5)",
        ),
        (with_one("inception[0]", (1,)), "tensor 'inception[0]' has no place", "tensor 'inception[0]' has no place"),
        (
            lambda tensors: {"conv1/7x7_s2[0]": np.ones((64, 3, 7, 7), np.float32)},
            "no blob 'conv1_1[0]', which the prototxt's layer has",
            "no tensor 'conv4_3_norm_mbox_conf[1]': these are not the weights of Caffe's SSD; where its layers have",
        ),
    ],
    ids=["missing", "shape", "left over", "GoogLeNet"],
)
def test_caffemodel_of_another_net_is_refused_by_its_first_blob(files, tmp_path, change, by_net, by_name):
    source, net, _ = files(SLIM, 20, change)
    for reason, load in (
        (by_net, lambda: import_caffe_model(source, net, tmp_path / "model")),
        (by_name, lambda: import_model(source, SLIM, tmp_path / "model")),
    ):
        message = refusal_of(load)
        assert message.startswith(f"{source}: ") and reason in message
    assert not (tmp_path / "model").exists()


def test_numbers_of_a_prototxt_alone_build_no_model(files, tmp_path):
    source, net, _ = files(SLIM, 20)
    net.write_text(net.read_text().replace("num_output: 16 kernel_size: 3", "num_output: 900000000 kernel_size: 3", 1))
    with pytest.raises(ValueError, match=r"(layer 'fc7'|fc6\[0\]).* expected"):
        import_caffe_model(source, net, tmp_path / "model")


@pytest.mark.parametrize(
    ("detector", "classes", "given", "expected"),
    [
        (SLIM, 80, {}, COCO_CATEGORIES),
        (SLIM, 2, {"categories": (Category(5, "a"), Category(9, "b"))}, (Category(5, "a"), Category(9, "b"))),
        (SLIM, 2, {}, "does not name its classes (2): they, or their number, must be given"),
        (SLIM, 2, {"num_classes": 3}, "number of classes: expected 3. Received: 2"),
        (SLIM, 2, {"categories": (Category(1, "a"),)}, "number of classes: expected 1. Received: 2"),
    ],
)
def test_classes_are_known_or_given(files, tmp_path, detector, classes, given, expected):
    source, net, _ = files(detector, classes)
    if isinstance(expected, str):
        assert refusal_of(import_caffe_model, source, net, tmp_path / "model", **given) == f"{net}: {expected}"
    else:
        assert import_caffe_model(source, net, tmp_path / "model", **given).categories == expected


def test_prototxt_beside_another_kind_of_file_is_refused(files, tmp_path):
    _, net, _ = files(SLIM, 2)
    with pytest.raises(ValueError, match=r"ssd\.pth: expected a \.caffemodel beside a \.prototxt"):
        import_caffe_model(tmp_path / "ssd.pth", net, tmp_path / "model")

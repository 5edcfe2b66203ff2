# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""From a .prototxt to a spec and the blobs of each variable; and which layer is named where there is no such spec."""

import dataclasses
import json
import re

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import ssd_tf
from ssd_tf.specs import VGG, PreactBlock, PreactResNet
from ssd_tf.weights.caffe import vgg_name
from ssd_tf.weights.caffe_ssd import read_caffe_detector
from tests.weights.caffe_files import prototxt, refusal_of

CAFFE_S = ("ssd300_vgg16", "ssd300_vgg16_voc", "ssd512_vgg16", "ssd512_vgg16_voc", "ssd300_res10")
VGG_16 = prototxt(ssd_tf.spec("ssd300_vgg16_voc"), 20)
RES10 = prototxt(ssd_tf.spec("ssd300_res10"), 1)


@pytest.fixture
def read(tmp_path):
    """The detector in a prototxt of this text."""

    def read_text(content):
        (tmp_path / "deploy.prototxt").write_text(content, encoding="utf-8")
        return read_caffe_detector(tmp_path / "deploy.prototxt")

    return read_text


@pytest.mark.parametrize("name", CAFFE_S)
@pytest.mark.parametrize("fraction", [0.0, 0.84])
def test_prototxt_gives_the_detector_of_the_table(read, name, fraction):
    # Caffe's PriorBox layer keeps whole pixels: 35.84 is 35.
    found = read(prototxt(ssd_tf.spec(name), 20, fraction))
    assert found.spec is ssd_tf.spec(name)
    assert found.num_classes == 20
    assert found.bgr is (name != "ssd300_res10")  # whose spec takes B, G, R


def test_detector_that_the_table_has_not_is_named_after_its_net(read):
    how = dataclasses.replace(ssd_tf.spec("ssd300_vgg16").detection, max_detections=50, score_threshold=0.25)
    spec = dataclasses.replace(ssd_tf.spec("ssd300_vgg16"), name="net", detection=how)
    assert read(prototxt(spec, 3)).spec == spec
    found = read(prototxt(spec, 3).replace('name: "net"', 'name: "my net/2"')).spec
    assert found == dataclasses.replace(spec, name="my_net_2")


@pytest.mark.parametrize(
    ("base", "backbone"),
    [
        ("ssd300_vgg16", VGG((8, 16, 16, 8, 8), (1, 1, 2, 2, 1), fc_channels=12, fc_dilation=3)),
        ("ssd300_res10", PreactResNet(8, (PreactBlock(4, 8), *(PreactBlock(8, 16, stride=2),) * 2, PreactBlock(4, 8)))),
    ],
)
def test_backbones_of_other_sizes_are_read(read, base, backbone):
    spec = dataclasses.replace(ssd_tf.spec(base), name="net", backbone=backbone)
    assert read(prototxt(spec, 2)).spec == spec


def test_names_of_ssd_on_vgg_are_those_that_are_known_without_a_prototxt(read):
    found = read(VGG_16).blobs
    assert found.names == {ours: vgg_name(*ours) for ours in found.names}
    model = ssd_tf.build_model("ssd300_vgg16_voc", 20)
    assert set(found.names) == {(layer.name, v.name) for layer in model.layers for v in layer.weights}


@pytest.mark.parametrize("name", ["ssd300_21", "ssd512_21"])
def test_names_and_shapes_are_those_of_caffe_s_own_nets(read, shared, name):
    maps = json.loads((shared / "golden" / "family" / "weight_maps.json").read_text())[name]
    expected = {f"{layer['caffe']}[0]": tuple(layer["kernel_oihw"]) for layer in maps if "kernel_oihw" in layer}
    shapes = read(prototxt(ssd_tf.spec(f"{name[:6]}_vgg16_voc"), 20)).blobs.shapes
    assert {blob: shape for blob, shape in shapes.items() if len(shape) == 4} == expected


def test_mean_of_the_test_phase_is_taken(read):
    data = """layer { name: "data" type: "AnnotatedData" top: "data" top: "label" include { phase: TEST }
      transform_param { mean_value: 1 mean_value: 2 mean_value: 3 resize_param { height: 300 width: 300 } } }
      layer { name: "data" type: "AnnotatedData" top: "data" include { phase: TRAIN } }"""
    lines = VGG_16.splitlines()
    spec = read("\n".join([data, *lines[3:]])).spec
    assert spec.preprocessing.mean == (3, 2, 1)
    assert spec.image_size == 300


@pytest.mark.parametrize("old", ['input: "data"\ninput_dim: 1 input_dim: 3 input_dim: 300 input_dim: 300', None])
def test_other_ways_to_give_the_input_are_read(read, old):
    layer = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 300, 300] } } }'
    assert read("\n".join([old or layer, *VGG_16.splitlines()[3:]])).spec.name == "ssd300_vgg16_voc"


CLASSIFIER = """name: "VGG" input: "data" input_shape { dim: 10 dim: 3 dim: 224 dim: 224 }
layer { name: "conv1_1" type: "Convolution" bottom: "data" top: "conv1_1"
        convolution_param { num_output: 64 pad: 1 kernel_size: 3 } }
layer { name: "fc6" type: "InnerProduct" bottom: "conv1_1" top: "fc6" inner_product_param { num_output: 4096 } }
layer { name: "prob" type: "Softmax" bottom: "fc6" top: "prob" }
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (CLASSIFIER, "layer 'fc6' (InnerProduct): no part of an SSD for deployment"),
        (CLASSIFIER.replace('"InnerProduct"', "INNER_PRODUCT").replace("layer {", "layers {"), "layer 'fc6' (INNER_PR"),
        (CLASSIFIER.replace('"InnerProduct"', '"ReLU"'), "layer 'prob' (Softmax): no part of an SSD for deployment"),
        ('name: "x"', "has no layers"),
        (CLASSIFIER.replace('bottom: "data"', 'bottom: "image"'), "'conv1_1' reads 'image', which no layer before"),
        (
            CLASSIFIER.replace('bottom: "conv1_1"', "").replace("InnerProduct", "ReLU"),
            "'fc6' (ReLU): expected one bottom",
        ),
        (CLASSIFIER.replace("dim: 224 }", "dim: 200 }"), "expected a square input of 3 channels and 1 to 2048 pixels"),
        (CLASSIFIER.replace("dim: 224", "dim: 99999"), "expected a square input of 3 channels and 1 to 2048 pixels"),
    ],
)
def test_prototxt_of_another_net_is_refused_by_its_first_layer(read, tmp_path, text, reason):
    message = refusal_of(read, text)
    assert message.startswith(f"{tmp_path / 'deploy.prototxt'}: ") and reason in message


@pytest.mark.parametrize(
    ("net", "old", "new", "layer", "expected"),
    [
        (VGG_16, "kernel_size: 3 pad: 1 }", "kernel_size: 3 pad: 1 group: 3 }", "conv1_1", "one group; here are 3"),
        (VGG_16, "kernel_size: 3", "kernel_size: 5", "conv1_1", "kernel_size 3, stride 1, pad 1"),
        (
            VGG_16,
            "kernel_size: 3 pad: 1",
            "kernel_h: 3 kernel_w: 1 pad: 1",
            "conv1_1",
            "kernel_size: expected one whole",
        ),
        (VGG_16, "kernel_size: 3", "kernel_size: 0.5", "conv1_1", "kernel_size: expected one whole number from 1 on"),
        (VGG_16, "kernel_size: 3 pad: 1", "kernel_size: 900 pad: 1", "conv1_1", "its window is larger than its input"),
        (VGG_16, "num_output: 64", "num_output: 32", "conv1_2", "32 channels"),
        (VGG_16, "pool: MAX", "pool: AVE", "pool1", "max Pooling"),
        (VGG_16, "kernel_size: 2", "kernel_size: 3", "pool1", "kernel_size 2, stride 2, pad 0"),
        (VGG_16, 'type: "ReLU"', 'type: "PReLU"', "relu_", "Convolution, ReLU or max Pooling, in VGG's order"),
        (
            VGG_16,
            '"ReLU" bottom: "conv1_1" top: "conv1_1"\n',
            '"ReLU" bottom: "conv1_1" top: "conv1_1" relu_param { negative_slope: 0.1 }',
            "relu_",
            "no negative_slope",
        ),
        (VGG_16, "across_spatial: false", "across_spatial: true", "conv4_3_norm", "across_spatial: false and channel"),
        (VGG_16, "order: [0, 2, 3, 1]", "order: [0, 3, 2, 1]", "_mbox_loc_perm", "a Permute with order [0, 2, 3, 1]"),
        (VGG_16, "num_output: 16", "num_output: 12", "conv4_3_norm_mbox_loc", "num_output 4 * 4"),
        (VGG_16, "clip: false", "clip: true", "conv4_3_norm_mbox_priorbox", "default boxes that are not clipped"),
        (VGG_16, "min_size: 30", "min_size: 30 min_size: 40", "mbox_priorbox", "one min_size and one max_size; here"),
        (VGG_16, "max_size: 60", "max_size: 20", "mbox_priorbox", "a min_size from 1 to max_size"),
        (VGG_16, "flip: true", "flip: false", "mbox_priorbox", "flip: true"),
        (VGG_16, "aspect_ratio: 2 ", "aspect_ratio: -2 ", "mbox_priorbox", "aspect ratios of more than 0"),
        (VGG_16, "step: 8", "step_h: 8 step_w: 9", "mbox_priorbox", "one step for both sides; here are [8, 9]"),
        (VGG_16, "variance: 0.1 ", "", "mbox_priorbox", "1 or 4 variances; here are 3"),
        (VGG_16, "step: 16", "step: 16 img_size: 400", "fc7_mbox_priorbox", "an image of the input's size, 300"),
        (VGG_16, "CENTER_SIZE", "CORNER", "detection_out", "code_type: CENTER_SIZE"),
        (VGG_16, "keep_top_k: 200", "keep_top_k: 1000000000", "detection_out", "from 1 to 10000"),
        (VGG_16, "share_location: true", "share_location: false", "detection_out", "boxes that all classes share"),
        (VGG_16, "num_classes: 21", "num_classes: 1", "detection_out", "num_classes of 2 or more"),
        (
            VGG_16,
            ' bottom: "conv9_2_mbox_conf_flat"',
            "",
            "detection_out",
            "as many heads as PriorBoxes; here are 6, 5",
        ),
        (
            RES10,
            '"BatchNorm" bottom: "data"',
            '"LRN" bottom: "data"',
            "bn_data",
            "batchnorm after layer 'data' (Input)",
        ),
        (RES10, "scale_param { bias_term: true }", "", "scale_data", "bias_term: true, along the channels"),
        (RES10, '"block1_sum" type: "Eltwise"', '"block1_sum" type: "Concat"', "block1_sum", "eltwise after layer"),
        (
            RES10,
            "num_output: 32 kernel_size: 7",
            "num_output: 32 bias_term: false kernel_size: 7",
            "conv1",
            "bias_term",
        ),
    ],
)
def test_what_no_spec_can_say_is_refused_by_the_layer(read, net, old, new, layer, expected):
    assert old in net
    message = refusal_of(read, net.replace(old, new, 1))
    assert layer in message and expected in message


def test_layers_after_in_place_ones_read_what_those_wrote(read):
    # Heads see what comes out of a ReLU; here one head reads the convolution before its ReLU.
    lines = VGG_16.splitlines()
    relu = next(i for i, line in enumerate(lines) if 'type: "ReLU" bottom: "conv9_2"' in line)
    head = next(i for i, line in enumerate(lines) if 'name: "conv9_2_mbox_loc"' in line)
    lines[relu:relu] = lines[head : head + 2]
    del lines[head + 2 : head + 4]
    with pytest.raises(ValueError, match=r"layer 'conv9_2_mbox_loc' .* a head: a 3x3 Convolution .* of layer 'relu_"):
        read("\n".join(lines))


def test_cells_are_those_of_the_net(read):
    # Caffe's pooling rounds up: 75 -> 38; its convolutions down.
    levels = read(VGG_16).spec.levels
    assert [level.cells for level in levels] == [38, 19, 10, 5, 3, 1]
    assert [level.cells for level in read(RES10).spec.levels] == [38, 19, 10, 5, 5, 5]
    larger = read(VGG_16.replace("dim: 300 dim: 300", "dim: 310 dim: 310")).spec
    # 310 155 78 39 | 20 | 10 | 5 | 3 | 1
    assert [level.cells for level in larger.levels] == [39, 20, 10, 5, 3, 1]


def test_no_step_spreads_default_boxes_evenly(read):
    spec = read(VGG_16.replace("step: 8", "")).spec
    assert spec.levels[0].step is None
    centers = ssd_tf.default_boxes(spec)[:: spec.levels[0].boxes_per_cell, 1][:38]
    np.testing.assert_allclose(centers, (np.arange(38) + 0.5) / 38, rtol=0, atol=1e-7)


@hypothesis.settings(
    max_examples=60, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    st.sampled_from([VGG_16, RES10]),
    st.lists(
        st.tuples(
            st.integers(0, 10**6),
            st.sampled_from(['"data"', '"conv1"', '"last"', '"ReLU"', '"Concat"', "0", "-1", "2", "0.5", "1e30", "{}"]),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_net_with_other_words_is_read_or_refused_but_breaks_nothing(read, net, changes):
    words = re.findall(r'"[^"]*"|[^\s"]+|\s+', net)
    values = [place for place, word in enumerate(words) if word[0] == '"' or word[0].isdigit()]
    for place, word in changes:
        words[values[place % len(values)]] = word
    assert len(refusal_of(read, "".join(words))) < 1000

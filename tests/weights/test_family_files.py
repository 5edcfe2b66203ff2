# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Weight files of amdegroot's, torchvision's and torchcv's SSD, and of their backbones: names, shapes, the way back.

That the numbers land where they belong is tested by what the models then compute: models/test_family_forward.py.
"""

import dataclasses
import functools
import json

import numpy as np
import pytest

import ssd_tf
from ssd_tf.data.formats.coco import COCO_CATEGORIES
from ssd_tf.inference.predictor import load_model
from ssd_tf.models.backbone import is_backbone_layer
from ssd_tf.specs import VGG, BackboneLevel, DetectorSpec
from ssd_tf.utils.errors import UserError
from ssd_tf.weights import layout, sources, vgg
from ssd_tf.weights.convert import import_model, write_tensors
from ssd_tf.weights.load import load_backbone, load_weights

SSDLITE = "ssdlite320_mobilenet_v3_large"
build = functools.cache(ssd_tf.build_model)


def slim(name: str) -> DetectorSpec:
    """A detector on VGG-16 with few channels: the same names in small files."""
    spec = ssd_tf.spec(name)
    blocks = tuple(dataclasses.replace(block, middle_channels=4, channels=8) for block in spec.extra_blocks)
    backbone = VGG(channels=(4, 4, 8, 8, 8), fc_channels=16)
    levels = (BackboneLevel("conv4", 20.0), BackboneLevel("fc7"))
    return dataclasses.replace(spec, name="slim", backbone=backbone, backbone_levels=levels, extra_blocks=blocks)


def tensors_of(model, source, seed=0):
    """Random tensors by the names and shapes of a program, as torch would save them."""
    rng = np.random.default_rng(seed)
    shapes = layout.to_tensors(model, source.names(model))
    tensors = {name: rng.uniform(0.5, 1.5, value.shape).astype(np.float32) for name, value in shapes.items()}
    counters = {
        name.replace("running_mean", "num_batches_tracked"): np.zeros((), np.int64)
        for name in tensors
        if name.endswith("running_mean")
    }
    return {**tensors, **counters}


@pytest.fixture
def saved(torch, tmp_path):
    """Writes tensors as PyTorch does."""

    def save(tensors, prefix=""):
        torch.save({prefix + name: torch.tensor(value) for name, value in tensors.items()}, tmp_path / "ssd.pth")
        return tmp_path / "ssd.pth"

    return save


@pytest.mark.parametrize(
    ("detector", "classes", "whose", "published"),
    [
        ("ssd300_vgg16_amdegroot", 20, sources.AMDEGROOT, "amdegroot"),
        ("ssd512_vgg16_voc", 20, sources.TORCHCV, "torchcv_ssd512"),
        ("ssd300_vgg16_amdegroot", 20, sources.KUANGLIU, "kuangliu"),
        ("ssd300_vgg16_torchvision", 90, sources.TORCHVISION_VGG, "ssd300_vgg16"),
        (SSDLITE, 90, sources.TORCHVISION_SSDLITE, SSDLITE),
    ],
)
def test_names_and_shapes_are_the_published_ones(golden, detector, classes, whose, published):
    model = build(detector, classes)
    expected = json.loads((golden / "state_dicts.json").read_text())[published]
    found = layout.to_tensors(model, whose.names(model))
    assert {name: list(value.shape) for name, value in found.items()} == {
        name: shape for name, shape in expected.items() if not name.endswith("num_batches_tracked")
    }
    assert sources.source_of(dict.fromkeys(expected)) is whose


def test_names_of_mobilenet_v2_are_torchvision_s(golden):
    model = build("ssdlite320_mobilenet_v2", 2)
    expected = json.loads((golden / "state_dicts.json").read_text())["mobilenet_v2"]
    names = sources.mobilenet.classifier_names(model)
    found = layout.to_tensors(
        model, lambda layer, variable: names(layer, variable) if is_backbone_layer(layer) else None
    )
    assert {name: list(value.shape) for name, value in found.items()} == {
        name: shape
        for name, shape in expected.items()
        if not name.startswith("classifier") and "num_batches" not in name
    }


@pytest.mark.parametrize(
    ("spec", "classes", "whose", "prefix"),
    [
        (slim("ssd300_vgg16_amdegroot"), 20, sources.AMDEGROOT, ""),
        (slim("ssd300_vgg16_amdegroot"), 20, sources.AMDEGROOT, "module."),
        (slim("ssd300_vgg16_torchvision"), 90, sources.TORCHVISION_VGG, "module."),
        (ssd_tf.spec(SSDLITE), 90, sources.TORCHVISION_SSDLITE, ""),
    ],
    ids=["amdegroot", "amdegroot-module", "torchvision_vgg-module", "ssdlite"],
)
def test_file_becomes_a_model_and_the_same_file_again(saved, tmp_path, spec, classes, whose, prefix):
    tensors = tensors_of(build(spec, classes), whose)
    info = import_model(saved(tensors, prefix), spec, tmp_path / "model", num_classes=classes)
    assert len(info.categories) == classes
    _, model = load_model(tmp_path / "model")
    write_tensors(tmp_path / "again.npz", model, spec.weight_names)
    with np.load(tmp_path / "again.npz") as again:
        assert set(again.files) == set(tensors)
        for name, value in tensors.items():
            np.testing.assert_array_equal(again[name], value, err_msg=name)


def test_classes_of_published_files_are_known(saved, tmp_path):
    spec = slim("ssd300_vgg16_torchvision")
    path = saved(tensors_of(build(spec, 90), sources.TORCHVISION_VGG))
    assert import_model(path, spec, tmp_path / "coco").categories == COCO_CATEGORIES
    by_id = {category.id: category.name for category in import_model(path, spec, tmp_path / "90", (), 90).categories}
    assert {number: by_id[number] for number in by_id if not by_id[number].startswith("unused")} == {
        category.id: category.name for category in COCO_CATEGORIES
    }
    assert by_id[12] == "unused 12" and sorted(by_id) == list(range(1, 91))
    spec = slim("ssd300_vgg16_amdegroot")
    path = saved(tensors_of(build(spec, 20), sources.AMDEGROOT))
    for number in (0, 20):  # a number that agrees changes nothing
        info = import_model(path, spec, tmp_path / f"voc{number}", (), number)
        assert [category.name for category in info.categories][::19] == ["aeroplane", "tvmonitor"]


def test_heads_swap_x_and_y_and_keep_the_order_of_anchors():
    spec = slim("ssd300_vgg16_amdegroot")
    model = ssd_tf.build_model(spec, 2)
    tensors = tensors_of(model, sources.AMDEGROOT)
    tensors["loc.0.bias"] = np.arange(16, dtype=np.float32)
    tensors["conf.0.bias"] = np.arange(12, dtype=np.float32)
    sources.assign(model, tensors, "file")
    np.testing.assert_array_equal(
        model.get_layer("offsets0").bias, [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14]
    )
    np.testing.assert_array_equal(model.get_layer("logits0").bias, np.arange(12))


def test_depthwise_kernels_keep_their_channels():
    model = build("ssdlite320_mobilenet_v2", 2)
    tensors = tensors_of(model, sources.TORCHVISION_SSDLITE)
    sources.assign(model, tensors, "file")
    kernel = model.get_layer("block1_depthwise").kernel.numpy()
    np.testing.assert_array_equal(
        kernel[..., 0], tensors["backbone.features.0.1.conv.0.0.weight"][:, 0].transpose(1, 2, 0)
    )


@pytest.mark.parametrize("kind", ["reduced", "classifier", "detector"])
def test_vgg_by_itself_fills_the_backbone_alone(saved, kind):
    spec = slim("ssd300_vgg16")
    model = ssd_tf.build_model(spec, 3)
    before = {variable.path: variable.numpy() for variable in model.variables}
    if kind == "detector":
        tensors = tensors_of(build(spec, 5), sources.AMDEGROOT)  # of another number of classes
    else:
        names = vgg.reduced_name if kind == "reduced" else vgg.classifier_name
        tensors = {name: value + 1 for name, value in layout.to_tensors(model, names).items()}
        if kind == "classifier":
            tensors["classifier.0.weight"] = np.zeros((4, 4), np.float32)
    load_backbone(model, saved(tensors))
    changed = {path.split("/")[0] for path, value in before.items() if np.any(value != _variable(model, path))}
    expected = {layer.name for layer in model.layers if layer.weights and is_backbone_layer(layer.name)}
    assert changed == (expected - {"fc6", "fc7"} if kind == "classifier" else expected)


def _variable(model, path):
    return next(variable.numpy() for variable in model.variables if variable.path == path)


def test_heads_for_coco_s_ids_become_those_of_its_80_classes():
    spec = slim("ssd300_vgg16_torchvision")
    tensors, model = tensors_of(build(spec, 90), sources.TORCHVISION_VGG), ssd_tf.build_model(spec, 80)
    name = "head.classification_head.module_list.1."
    tensors[name + "bias"] = np.arange(6 * 91, dtype=np.float32)
    sources.assign(model, tensors, "file")
    ids = [0, *(category.id for category in COCO_CATEGORIES)]
    kernel, bias = model.get_layer("logits1").get_weights()
    np.testing.assert_array_equal(bias, [91 * box + number for box in range(6) for number in ids])
    theirs = tensors[name + "weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(kernel, theirs[..., bias.astype(int)])
    np.testing.assert_array_equal(model.get_layer("extra1_1").bias, tensors["backbone.extra.1.0.bias"])


def test_backbone_by_itself_is_no_detector(saved):
    model = build(slim("ssd300_vgg16"), 3)
    with pytest.raises(ValueError, match="holds a backbone alone: use --backbone_weights="):
        load_weights(model, saved(layout.to_tensors(model, vgg.reduced_name)))


@pytest.mark.parametrize(
    ("detector", "whose"),
    [
        ("ssd128_tiny", sources.AMDEGROOT),
        (slim("ssd300_vgg16"), sources.MLPERF),
        ("ssd128_tiny", sources.TORCHVISION_VGG),
        ("ssd128_tiny", sources.TORCHVISION_SSDLITE),
        (slim("ssd300_vgg16"), sources.TORCHVISION_SSDLITE),
        ("ssdlite320_mobilenet_v2", sources.TORCHVISION_VGG),
        ("ssdlite320_mobilenet_v2", sources.MLPERF),
    ],
)
def test_file_of_another_detector_is_refused_by_its_tensor(detector, whose):
    model = build(detector, 2)
    with pytest.raises(UserError, match=f"^file: tensor '{whose.sign}' of {whose.name} has no place in {model.name}: "):
        sources.assign(model, {whose.sign: np.zeros(1, np.float32)}, "file")


@pytest.mark.parametrize(
    ("detector", "sign"),
    [
        ("ssd128_tiny", "features.0.0.weight"),
        ("ssd128_tiny", "0.weight"),
        ("ssdlite320_mobilenet_v2", "conv1.weight"),
        ("ssdlite320_mobilenet_v2", "features.0.weight"),
        (slim("ssd300_vgg16"), "conv1.weight"),
        (slim("ssd300_vgg16"), "features.0.0.weight"),
    ],
)
def test_backbone_of_another_detector_is_refused_by_its_tensor(detector, sign):
    model = build(detector, 2)
    with pytest.raises(UserError, match=f"file: tensor '{sign}' .*has no place in {model.name}"):
        sources.assign_backbone(model, {sign: np.zeros((64, 3, 7, 7), np.float32)}, "file")


def test_written_names_are_the_spec_s():
    assert "vgg.0.weight" in sources.state_dict(build(slim("ssd300_vgg16"), 3), "amdegroot")
    assert "backbone.scale_weight" in sources.state_dict(build(slim("ssd300_vgg16"), 3), "torchvision")
    assert "backbone.features.0.0.0.weight" in sources.state_dict(build("ssdlite320_mobilenet_v2", 2), "torchvision")
    assert "model.layer1.0.weight" in sources.state_dict(build("ssd128_tiny", 2), "mlperf")

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Outputs of the family's detectors against those of the published code, with the same weights and images.

Weights come from the recipes by name, and so go through the names that weight files have.
"""

import family_recipe
import numpy as np
import pytest
import torchvision_recipe

import ssd_tf
from ssd_tf.models.layers import L2Normalization
from ssd_tf.specs.detector import with_negative_overlaps
from ssd_tf.weights import mobilenet, sources, vgg
from tests.family import SWAPPED, fill

# float32 sums in another order than PyTorch's. Measured: 1.2e-5 to 2.1e-5 at values up to 17.
FORWARD = 1e-3
# Measured: 8.4e-5.
TRAIN = 1e-3


@pytest.fixture(scope="module")
def published(golden):
    return {name: np.load(golden / f"{name}.npz") for name in ("vgg", "torchvision")}


def outputs(model, images, training=False):
    """offsets as (dx, dy, dw, dh), and logits, for images in PyTorch's layout."""
    found = model(images.transpose(0, 2, 3, 1), training=training)
    return found["offsets"].numpy()[..., SWAPPED], found["logits"].numpy()


def sample(array, count, tag, recipe, every=1):
    return array.reshape(-1)[recipe.sample_index(array.size, count, tag)][::every]


@pytest.mark.parametrize(
    ("detector", "classes"),
    [("ssd300_vgg16_amdegroot", 21), pytest.param("ssd300_vgg16", 81, marks=pytest.mark.proof)],
)
def test_ssd300_is_amdegroot_s_and_caffe_s(published, detector, classes):
    model = fill(ssd_tf.build_model(detector, classes - 1), vgg.amdegroot_name, family_recipe.weight)
    offsets, logits = outputs(model, family_recipe.vgg_input("forward", 2, 300))
    expected = published["vgg"]
    found = sample(offsets, 2048, f"loc/{classes}", family_recipe)
    np.testing.assert_allclose(found, expected[f"forward_{classes}_loc"], rtol=0, atol=FORWARD)
    found = sample(logits, 8192, f"conf/{classes}", family_recipe, 2)
    np.testing.assert_allclose(found, expected[f"forward_{classes}_conf"], rtol=0, atol=FORWARD)
    if classes == 21:
        require_caffe_s_detections("ssd300_vgg16_voc", offsets, logits, expected["caffe_net_300"])


@pytest.mark.proof
def test_ssd300_is_kuangliu_s(published):
    model = fill(ssd_tf.build_model("ssd300_vgg16_voc", 20), vgg.kuangliu_name, family_recipe.weight)
    offsets, logits = outputs(model, family_recipe.imagenet_input("forward", 1, 300))
    expected = published["vgg"]
    found = sample(offsets, 8192, "kuang/loc", family_recipe, 4)
    np.testing.assert_allclose(found, expected["kuangliu_loc"], rtol=0, atol=FORWARD)
    found = sample(logits, 16384, "kuang/conf", family_recipe, 8)
    np.testing.assert_allclose(found, expected["kuangliu_conf"], rtol=0, atol=FORWARD)


@pytest.mark.proof
def test_ssd512_is_torchcv_s_and_caffe_s(published):
    model = fill(ssd_tf.build_model("ssd512_vgg16_voc", 20), vgg.torchcv_name, family_recipe.weight)
    offsets, logits = outputs(model, family_recipe.vgg_input("forward512", 1, 512))
    expected = published["vgg"]
    found = sample(offsets, 8192, "loc512", family_recipe, 4)
    np.testing.assert_allclose(found, expected["forward512_loc"], rtol=0, atol=FORWARD)
    found = sample(logits, 16384, "conf512", family_recipe, 8)
    np.testing.assert_allclose(found, expected["forward512_conf"], rtol=0, atol=FORWARD)
    require_caffe_s_detections("ssd512_vgg16_voc", offsets, logits, expected["caffe_net_512"])


def require_caffe_s_detections(detector, offsets, logits, rows):
    """The detections of the first image are those that Caffe's whole net makes: class, score, l, t, r, b.

    Scores of random weights lie close together, so they are compared as sets, and the lowest three may differ.
    """
    found = ssd_tf.detect(detector, offsets[:1][..., SWAPPED], logits[:1])
    count = int(found.count[0])
    assert count == len(rows)
    found = np.concatenate(
        [
            found.classes[0, :count].numpy()[:, None],
            found.scores[0, :count].numpy()[:, None],
            found.boxes[0, :count].numpy()[:, SWAPPED],
        ],
        axis=1,
    )
    distances = np.abs(found[:, None] - rows[None]).max(axis=2)
    assert np.count_nonzero(distances.min(axis=1) > 1e-4) <= 3


@pytest.mark.proof
def test_ssd1200_is_mlperf_inference_s_with_and_without_its_overlap_fault(published):
    detector = "ssd1200_resnet34"
    model = fill(ssd_tf.build_model(detector, 80), sources.MLPERF.names(None), family_recipe.weight, anchor_major=False)
    offsets, logits = outputs(model, family_recipe.imagenet_input("forward1200", 1, 1200))
    # The reference runs over level, kind, row, column.
    order, start = [], 0
    for level in ssd_tf.spec(detector).levels:
        count = level.cells**2 * level.boxes_per_cell
        grid = np.arange(start, start + count).reshape(level.cells, level.cells, level.boxes_per_cell)
        order.append(grid.transpose(2, 0, 1).reshape(-1))
        start += count
    order = np.concatenate(order)
    expected = published["vgg"]
    found = offsets[:, order].transpose(0, 2, 1).reshape(-1)[::31]
    np.testing.assert_allclose(found, expected["r34_1200_loc"], rtol=0, atol=FORWARD)
    found = sample(logits[:, order].transpose(0, 2, 1), 16384, "conf1200", family_recipe, 4)
    np.testing.assert_allclose(found, expected["r34_1200_conf"], rtol=0, atol=FORWARD)
    clamped = ssd_tf.spec(detector)
    # 50 of the best 200 are others.
    for which, spec in (("det", clamped), ("det_published", with_negative_overlaps(clamped))):
        found = ssd_tf.detect(spec, offsets[..., SWAPPED], logits)
        boxes, labels, scores = (expected[f"r34_1200_{which}_{name}"][::-1] for name in ("boxes", "labels", "scores"))
        np.testing.assert_allclose(found.scores[0], scores, rtol=0, atol=1e-4)
        np.testing.assert_array_equal(found.classes[0], labels)
        np.testing.assert_allclose(found.boxes[0].numpy()[:, SWAPPED], boxes, rtol=0, atol=1e-4)


TORCHVISION = [
    pytest.param("ssd300", "ssd300_vgg16_torchvision", marks=pytest.mark.proof),
    ("ssdlite", "ssdlite320_mobilenet_v3_large"),
]


@pytest.mark.parametrize(("short", "detector"), TORCHVISION)
def test_torchvision_s_detectors(published, short, detector):
    model = ssd_tf.build_model(detector, 90)
    fill(
        model,
        (vgg.torchvision_name if short == "ssd300" else mobilenet.detector_names(model)),
        torchvision_recipe.weight,
    )
    expected, side = published["torchvision"], torchvision_recipe.SIDE[short]
    pixels = torchvision_recipe.images01(1, 2, side) * 255
    images = ssd_tf.preprocess(pixels.transpose(0, 2, 3, 1), detector).numpy().transpose(0, 3, 1, 2)
    offsets, logits = outputs(model, images)
    require_outputs(expected, short, "eval", offsets, logits, FORWARD)
    found = ssd_tf.detect(detector, offsets[..., SWAPPED], logits)
    for image in range(2):
        boxes, scores, labels = (expected[f"{short}_found_{image}_{name}"] for name in ("boxes", "scores", "labels"))
        assert found.count[image] == len(boxes)
        ours = np.concatenate(
            [found.boxes[image].numpy()[:, SWAPPED] * side, found.classes[image].numpy()[:, None]], axis=1
        )
        theirs = np.concatenate([boxes, labels[:, None]], axis=1)
        # Smallest gaps between scores are 5e-7, so boxes are compared as sets; pixels.
        assert np.abs(ours[:, None] - theirs[None]).max(axis=2).min(axis=1).max() < 1e-2
        np.testing.assert_allclose(found.scores[image], scores, rtol=0, atol=1e-5)
    offsets, logits = outputs(model, images, training=True)
    # Batch normalisation of two images on a 1x1 map normalises two numbers: the last level of SSDLite is noise.
    last = 6 if short == "ssdlite" else 0
    require_outputs(expected, short, "train", offsets, logits, TRAIN, last)


def require_outputs(expected, short, mode, offsets, logits, tolerance, without_last=0):
    for array, count, tag, name in ((offsets, 2048, "reg", "reg"), (logits, 4096, "cls", "cls")):
        index = torchvision_recipe.sample_index(array.size, count, f"{tag}{short}")
        anchors = index // array.shape[-1] % array.shape[1]
        kept = anchors < array.shape[1] - without_last
        found, theirs = array.reshape(-1)[index], expected[f"{short}_{mode}_{name}"]
        np.testing.assert_allclose(found[kept], theirs[kept], rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("detector", "classifier", "taps"),
    [
        ("ssdlite320_mobilenet_v2", "mobilenet_v2", ("features.14.conv.0", "features.18")),
        pytest.param(
            "ssdlite320_mobilenet_v3_large_full",
            "mobilenet_v3_large",
            ("features.13.block.0", "features.16"),
            marks=pytest.mark.proof,
        ),
    ],
)
def test_backbone_is_torchvision_s_classifier(published, detector, classifier, taps):
    model = ssd_tf.build_model(detector, 90)
    if classifier == "mobilenet_v3_large":
        assert sum(np.prod(v.shape) for v in model.trainable_variables) == 5_198_540
    names = mobilenet.classifier_names(model)
    fill(model, names, torchvision_recipe.weight)
    # The maps that feed the first two levels' heads.
    inner = type(model)(model.input, [model.get_layer(f"heads{level}").input for level in range(2)])
    pixels = torchvision_recipe.images01(2, 1, 320).transpose(0, 2, 3, 1) * 255
    maps = inner(ssd_tf.preprocess(pixels, "ssdlite320_mobilenet_v2"))
    for tap, features in zip(taps, maps, strict=True):
        nchw = features.numpy().transpose(0, 3, 1, 2)
        found = nchw.reshape(-1)[torchvision_recipe.sample_index(nchw.size, 256, f"{classifier}{tap}")]
        expected = published["torchvision"][f"backbone_{classifier}_{tap}"]
        np.testing.assert_allclose(found, expected, rtol=0, atol=FORWARD)


@pytest.mark.parametrize("epsilon", ["caffe", "amdegroot"])
def test_l2_normalisation_of_a_cell_that_is_almost_zero(published, epsilon):
    x = family_recipe._rs("normalize").standard_normal((2, 512, 3, 4)).astype(np.float32)
    x[0, :, 0, 1] *= 1e-6
    detector = {"caffe": "ssd300_vgg16", "amdegroot": "ssd300_vgg16_amdegroot"}[epsilon]
    level = ssd_tf.spec(detector).backbone_levels[0]
    found = L2Normalization(level.l2_scale, level.l2_epsilon)(x.transpose(0, 2, 3, 1))[0, 0, 1]
    np.testing.assert_allclose(found, published["vgg"][f"normalize_small_{epsilon}"], rtol=1e-4, atol=0)

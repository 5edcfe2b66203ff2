# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The table of weights that can be downloaded: addresses, check sums, and which detector has which."""

import dataclasses
import json
import pathlib

import pytest

import ssd_tf
from ssd_tf.specs import DETECTORS
from ssd_tf.weights.published import PUBLISHED, find, find_detector, for_detector, local_file

VGG = "torchvision:vgg16_features-amdegroot"
COCO = {
    "ssd300_vgg16_torchvision": "torchvision:ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large": "torchvision:ssdlite320_mobilenet_v3_large",
}
IMAGENET = {
    # The file that MLPerf's rules name.
    "ssd300_resnet34": "torchvision:resnet34-333f7ec4",
    "ssd1200_resnet34": "torchvision:resnet34-333f7ec4",
    **{name: VGG for name in DETECTORS if "vgg16" in name},
    "ssdlite320_mobilenet_v3_large_full": "torchvision:mobilenet_v3_large",
    "ssdlite320_mobilenet_v2": "torchvision:mobilenet_v2",
}


def test_addresses_and_check_sums_are_torchvision_s(shared):
    weights = json.loads((shared / "golden" / "torchvision" / "recipes.json").read_text())["weights"]
    remotes = {entry.remote.url: entry.remote for entry in PUBLISHED.values()}
    assert len(weights) == 7
    for entry in weights.values():
        remote = remotes.pop(entry["url"])
        assert remote.sha256.startswith(entry["sha256_prefix"])
        assert remote.size is None or "bytes" not in entry or remote.size == entry["bytes"]
    # ResNet-34's, which no detector of torchvision's starts from.
    assert sorted(pathlib.PurePosixPath(url).name for url in remotes) == [
        "resnet34-333f7ec4.pth",
        "resnet34-b627a593.pth",
    ]


@pytest.mark.parametrize(("data", "expected"), [("coco", COCO), ("imagenet", IMAGENET)])
def test_each_detector_has_the_weights_that_fit_it(data, expected):
    for name in expected:
        assert for_detector(DETECTORS[name], data) == expected[name]
    known = ", ".join(name for name in DETECTORS if name in expected)
    for name in set(DETECTORS) - set(expected):
        with pytest.raises(ValueError, match=f"^weights '{data}': expected one of {known}. Received: {name}$"):
            for_detector(DETECTORS[name], data)


def test_detector_of_one_s_own_on_a_known_backbone_has_its_weights():
    spec = ssd_tf.spec("ssdlite320_mobilenet_v2")
    assert for_detector(ssd_tf.DetectorSpec(**{**vars(spec), "name": "mine"}), "imagenet") == "torchvision:mobilenet_v2"


def test_detector_with_default_boxes_of_one_s_own_has_the_weights_of_the_one_it_was_made_of():
    spec = ssd_tf.spec("ssd300_vgg16_torchvision")
    level = dataclasses.replace(spec.levels[-1], size=200)
    mine = dataclasses.replace(spec, name="mine", levels=(*spec.levels[:-1], level))
    assert for_detector(mine, "coco") == "torchvision:ssd300_vgg16"
    with pytest.raises(ValueError, match="weights 'coco': expected one of"):
        for_detector(dataclasses.replace(mine, clip="none"), "coco")


DETECTORS_OF_COCO = "torchvision:ssd300_vgg16, torchvision:ssdlite320_mobilenet_v3_large"


def test_unknown_name_lists_those_that_there_are():
    known = f"weights: expected one of {DETECTORS_OF_COCO}, torchvision:resnet34.*_v3_large-5c1a4163"
    with pytest.raises(ValueError, match=rf"^{known}\. Received: torchvision:ssd500$"):
        find("torchvision:ssd500")


@pytest.mark.parametrize(
    ("name", "received"), [("ssd500", "ssd500"), ("", ""), ("resnet34", "resnet34, a backbone alone")]
)
def test_name_that_is_no_detector_lists_the_detectors(name, received):
    with pytest.raises(
        ValueError, match=f"^model: expected one of {DETECTORS_OF_COCO}. Received: torchvision:{received}$"
    ):
        find_detector(f"torchvision:{name}")


def test_any_other_path_is_itself(tmp_path):
    assert local_file(tmp_path / "a.pth") == tmp_path / "a.pth"

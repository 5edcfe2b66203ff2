# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import ssd_tf
from ssd_tf import specs
from ssd_tf.specs import DETECTORS, with_finer_level, with_image_size

FINER = ("ssdlite320_mobilenet_v3_large", "ssdlite320_mobilenet_v3_large_full", "ssdlite320_mobilenet_v2")


@pytest.mark.parametrize("name", FINER)
def test_the_new_level_has_twice_the_cells_and_boxes_of_half_the_size(name):
    spec, finer = DETECTORS[name], with_finer_level(DETECTORS[name])
    assert finer.name == f"{name}_stride8"
    assert finer.levels[1:] == spec.levels
    assert finer.levels[0].cells == 40
    new = ssd_tf.default_boxes(finer)[: 40 * 40 * 6]
    assert np.min(new[:, 2:]) * 320 == pytest.approx(32 / np.sqrt(3), abs=0.01)
    model = ssd_tf.build_model(finer, 3)  # refuses where the feature map has other cells
    assert model.output["logits"].shape == (None, finer.num_anchors, 4)


def test_the_backbone_is_the_same():
    finer = with_finer_level(DETECTORS["ssdlite320_mobilenet_v2"])
    names = [weight.path for weight in ssd_tf.build_model(finer, 3).weights]
    before = [weight.path for weight in ssd_tf.build_model("ssdlite320_mobilenet_v2", 3).weights]
    assert {path for path in before if path.startswith(("block", "conv"))} <= {*names}


@pytest.mark.parametrize("name", [name for name in DETECTORS if name not in FINER])
def test_other_detectors_have_none(name):
    assert with_finer_level(DETECTORS[name]) is None


def test_it_stops_where_the_backbone_has_no_finer_map():
    spec = DETECTORS["ssdlite320_mobilenet_v2"]
    while (finer := with_finer_level(spec)) is not None:
        spec = finer
    assert [level.cells for level in spec.levels[:3]] == [160, 80, 40]


def test_it_has_any_size_and_goes_through_json():
    spec = with_image_size(with_finer_level(DETECTORS["ssdlite320_mobilenet_v2"]), 512)
    assert [level.cells for level in spec.levels[:3]] == [64, 32, 16]
    assert specs.spec_from_json(specs.spec_to_json(spec)) == spec

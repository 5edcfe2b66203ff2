# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import keras
import numpy as np
import pytest

import ssd_tf
from ssd_tf import specs
from ssd_tf.inspection.proposal import propose
from ssd_tf.specs import DETECTORS, share_weights, with_image_size
from ssd_tf.weights.published import for_detector

RESIZABLE = ("ssdlite320_mobilenet_v3_large", "ssdlite320_mobilenet_v3_large_full", "ssdlite320_mobilenet_v2")


@pytest.mark.parametrize(("size", "cells"), [(512, [32, 16, 8, 4, 2, 1]), (64, [4, 2, 1, 1, 1, 1])])
def test_the_model_has_the_cells_that_the_spec_says(size, cells):
    spec = with_image_size(DETECTORS["ssdlite320_mobilenet_v2"], size)
    assert [level.cells for level in spec.levels] == cells
    model = ssd_tf.build_model(spec, 3)  # refuses where they differ
    assert model.input.shape == (None, size, size, 3)
    assert model.output["logits"].shape == (None, spec.num_anchors, 4)


@pytest.mark.parametrize("name", RESIZABLE)
def test_default_boxes_keep_their_share_of_the_image(name):
    spec = DETECTORS[name]
    larger = with_image_size(spec, 640)
    assert larger.name == name.replace("320", "640")
    assert [level.cells for level in larger.levels] == [40, 20, 10, 5, 3, 2]
    one, other = (np.unique(ssd_tf.default_boxes(each)[:, 2:], axis=0) for each in (spec, larger))
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_proposed_default_boxes_keep_their_share_and_their_weights():
    bars = [[0.1, 0.1, 0.9, 0.15], [0.2, 0.3, 0.5, 0.32]]
    spec = propose(np.array(bars), "ssdlite320_mobilenet_v2")
    assert all(level.boxes for level in spec.levels)
    larger = with_image_size(spec, 512)
    assert larger.name == "ssdlite512_mobilenet_v2_proposed" and share_weights(spec, larger)
    assert [level.cells for level in larger.levels] == [32, 16, 8, 4, 2, 1]
    one, other = (np.unique(ssd_tf.default_boxes(each)[:, 2:], axis=0) for each in (spec, larger))
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_weights_of_one_size_fit_the_other_and_are_found_for_it():
    spec = DETECTORS["ssdlite320_mobilenet_v3_large"]
    larger = with_image_size(spec, 512)
    assert share_weights(spec, larger)
    assert for_detector(larger, "coco") == for_detector(spec, "coco")
    small, large = (ssd_tf.build_model(each, 2) for each in (spec, larger))
    large.set_weights(small.get_weights())
    keras.backend.clear_session()


def test_its_own_size_is_the_detector_itself():
    for spec in DETECTORS.values():
        assert with_image_size(spec, spec.image_size) is spec


@pytest.mark.parametrize("name", [name for name in DETECTORS if name not in RESIZABLE])
def test_other_detectors_have_one_size(name):
    with pytest.raises(ValueError, match=rf"--image_size: {name} works on \d+ pixels alone"):
        with_image_size(DETECTORS[name], 608)


@pytest.mark.parametrize("size", [32, 300, 500, -64])
def test_sizes_that_are_no_multiple_of_the_stride_are_refused(size):
    with pytest.raises(ValueError, match=rf"takes multiples of 32 from 64 on. Received: {size}"):
        with_image_size(DETECTORS["ssdlite320_mobilenet_v2"], size)


def test_a_resized_spec_goes_through_json():
    spec = with_image_size(DETECTORS["ssdlite320_mobilenet_v2"], 416)
    assert specs.spec_from_json(specs.spec_to_json(spec)) == spec


def test_the_detector_and_the_settings_take_a_size():
    from ssd_tf.settings import train_config
    from ssd_tf.training.config import check_config, complete, detector_of

    config = complete(
        train_config(detector="ssdlite320_mobilenet_v2", image_size=96, data_dir="data", model_dir="run", epochs=1)
    )
    check_config(config)
    assert detector_of(config).image_size == 96
    detector = ssd_tf.Detector("ssdlite320_mobilenet_v2", ["dot"], image_size=96)
    assert detector.spec == detector_of(config)
    with pytest.raises(ValueError, match="image_size: expected none, since this detector is trained"):
        detector.train("data", "run", image_size=128)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import dataclasses
import json

import numpy as np
import pytest

from ssd_tf import specs
from ssd_tf.inspection.fit import WELL, fit_detectors
from ssd_tf.specs import DETECTORS, spec_to_json
from tests.inspection.boxes import thin_boxes

SQUARES = np.array([[0.1, 0.1, 0.4, 0.4], [0.3, 0.3, 0.8, 0.8]])


def test_where_one_fits_well_nothing_is_proposed():
    fit = fit_detectors(SQUARES)
    assert fit is not None and fit.chosen.recall == 1 and fit.proposed is None and not fit.is_asked
    assert [recall.detector for recall in fit.recalls] == list(DETECTORS)
    assert fit.spec.name == fit.chosen.detector != "ssd128_tiny"


def test_where_none_fits_well_default_boxes_are_proposed_that_fit_better():
    fit = fit_detectors(thin_boxes(300)[:, [1, 0, 3, 2]])
    assert fit is not None and fit.chosen.recall < WELL and fit.proposed is not None
    proposed, recall = fit.proposed
    assert proposed.name == f"{fit.spec.name}_proposed" == recall.detector
    assert recall.recall > fit.chosen.recall + 0.1


def test_a_box_is_looked_at_the_right_way_round():
    # Ten times as wide as high, at the input of ssd300_vgg16_voc: [ymin, xmin, ymax, xmax].
    wide = np.array([[0.48, 0.1, 0.56, 0.9]])
    fit = fit_detectors(wide, "ssd300_vgg16_voc")
    assert fit is not None and fit.proposed is not None
    all_boxes = np.concatenate([np.array(level.boxes) for level in fit.proposed[0].levels if level.boxes])
    assert (all_boxes[:, 1] / all_boxes[:, 0]).max() > 9


def test_the_detector_that_is_asked_for_is_chosen_however_it_fits(tmp_path):
    fit = fit_detectors(thin_boxes(300)[:, [1, 0, 3, 2]], "ssd128_tiny")
    assert fit is not None and fit.is_asked and fit.spec.name == fit.chosen.detector == "ssd128_tiny"
    own = dataclasses.replace(specs.spec("ssd128_tiny"), name="mine")
    (tmp_path / "mine.json").write_text(json.dumps(spec_to_json(own)))
    fit = fit_detectors(SQUARES, str(tmp_path / "mine.json"))
    assert fit is not None and fit.chosen.detector == "mine"
    assert [recall.detector for recall in fit.recalls] == [*DETECTORS, "mine"]


def test_no_boxes_have_no_fit_and_an_unknown_detector_is_refused_all_the_same():
    assert fit_detectors(np.zeros((0, 4))) is None
    with pytest.raises(ValueError, match="unknown detector 'ssd_nothing'"):
        fit_detectors(np.zeros((0, 4)), "ssd_nothing")

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""config.json: what is saved comes back, and what is no model, or another one, is refused by name."""

import dataclasses
import json

import pytest

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.weights.model_info import ModelInfo, load_info, require_same_model
from tests.fixtures.small_runs import INFO


def test_config_gives_the_model_back(small_run):
    assert load_info(small_run) == INFO
    assert json.loads((small_run / "config.json").read_text())["settings"] == {"seed": 7}


def test_folder_without_config_is_not_a_model_dir(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path} is not a model_dir"):
        load_info(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"detector": "ssd128_tiny"}',
        b'{"detector": "ssd128_tiny", "categories": [1]}',
        b'{"detector": "ssd128_tiny", "categories": [{"id": 1}]}',
        b'{"detector": "ssd128_tiny", "categories": null}',
        b'{"detector": ["ssd128_tiny"], "categories": []}',
        b'{"detector": "another", "categories": []}',
        b"\xff\xfe\x00",
    ],
)
def test_garbage_config_is_refused_by_name(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json") as raised:
        load_info(tmp_path)
    assert str(tmp_path) in str(raised.value)


def test_same_model_passes(tmp_path):
    require_same_model(tmp_path, INFO, ModelInfo(INFO.spec, tuple(INFO.categories)))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (ModelInfo(ssd_tf.spec("ssd300_resnet34"), INFO.categories), "run holds a ssd128_tiny, not a ssd300_resnet34"),
        (
            ModelInfo(ssd_tf.spec("ssd128_tiny"), INFO.categories[:1]),
            "run was trained for 2 classes, the data set has 1",
        ),
        (
            ModelInfo(ssd_tf.spec("ssd128_tiny"), (INFO.categories[0], Category(2, "dog"))),
            r"run was trained for other classes.*: 90 .* where the data set has 2 'dog'",
        ),
        (ModelInfo(ssd_tf.spec("ssd128_tiny"), INFO.categories[::-1]), "1 'person' where the data set has 90"),
    ],
    ids=["detector", "number", "name", "order"],
)
def test_other_model_is_refused_with_what_both_are(tmp_path, wanted, message):
    with pytest.raises(ValueError, match=message):
        require_same_model(tmp_path / "run", INFO, wanted)


def test_config_of_before_specs_were_kept_loads_by_the_detector_s_name(tmp_path):
    (tmp_path / "config.json").write_text('{"detector": "ssd128_tiny", "categories": [{"id": 7, "name": "seven"}]}')
    assert load_info(tmp_path) == ModelInfo(ssd_tf.spec("ssd128_tiny"), (Category(7, "seven"),))


def test_model_of_another_spec_of_the_same_name_is_refused_by_the_fields_that_differ(tmp_path):
    other = dataclasses.replace(INFO, spec=dataclasses.replace(INFO.spec, clip="none"))
    with pytest.raises(ValueError, match="holds another ssd128_tiny: its spec differs in clip"):
        require_same_model(tmp_path, INFO, other)

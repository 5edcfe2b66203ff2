# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a run says of its settings; the run itself is tested with its program."""

import json
import pathlib
import shlex

import pytest
from absl import flags

from ssd_tf.apps import train
from ssd_tf.quickstart.choices import Facts, choose, choose_length
from ssd_tf.quickstart.run import QuickstartConfig, choose_detector, explained, in_place
from ssd_tf.quickstart.weights import Start
from ssd_tf.specs import spec
from tests.quickstart.test_fitting import CELL, dataset

V2 = "ssdlite320_mobilenet_v2"


def test_the_command_by_hand_has_the_settings_and_leaves_the_run_alone():
    output = pathlib.Path("runs/left and right")
    chosen = [*choose(Facts(205, ["left_turn"])), *choose_length(300, 12, 10)]
    *_, title, command = explained(chosen, output).splitlines()
    program, subcommand, *given = shlex.split(command)
    assert (title, program, subcommand) == ("the same by hand:", "ssd_tf", "train")
    values = flags.FlagValues()
    train.define_flags(values)
    assert values(["train", *given]) == ["train"]
    assert {choice.name: values[choice.name].value for choice in chosen} == {c.name: c.value for c in chosen}
    assert values.data_dir == "runs/left and right/data"
    assert values.model_dir == "runs/left and right-by-hand"


@pytest.mark.parametrize("size", [0, 320])
def test_a_detector_that_fits_is_taken_by_its_name(tmp_path, size):
    config = QuickstartConfig([], image_size=size)
    chosen = choose_detector(config, Start(V2, "imagenet", ""), dataset(*[(80, CELL)] * 30), tmp_path)
    assert chosen.value == V2 and not list(tmp_path.iterdir())


def test_another_size_is_in_the_file_of_the_detector(tmp_path):
    config = QuickstartConfig([], image_size=512)
    chosen = choose_detector(config, Start(V2, "imagenet", ""), dataset(*[(80, CELL)] * 30), tmp_path)
    assert spec(chosen.value) == spec(V2, 512)
    assert "512 pixels" in chosen.why


def test_default_boxes_are_made_for_the_size(tmp_path):
    config = QuickstartConfig([], image_size=512)
    found = choose_detector(config, Start(V2, "imagenet", ""), dataset(*[(20, CELL)] * 30), tmp_path)
    assert json.loads((tmp_path / "detector.json").read_text())["image_size"] == 512
    assert spec(found.value).name == "ssdlite512_mobilenet_v2_proposed"


def test_a_run_that_was_moved_finds_its_own_detector():
    moved = in_place({"detector": "old/detector.json", "seed": 0}, pathlib.Path("new"), "")
    assert moved == {"detector": "new/detector.json", "seed": 0}


@pytest.mark.parametrize("detector", ["mine/detector.json", "mine/other.json", V2])
def test_a_detector_that_the_user_named_stays_where_it_is(detector):
    assert in_place({"detector": detector}, pathlib.Path("new"), detector) == {"detector": detector}

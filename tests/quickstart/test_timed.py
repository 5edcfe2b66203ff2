# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The file that keeps a run's settings: what is written is read again, and what a user broke by hand is refused."""

import json
import re

import pytest

from ssd_tf.quickstart.choices import Choice, Facts, choose, choose_length
from ssd_tf.quickstart.timed import STATE, keep, kept
from ssd_tf.utils.errors import UserError

ASKED = {"minutes": 10.0, "detector": "", "seed": 0}
SETTINGS = {"detector": "ssd128_tiny", "steps": 300, "learning_rate": 1e-3, "random_flip": False}


def refusal(folder, content, has_detector: bool = True) -> str:
    """What is said of a file with this content, which begins with its path and ends with what to do."""
    path = folder / STATE
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError) as refused:
        kept(folder, ASKED, has_detector)
    found = re.fullmatch(f"{re.escape(str(path))}: (.*). Correct it, or choose another folder", str(refused.value))
    assert found, refused.value
    return found[1]


@pytest.mark.parametrize("has_detector", [True, False])
def test_what_was_kept_is_read_again(tmp_path, has_detector):
    own = [Choice("detector", "ssd128_tiny", "")] if has_detector else []
    chosen = [*own, *choose(Facts(205, ["left_turn"])), *choose_length(300, 12, 10)]
    settings = keep(tmp_path, ASKED, chosen)
    assert kept(tmp_path, ASKED, has_detector) == settings == {choice.name: choice.value for choice in chosen}


def test_a_new_folder_has_no_settings(tmp_path):
    assert kept(tmp_path, ASKED, has_detector=True) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"detector": None}, "expected a setting 'detector', a name or a .json file. Received: none"),
        ({"detector": ""}, "expected a setting 'detector', a name or a .json file. Received: none"),
        ({"detector": 0}, "--detector: expected str. Received: 0"),
        ({"detector": ["ssd128_tiny"]}, "--detector: expected str. Received: ['ssd128_tiny']"),
        ({"steps": None}, "expected a setting 'steps', the length of the run. Received: none"),
        ({"steps": "300"}, "--steps: expected int. Received: '300'"),
        ({"learning_rate": "fast"}, "--learning_rate: expected float. Received: 'fast'"),
        ({"random_flip": 0}, "--random_flip: expected bool. Received: 0"),
        ({"lr_decay_epochs": 40}, "--lr_decay_epochs: expected a list. Received: 40"),
        ({"data_dir": "data"}, "data_dir: expected none in this file. Received: 'data'"),
    ],
)
def test_settings_that_no_run_can_go_on_with_are_refused(tmp_path, changes, message):
    assert refusal(tmp_path, {"asked": ASKED, "settings": {**SETTINGS, **changes}}) == message


@pytest.mark.parametrize(("name", "message"), [("detector", "a setting 'detector'"), ("steps", "a setting 'steps'")])
def test_a_setting_that_is_gone_is_missed(tmp_path, name, message):
    left = {other: value for other, value in SETTINGS.items() if other != name}
    assert f"expected {message}" in refusal(tmp_path, {"asked": ASKED, "settings": left})


def test_a_run_may_be_given_epochs_instead_of_steps(tmp_path):
    settings = {"detector": "ssd128_tiny", "epochs": 20}
    (tmp_path / STATE).write_text(json.dumps({"asked": ASKED, "settings": settings}))
    assert kept(tmp_path, ASKED, has_detector=True) == settings


def test_an_unknown_setting_is_refused_with_the_nearest(tmp_path):
    content = {"asked": ASKED, "settings": {**SETTINGS, "random_flop": False}}
    assert refusal(tmp_path, content).startswith("there is no setting random_flop. The nearest: random_flip")


def test_the_detector_of_one_that_is_trained_further_is_not_in_the_file(tmp_path):
    content = {"asked": ASKED, "settings": SETTINGS}
    message = "detector: expected none in this file. Received: 'ssd128_tiny'"
    assert refusal(tmp_path, content, has_detector=False) == message


@pytest.mark.parametrize("name", ["asked", "settings"])
@pytest.mark.parametrize(
    ("part", "received"), [(None, "none"), ([], "[]"), ([["steps", 3]], "[['steps', 3]]"), ("", "''"), (7, "7")]
)
def test_parts_that_are_no_objects_are_refused(tmp_path, name, part, received):
    content = {"asked": ASKED, "settings": SETTINGS, name: part}
    assert refusal(tmp_path, content) == f"expected what quickstart wrote, an object '{name}'. Received: {received}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "an object 'asked'. Received: [1]"),
        ("{}", "an object 'asked'. Received: none"),
        ('{"asked": {', "expected what quickstart wrote. Received: Expecting property name"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path, text, message):
    assert message in refusal(tmp_path, text)

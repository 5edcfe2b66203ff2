# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a run says of its settings; the run itself is tested with its program."""

import pathlib
import shlex

from absl import flags

from ssd_tf.apps import train
from ssd_tf.quickstart.choices import Facts, choose, choose_length
from ssd_tf.quickstart.run import explained


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

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a run says at its end; the run itself is tested with its program."""

import pathlib
import shlex

import pytest

from ssd_tf.quickstart.finish import LITERT, Finished, summary


def said(folder: pathlib.Path, ap: float, ap50: float) -> str:
    folder.mkdir()
    litert = folder / LITERT
    litert.write_bytes(bytes(1_500_000))
    done = Finished(ap, ap50, folder / "report" / "report.html", folder / "val_images", litert)
    return summary(done, folder, str(folder / "data"), 12)


@pytest.mark.parametrize("name", ["bees", "bees and wasps", "bees' $HOME"])
def test_commands_can_be_given_to_a_shell_whatever_the_folder_is_called(tmp_path, name):
    run = tmp_path / name
    _, _, commands = said(run, 0.5, 0.8).partition("what to do with it:\n")
    assert [shlex.split(line) for line in commands.splitlines()] == [
        ["ssd_tf", "predict", f"--model={run}", "--input=photos", "--output_dir=found"],
        ["ssd_tf", "predict", f"--model={run}/model_int8.tflite", "--input=photos", "--output_dir=found"],
        ["ssd_tf", "stream", f"--model={run}", "--source=0"],
        ["ssd_tf", "evaluate", f"--model={run}/model_int8.tflite", f"--data_dir={run}/data", "--split=val"],
        ["ssd_tf", "export", f"--model={run}", f"--output={run}/served"],
        ["tensorboard", f"--logdir={run}"],
    ]


def test_ap_is_said_with_what_it_is_of(tmp_path):
    text = said(tmp_path / "run", 0.5123, 0.8)
    assert text.splitlines()[1] == "AP 0.512  AP50 0.800  on 12 validation images"
    assert "model_int8.tflite (1.5 MB)" in text


def test_a_split_without_boxes_has_no_ap(tmp_path):
    text = said(tmp_path / "run", -1.0, -1.0)
    assert text.splitlines()[1] == "AP n/a  AP50 n/a  (not defined: no boxes in val)"

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Two runs cannot share a model_dir, and a run that is dead holds nothing."""

import json
import os
import platform
import signal
import subprocess
import sys

import pytest

from ssd_tf.training.run_lock import LOCK, run_lock
from ssd_tf.utils.errors import UserError

# Takes the lock and dies with it.
KILLED = """
import os, pathlib, signal, sys
from ssd_tf.training.run_lock import run_lock
with run_lock(pathlib.Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_lock_goes_with_a_process_that_is_killed(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert json.loads((tmp_path / LOCK).read_text())["host"] == platform.node()
    with run_lock(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_lock_is_let_go_where_the_run_fails(tmp_path):
    with pytest.raises(ValueError, match="fails"), run_lock(tmp_path):
        raise ValueError("fails")
    with run_lock(tmp_path):
        pass


def test_folder_that_is_held_is_refused_with_the_name_of_the_process(tmp_path):
    expected = f"process {os.getpid()} on {platform.node()} is training in {tmp_path}"
    with run_lock(tmp_path), pytest.raises(UserError, match=expected), run_lock(tmp_path):
        pass


def test_process_of_another_machine_is_asked_for_and_one_of_before_a_restart_is_not(tmp_path):
    (tmp_path / LOCK).write_text(json.dumps({"host": "elsewhere", "process": 7, "boot": "a"}))
    with pytest.raises(UserError, match=rf"process 7 on elsewhere is .* If it is gone, remove .*{LOCK}"):
        run_lock(tmp_path).__enter__()
    (tmp_path / LOCK).write_text(json.dumps({"host": platform.node(), "process": 7, "boot": "a"}))
    with run_lock(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()

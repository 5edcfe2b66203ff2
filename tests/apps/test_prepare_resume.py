# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A preparation that is stopped, by Ctrl-C or by a kill, continues when the same command is run again."""

import pathlib
import signal
import subprocess
import sys
import time

import pytest

from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.data.preparation.shards import note_path
from tests.apps.conftest import ROOT, run
from tests.slow_records import SLOW_RECORDS

SLOW = f"""
{SLOW_RECORDS}
from ssd_tf.apps import cli
cli.run("prepare")
"""


def stop(flags, folder, by: signal.Signals) -> tuple[int, str]:
    """Starts the slow program, stops it when the first shard is finished, and returns its status and what it said."""
    child = subprocess.Popen([sys.executable, "-c", SLOW, *flags], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        limit = time.monotonic() + 100
        while not list(folder.glob("*.done")):
            assert child.poll() is None and time.monotonic() < limit, "no shard was finished"
            time.sleep(0.01)
    finally:
        child.send_signal(by)
        _, errors = child.communicate(timeout=100)
    return child.returncode, errors


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> pathlib.Path:
    return shapes.draw_shapes(tmp_path_factory.mktemp("drawn"), 24, image_size=(64, 64)).parent


@pytest.fixture
def flags(drawn, tmp_path) -> tuple[str, ...]:
    source = (f"--annotations={drawn}/annotations.json", f"--images={drawn}/images")
    return (*source, "--num_shards=6", f"--output_dir={tmp_path / 'out'}")


def prepare_here(drawn, folder) -> dict[str, bytes]:
    """What the program does, in this process; the files."""
    annotations, images = drawn / "annotations.json", drawn / "images"
    source = {"format": "coco", "annotations": str(annotations), "images": str(images)}
    prepare(read_coco(annotations, images), folder, "train", source, num_shards=6)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_interrupted_program_says_so_and_continues(drawn, flags, tmp_path):
    status, errors = stop(flags, tmp_path / "out", signal.SIGINT)
    assert status == 75
    assert "interrupted; run the same command to resume" in errors
    assert "Traceback" not in errors
    kept = len(list((tmp_path / "out").glob("*.done")))
    assert 0 < kept < 6
    assert not (tmp_path / "out" / "train.json").exists()

    done = run("prepare", *flags)
    assert done.returncode == 0, done.stderr
    assert f"{kept} of 6 shards were finished before and are kept" in done.stderr
    expected = prepare_here(drawn, tmp_path / "whole")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == expected


def test_killed_program_leaves_finished_shards_that_are_kept(drawn, flags, tmp_path):
    status, _ = stop(flags, tmp_path / "out", signal.SIGKILL)
    assert status == -signal.SIGKILL
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tfrecord") if note_path(path).exists()}
    assert kept
    assert prepare_here(drawn, tmp_path / "out") == prepare_here(drawn, tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_options_of_beam_reach_it(drawn, flags):
    done = run("prepare", *flags, "--runner=beam", "--beam_option=--runner=FlinkRunner", "--beam_option=flink")
    assert done.returncode == 1
    assert "error: Beam options: expected the form --name=value. Received: flink\n" in done.stderr

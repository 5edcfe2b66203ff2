# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Programs as functions of their arguments, judged by exit status, output and files; and as processes, by `command`."""

import contextlib
import io
import pathlib
import shutil
import sys
from typing import NamedTuple

import pytest

from ssd_tf.apps.cli import call
from tests.fixtures.once import made_once

ROOT = pathlib.Path(__file__).parent.parent.parent


class Done(NamedTuple):
    """What a program left: as subprocess.CompletedProcess."""

    returncode: int
    stdout: str
    stderr: str


def command(program: str, *flags: str) -> list[str]:
    """The argument list of a process that runs train, predict or a module of ssd_tf.apps."""
    start = [str(ROOT / f"{program}.py")] if program in ("train", "predict") else ["-m", f"ssd_tf.apps.{program}"]
    return [sys.executable, *start, *flags]


def run(program: str, *flags: str) -> Done:
    """Runs a program in this process."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as errors:
        status = call(program, flags)
    return Done(status, out.getvalue(), errors.getvalue())


def run_well(program: str, *flags: str) -> str:
    """Runs a program that must end well, and returns what it printed."""
    done = run(program, *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


TINY = ("--detector=ssd128_tiny", "--batch_size=8", "--log_every_steps=1", "--precision=float32")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> pathlib.Path:
    """A folder with 24 synthetic images: images/ and annotations.json."""

    def draw(folder: pathlib.Path) -> None:
        run_well("shapes", f"--output_dir={folder}", "--num_images=24", "--width=128", "--height=96")

    return made_once(tmp_path_factory, "drawn", draw)


@pytest.fixture(scope="session")
def prepared(drawn, tmp_path_factory) -> pathlib.Path:
    """A folder with the synthetic images as splits train and val."""

    def prepare(folder: pathlib.Path) -> None:
        for split in ("train", "val"):
            source = (f"--annotations={drawn}/annotations.json", f"--images={drawn}/images")
            run_well("prepare", *source, f"--output_dir={folder}", f"--split={split}", "--num_shards=2")

    return made_once(tmp_path_factory, "prepared", prepare)


@pytest.fixture(scope="session")
def trained(prepared, tmp_path_factory) -> pathlib.Path:
    """The model_dir of six steps of training: a copy for each worker, since some tests start a run in it."""

    def train(folder: pathlib.Path) -> None:
        flags = ("--epochs=2", "--eval_every_epochs=1", "--profile_steps=2:3")
        run_well("train", *TINY, f"--data_dir={prepared}", f"--model_dir={folder}/model", *flags)

    made = made_once(tmp_path_factory, "trained", train)
    return shutil.copytree(made / "model", tmp_path_factory.mktemp("trained") / "model")

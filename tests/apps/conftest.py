# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Programs as functions of their arguments, judged by exit status, output and files; and as processes, by `command`."""

import contextlib
import io
import pathlib
import sys
from typing import NamedTuple

from ssd_tf.apps.cli import call

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

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Programs as functions of their arguments, and the command that has them all."""

import importlib
import signal
import sys

import keras
import pytest
from absl import flags, logging

from ssd_tf import __main__ as command
from ssd_tf.apps import categories, cli
from ssd_tf.utils.errors import UserError
from tests.apps.conftest import run


def ssd_tf(monkeypatch, capsys, *argv: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of the command."""
    monkeypatch.setattr(sys, "argv", ["ssd_tf", *argv])
    monkeypatch.setattr(cli.faulthandler, "enable", lambda: None)  # pytest has it already
    with pytest.raises(SystemExit) as left:
        command.main()
    return left.value.code, *capsys.readouterr()


def fail_with(error: BaseException):
    def main(args):
        raise error

    return main


def test_programs_define_no_flag_in_the_global_registry():
    assert "annotations" not in flags.FLAGS and "model_dir" not in flags.FLAGS


@pytest.mark.parametrize("program", cli.programs())
@pytest.mark.parametrize("flag", ["--help", "--helpshort", "--helpfull", "-?"])
def test_help_lists_the_flags_and_ends_well(program, flag):
    done = run(program, flag)
    assert done.returncode == 0
    assert f"ssd_tf.apps.{program}" in done.stdout and "--" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("program", ["predict", "evaluate", "stream"])
def test_help_has_flags_that_programs_share(program):
    helped = run(program, "--help").stdout
    assert "--tiles:" in helped and "--tile_overlap:" in helped


def test_what_is_listed_as_a_program_can_be_run():
    modules = {name: importlib.import_module(f"ssd_tf.apps.{name}") for name in cli.programs()}
    assert [name for name, module in modules.items() if not hasattr(module, "main")] == []
    assert "error: there is no program 'tiling'" in run("tiling").stderr


def test_flag_of_one_program_is_unknown_to_another():
    assert "Unknown command line flag 'model_dir'" in run("shapes", "--output_dir=x", "--model_dir=y").stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("a.json: no boxes"), "error: a.json: no boxes"),
        (FileNotFoundError("no model at x"), "error: no model at x"),
        (UserError("first\n  second\nthird"), "error: first second"),
    ],
)
def test_mistake_is_one_line_and_status_1(monkeypatch, error, line):
    monkeypatch.setattr(categories, "main", fail_with(error))
    done = run("categories", "--annotations=a")
    assert (done.returncode, done.stderr.strip()) == (1, line)


@pytest.mark.parametrize("error", [ValueError("x"), TypeError("x"), KeyError("x"), ZeroDivisionError("x")])
def test_bug_keeps_its_traceback_under_a_line_that_asks_to_report_it(monkeypatch, capsys, error):
    monkeypatch.setattr(categories, "main", fail_with(error))
    with pytest.raises(type(error)):
        cli.call("categories", ["--annotations=a"])
    assert capsys.readouterr().err.startswith("error: this is a bug of ssd_tf. Please report it")


def test_ctrl_c_is_status_130(monkeypatch):
    monkeypatch.setattr(categories, "main", fail_with(KeyboardInterrupt()))
    assert run("categories", "--annotations=a") == (130, "", "interrupted\n")


def test_program_that_leaves_at_once_returns_its_status_here(monkeypatch):
    monkeypatch.setattr(categories, "main", lambda args: cli.leave(75, UserError("another worker is gone")))
    assert run("categories", "--annotations=a") == (75, "", "error: another worker is gone\n")


def test_signals_logging_and_dtype_policy_are_put_back(monkeypatch):
    def main(args):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
        logging.info("said")

    monkeypatch.setattr(categories, "main", main)

    def state():
        handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        filters = list(logging.get_absl_logger().filters)
        return handlers, keras.mixed_precision.dtype_policy().name, logging.get_verbosity(), filters

    before = state()
    assert run("categories", "--annotations=a") == (0, "", "said\n")
    assert state() == before


def test_command_lists_the_programs_with_a_line_each(monkeypatch, capsys):
    status, output, _ = ssd_tf(monkeypatch, capsys, "--help")
    assert status == 0
    for program in ("train", "predict", "prepare"):
        (line,) = [line for line in output.splitlines() if line.strip().startswith(f"{program} ")]
        assert len(line.split()) > 3


def test_command_runs_a_program_with_the_flags_that_follow(monkeypatch, capsys):
    status, output, _ = ssd_tf(monkeypatch, capsys, "shapes", "--help")
    assert status == 0 and "--num_images" in output


def test_unknown_program_is_refused_with_the_nearest_name(monkeypatch, capsys):
    status, _, errors = ssd_tf(monkeypatch, capsys, "trian")
    assert (status, errors) == (1, "error: there is no program 'trian'. Did you mean train? See ssd_tf --help\n")

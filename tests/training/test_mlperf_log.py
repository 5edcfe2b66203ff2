# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""MLPerf's log: its names and events, and what MLCommons' own checker says of it.

The sequences here are driven by hand: they show that the form of the log is right, not that a run reaches anything.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

import ssd_tf
from ssd_tf.settings import SubmissionConfig
from ssd_tf.training import mlperf_log
from ssd_tf.training.mlperf_log import MlperfLog, drop_caches, rule_names

mlperf_logging = pytest.importorskip(
    "mlperf_logging", reason="MLCommons' logger is not here: pip install ssd_tf[mlperf]"
)

SPEC = ssd_tf.spec("ssd300_resnet34")
HYPERPARAMETERS = {
    "seed": 1,
    "train_samples": 117266,
    "eval_samples": 5000,
    "max_samples": 1,
    "global_batch_size": 32,
    "gradient_accumulation_steps": 1,
    "model_bn_span": 32,
    "opt_base_learning_rate": 2.5e-3,
    "opt_weight_decay": 5e-4,
    "opt_learning_rate_warmup_steps": 300,
    "opt_learning_rate_warmup_factor": 0,
    "opt_learning_rate_decay_boundary_epochs": [40, 50],
}


@pytest.fixture(autouse=True)
def kernel(tmp_path, monkeypatch):
    """A file in place of the kernel's, so that its caches stay as they are."""
    path = tmp_path / "drop_caches"
    monkeypatch.setattr(mlperf_log, "_DROP_CACHES", path)
    monkeypatch.setattr(os, "sync", lambda: path.write_text("synced\n"))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "folder" / "result_0.txt"


def begin(log, weights=None):
    """All that comes before the first epoch of a run that evaluates after epochs 2, 3 and 5."""
    log.init_start()
    log.hyperparameters(HYPERPARAMETERS)
    if weights is None:
        log.weights(SPEC)
    else:
        for tensor in weights:
            log._event("weights_initialization", metadata={"tensor": tensor})
    log.run_start((2, 3, 5))


def drive(path, accuracies=(0.1, 0.2, 0.25), weights=None, **submission):
    """A whole run of five epochs, whose last evaluation reaches the target."""
    with MlperfLog(SubmissionConfig(str(path), **submission)) as log:
        begin(log, weights)
        for epoch in range(1, 6):
            log.epoch_start(epoch)
            log.epoch_stop(epoch)
            if epoch in (2, 3, 5):
                log.eval_start(epoch)
                log.eval_stop(epoch, accuracies[(2, 3, 5).index(epoch)])
        log.run_stop(reached=True)


def events(path):
    """The lines, parsed."""
    lines = path.read_text().splitlines()
    assert all(line.startswith(":::MLLOG {") for line in lines)
    return [json.loads(line.removeprefix(":::MLLOG ")) for line in lines]


def keys(path):
    return [event["key"] for event in events(path)]


def values(path, key):
    return [event["value"] for event in events(path) if event["key"] == key]


def metadata(path, key):
    """Of each event of that name, without the place in the source."""
    found = [dict(event["metadata"]) for event in events(path) if event["key"] == key]
    return [{name: value for name, value in entry.items() if name not in ("file", "lineno")} for entry in found]


def test_names_are_those_of_the_rules():
    rules = pathlib.Path(mlperf_logging.__file__).parent / "compliance_checker" / "training_1.1.0" / "closed_ssd.yaml"
    expected = re.findall(r'"(ssd0_\w+)"', rules.read_text())
    assert len(expected) == 119
    names = rule_names(SPEC)
    assert len(set(names)) == len(names)
    assert sorted(names) == sorted(expected)


@pytest.mark.parametrize("name", ["ssd300_resnet34", "ssd128_tiny"])
def test_every_trained_variable_has_a_name_and_the_two_heads_of_a_level_share_theirs(name):
    spec = ssd_tf.spec(name)
    model = ssd_tf.build_model(spec, num_classes=2)
    # A level has a kernel and a bias for offsets, and the same for logits.
    assert len(rule_names(spec)) == len(model.trainable_variables) - 2 * len(spec.levels)


def test_events_come_in_the_order_of_the_rules(path):
    drive(path)
    epoch, evaluation = ["epoch_start", "epoch_stop"], ["block_stop", "eval_start", "eval_accuracy", "eval_stop"]
    assert keys(path) == [
        "submission_benchmark",
        "submission_org",
        "submission_division",
        "submission_status",
        "submission_platform",
        "cache_clear",
        "init_start",
        *HYPERPARAMETERS,
        *["weights_initialization"] * 119,
        "init_stop",
        "run_start",
        *("block_start", *epoch, *epoch, *evaluation),
        *("block_start", *epoch, *evaluation),
        *("block_start", *epoch, *epoch, *evaluation),
        "run_stop",
    ]
    times = [event["time_ms"] for event in events(path)]
    assert times == sorted(times)
    kinds = {event["key"]: event["event_type"] for event in events(path)}
    starts = {key for key, kind in kinds.items() if kind == "INTERVAL_START"}
    assert starts == {"init_start", "run_start", "block_start", "epoch_start", "eval_start"}
    assert {key for key, kind in kinds.items() if kind == "INTERVAL_END"} == {f"{key[:-5]}stop" for key in starts}


def test_events_have_the_values_and_epochs_that_they_are_given(path):
    drive(path, mlperf_org="we", mlperf_platform="cray", mlperf_division="open", mlperf_status="cloud")
    found = {event["key"]: event["value"] for event in events(path)}
    assert HYPERPARAMETERS.items() <= found.items()
    submission = {"benchmark": "ssd", "org": "we", "platform": "cray", "division": "open", "status": "cloud"}
    assert {f"submission_{name}": value for name, value in submission.items()}.items() <= found.items()
    assert values(path, "eval_accuracy") == [0.1, 0.2, 0.25]
    assert [entry["tensor"] for entry in metadata(path, "weights_initialization")] == rule_names(SPEC)
    for key in ("eval_start", "eval_accuracy", "eval_stop"):
        assert metadata(path, key) == [{"epoch_num": epoch} for epoch in (2, 3, 5)]
    for key in ("epoch_start", "epoch_stop"):
        assert metadata(path, key) == [{"epoch_num": epoch} for epoch in range(1, 6)]
    assert metadata(path, "run_stop") == [{"status": "success"}]


def test_block_lies_between_two_evaluations(path):
    drive(path)
    assert metadata(path, "block_start") == [
        {"first_epoch_num": 1, "epoch_count": 2},
        {"first_epoch_num": 3, "epoch_count": 1},
        {"first_epoch_num": 4, "epoch_count": 2},
    ]
    assert metadata(path, "block_stop") == [{"first_epoch_num": epoch} for epoch in (1, 3, 4)]


def test_events_name_the_caller_without_the_folders_around_the_project(path):
    drive(path)
    assert {event["metadata"]["file"] for event in events(path)} == {"tests/training/test_mlperf_log.py"}


@pytest.mark.parametrize("error", [ArithmeticError, KeyboardInterrupt])
def test_run_that_fails_is_reported_as_aborted_once(path, error):
    def fail():
        with MlperfLog(SubmissionConfig(str(path))) as log:
            begin(log)
            log.epoch_start(1)
            raise error

    with pytest.raises(error):
        fail()
    assert keys(path)[-2:] == ["epoch_start", "run_stop"]
    assert metadata(path, "run_stop") == [{"status": "aborted"}]


def test_run_that_ends_without_its_target_is_reported_as_aborted(path):
    with MlperfLog(SubmissionConfig(str(path))) as log:
        begin(log)
    assert metadata(path, "run_stop") == [{"status": "aborted"}]


def test_failure_after_the_target_is_no_second_end(path):
    def fail():
        with MlperfLog(SubmissionConfig(str(path))) as log:
            begin(log)
            log.run_stop(reached=True)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert metadata(path, "run_stop") == [{"status": "success"}]


def test_failure_before_the_run_is_no_end_of_one(path):
    def fail():
        with MlperfLog(SubmissionConfig(str(path))) as log:
            log.init_start()
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert keys(path)[-1] == "init_start"


def test_nothing_is_written_or_cleared_without_a_path(tmp_path, monkeypatch, kernel):
    monkeypatch.chdir(tmp_path)
    drive("")
    assert list(tmp_path.iterdir()) == []
    assert not kernel.exists()


def test_nothing_is_printed(path, capfd):
    drive(path)
    assert capfd.readouterr() == ("", "")


def test_log_of_a_run_is_not_written_over(path):
    drive(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"--mlperf_log: {path} has the log of another run"):
        drive(path)
    assert path.read_bytes() == before


def test_log_of_a_run_that_did_not_start_is_begun_anew(path):
    drive(path)
    whole = len(keys(path))
    path.write_text(path.read_text().split("run_start")[0].rpartition("\n")[0])
    drive(path, accuracies=(0.1, 0.2, 0.3))
    # A logger that kept its first file would write each line twice.
    assert len(keys(path)) == whole
    assert values(path, "eval_accuracy") == [0.1, 0.2, 0.3]


def test_package_that_is_missing_is_named_with_the_way_to_get_it(path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "mlperf_logging"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=r"needs mlperf_logging, .*: pip install 'ssd_tf\[mlperf\]'"):
        MlperfLog(SubmissionConfig(str(path)))
    assert not path.exists()
    # Without a path the package is not asked for.
    MlperfLog(SubmissionConfig())


def test_path_that_cannot_be_written_is_an_error_of_the_system(tmp_path):
    with pytest.raises(IsADirectoryError):
        MlperfLog(SubmissionConfig(str(tmp_path)))


def test_caches_are_cleared_after_what_is_unwritten_is_written(kernel, monkeypatch):
    # As proc(5): only clean pages are dropped, 3 is for pages and inodes.
    cleared_before = []
    monkeypatch.setattr(os, "sync", lambda: cleared_before.append(kernel.exists()))
    assert drop_caches() is True
    assert cleared_before == [False]
    assert kernel.read_text() == "3\n"


@pytest.mark.parametrize("place", ["a folder", "nothing"])
def test_caches_that_may_not_be_cleared_are_reported_as_such(path, tmp_path, monkeypatch, place):
    # Root may write to any file: these two refuse even root.
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(mlperf_log, "_DROP_CACHES", tmp_path if place == "a folder" else tmp_path / "absent" / "file")
    assert drop_caches() is False
    drive(path)
    assert values(path, "cache_clear") == [False]


def test_caches_that_are_cleared_are_reported_as_such(path):
    drive(path)
    assert values(path, "cache_clear") == [True]


def check(path, *flags):
    """Runs MLCommons' checker; what it says on stderr and in its own log, and its exit status."""
    report = path.with_name("report.txt")
    command = [sys.executable, "-m", "mlperf_logging.compliance_checker", "--usage", "training", *flags]
    command += ["--log_output", str(report), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr + report.read_text()


RULES = ("--ruleset", "1.1.0")


def test_checker_passes_a_run_that_reaches_the_target(path):
    drive(path)
    status, output = check(path, *RULES, "--werror")
    assert status == 0, output
    assert "SUCCESS" in output


def test_checker_fails_a_run_that_does_not_reach_the_target(path):
    drive(path, accuracies=(0.1, 0.15, 0.2))
    status, output = check(path, *RULES)
    assert status != 0
    assert "Failed checks for eval_accuracy" in output
    assert "SUCCESS" not in output


def test_checker_fails_a_run_that_does_not_name_all_weights(path):
    drive(path, weights=rule_names(SPEC)[:-1])
    status, output = check(path, *RULES)
    assert status != 0
    assert "initialized_tensors" in output
    assert "SUCCESS" not in output


@pytest.mark.parametrize("flags", [(), ("--ruleset", "2.0.0")], ids=["newest", "2.0.0"])
def test_checker_s_later_rules_are_not_met(path, flags):
    # Their benchmark "ssd" is RetinaNet, and the newest have none: who checks must say --ruleset 1.1.0.
    drive(path)
    status, output = check(path, *flags)
    assert status != 0
    assert "SUCCESS" not in output

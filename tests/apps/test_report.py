# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
from tests.apps.conftest import run, run_well


def test_report_of_a_run_is_written_and_named(trained, tmp_path):
    printed = run_well("report", f"--model_dir={trained}", f"--output_dir={tmp_path}", "--score_threshold=0.1")
    page = (tmp_path / "report.html").read_text()
    assert printed.splitlines()[-1] == f"report: {tmp_path}/report.html"
    assert "ssd128_tiny: model" in page and "at scores from 0.1" in page
    assert "24 images" in page and "No evaluation" not in page
    assert (tmp_path / "curves.png").is_file() and (tmp_path / "precision_recall.png").is_file()


def test_mistakes_are_one_line(trained, tmp_path):
    for flags, message in (
        ((f"--model_dir={tmp_path}",), f"{tmp_path} is not a model_dir: it has no config.json"),
        ((f"--model_dir={trained}", "--split=other"), "split 'other' has not been prepared"),
    ):
        done = run("report", *flags, f"--output_dir={tmp_path}/report")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines()[-1].startswith("error: ") and message in done.stderr.splitlines()[-1]
        assert not (tmp_path / "report" / "report.html").exists()

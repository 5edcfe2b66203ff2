# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The program loadgen: what it prints and leaves, and how it ends."""

import json
import subprocess
import sys

import pytest

from ssd_tf.data.manifest import load_manifest
from ssd_tf.evaluation.coco_metrics import per_class_table, rounded, summary_table
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.inference.load import load_predictor
from tests.apps.conftest import ROOT, run_well

pytest.importorskip("mlperf_loadgen", reason="MLPerf's LoadGen is not installed: pip install '.[mlperf]'")

# A model that breaks in the test itself, after two calls of the warm-up.
BREAKS = """
import sys
from ssd_tf.inference import predictor
forward = predictor.Predictor.__call__
calls = []
def breaks(self, *args):
    calls.append(args)
    if len(calls) > 2:
        raise RuntimeError("the model broke")
    return forward(self, *args)
predictor.Predictor.__call__ = breaks
from ssd_tf.apps import cli
cli.run("loadgen")
"""


def test_accuracy_run_prints_and_writes_what_evaluate_does(trained, prepared, tmp_path):
    source = (f"--model={trained}", f"--data_dir={prepared}", "--split=val")
    how = ("--scenario=Offline", "--mode=accuracy", "--loaded_images=8")
    printed = run_well("loadgen", *source, *how, f"--output_dir={tmp_path}")
    manifest, predictor = load_manifest(prepared, "val"), load_predictor(trained)
    metrics, results, _ = evaluate_split(predictor, prepared, manifest, predictor.spec, 8)
    assert summary_table(metrics) in printed and per_class_table(metrics) in printed
    summary = tmp_path / "mlperf_log_summary.txt"
    assert f"LoadGen's summary: {summary}" in printed
    assert "No errors encountered" in summary.read_text()
    written = json.loads((tmp_path / "metrics.json").read_text())
    # 24 images are three batches of eight in both, so that even rounding is the same.
    # What is not defined is null in the file.
    assert {key: -1.0 if written[key] is None else written[key] for key in metrics.summary} == metrics.summary
    assert json.loads((tmp_path / "results.json").read_text()) == rounded(results) and results


@pytest.mark.proof
def test_model_that_breaks_ends_the_program_before_loadgens_next_query(trained, prepared, tmp_path):
    # Server's queries come ten seconds apart: LoadGen still waits for one when the program ends.
    flags = [f"--model={trained}", f"--data_dir={prepared}", "--split=val", f"--output_dir={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-c", BREAKS, *flags, "--scenario=Server", "--target_qps=0.1", "--batch_size=1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert "error: this is a bug of ssd_tf" in done.stderr
    assert done.stderr.count("RuntimeError: the model broke") == 1
    assert "terminate called" not in done.stderr

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""LoadGen's tests of a detector end well or with the detector's error; the accuracy log scores as `evaluate` does."""

import json
import re
import threading
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.pipeline import eval_dataset
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.evaluator import Evaluation, evaluate_split
from ssd_tf.performance.loadgen import SCENARIOS, LoadGenConfig, run_test
from ssd_tf.performance.loadgen_log import ACCURACY_LOG, SUMMARY_LOG, key_lines, results_of_log

pytest.importorskip("mlperf_loadgen", reason="MLPerf's LoadGen is not installed: pip install '.[mlperf]'")

# Performance tests that end at once: no least duration, and so many images a second that Server never waits long.
QUICK: dict[str, Any] = {"min_duration_seconds": 0.0, "target_qps": 2000.0}


@pytest.fixture(scope="module")
def evaluated(prepared_split, split_images) -> Evaluation:
    """What `evaluate` says."""
    return evaluate_split(prepared_split.predict, prepared_split.folder, prepared_split.manifest, split_images.spec, 4)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_accuracy_log_scores_exactly_as_evaluate(prepared_split, split_images, evaluated, tmp_path, scenario):
    # Three sets of images, and in MultiStream twice the same ones in a query.
    config = LoadGenConfig(scenario, "accuracy", batch_size=3, target_qps=2000.0, loaded_images=4)
    summary = run_test(prepared_split.predict, split_images, config, tmp_path / "made")
    assert "No errors" in summary.read_text()
    results = results_of_log(tmp_path / "made" / ACCURACY_LOG, split_images)
    metrics = coco_metrics(split_images.ground_truth, results)

    expected, expected_results, _ = evaluated
    assert 0.2 < expected.summary["AP"] < 0.95
    assert metrics.summary == expected.summary
    # As text, since AP of a class without boxes is nan.
    assert repr(metrics) == repr(expected)
    assert results == expected_results


def test_log_has_what_mlperfs_own_scripts_read(prepared_split, split_images, tmp_path):
    run_test(prepared_split.predict, split_images, LoadGenConfig("Offline", "accuracy"), tmp_path)
    entries = json.loads((tmp_path / ACCURACY_LOG).read_text())
    assert sorted(entry["qsl_idx"] for entry in entries) == list(range(len(split_images)))
    batches = list(
        eval_dataset(prepared_split.folder, prepared_split.manifest, split_images.spec, 1).as_numpy_iterator()
    )
    for entry in entries:
        # As accuracy-coco.py: float32 of seven each: image, ymin, xmin, ymax, xmax, score, class.
        rows = np.frombuffer(bytes.fromhex(entry["data"]), np.float32).reshape(-1, 7)
        found = prepared_split.predict(tf.constant(batches[entry["qsl_idx"]].images))
        n = int(found.count[0])
        assert (len(rows) == 0) == (entry["qsl_idx"] == 0)
        np.testing.assert_array_equal(rows[:, 0], np.full(n, entry["qsl_idx"]))
        np.testing.assert_array_equal(rows[:, 1:5], found.boxes[0, :n])
        np.testing.assert_array_equal(rows[:, 5], found.scores[0, :n])
        np.testing.assert_array_equal(rows[:, 6], found.classes[0, :n])


# LoadGen wants 64 queries of a SingleStream test and 662 of a MultiStream one; Offline is one query.
@pytest.mark.parametrize(
    ("scenario", "queries", "result"),
    [
        ("SingleStream", 70, "VALID"),
        ("SingleStream", 20, "INVALID"),
        ("MultiStream", 20, "INVALID"),
        ("Offline", 70, "VALID"),
        ("Server", 20, "INVALID"),
    ],
)
def test_performance_test_leaves_loadgens_result(prepared_split, split_images, tmp_path, scenario, queries, result):
    config = LoadGenConfig(scenario, min_queries=queries, **QUICK)
    summary = run_test(prepared_split.predict, split_images, config, tmp_path)
    assert summary == tmp_path / SUMMARY_LOG
    lines = key_lines(summary.read_text())
    assert f"Result is : {result}" in lines
    assert f"Scenario : {scenario}" in lines
    assert "Min queries satisfied : Yes" in "\n".join(lines)
    assert "No errors encountered during test." in lines
    assert not any("schedule_rng_seed" in line for line in lines)


def test_server_that_is_too_slow_is_invalid(prepared_split, split_images, tmp_path):
    config = LoadGenConfig("Server", min_queries=20, target_latency_ms=0.001, **QUICK)
    summary = run_test(prepared_split.predict, split_images, config, tmp_path).read_text()
    assert "Performance constraints satisfied : NO" in summary
    assert "target_latency (ns): 1000\n" in summary


def test_speed_of_the_model_decides_how_many_images_offline_gets(prepared_split, split_images, tmp_path):
    def slow(images):
        # Called in the test's own thread, where Ctrl-C arrives; 5 ms an image.
        assert threading.current_thread() is threading.main_thread()
        threading.Event().wait(0.005 * len(images))
        return prepared_split.predict(images)

    config = LoadGenConfig("Offline", min_duration_seconds=0.3, min_queries=1)
    summary = run_test(slow, split_images, config, tmp_path).read_text()
    assert "Result is : VALID" in summary
    found = re.search(r"samples_per_query : (\d+)", summary)
    # 200 a second at most; LoadGen asks for 1.1 and we for 1.25 times of what that makes.
    assert found and 40 <= int(found.group(1)) <= 83


def test_images_are_batched_and_every_size_was_tried_before(prepared_split, split_images, tmp_path):
    size = split_images.spec.image_size

    def sizes_of(scenario):
        seen = []

        def remember(images):
            assert images.dtype == tf.uint8 and images.shape[1:] == (size, size, 3)
            seen.append(len(images))
            return prepared_split.predict(images)

        config = LoadGenConfig(scenario, "accuracy", batch_size=4)
        run_test(remember, split_images, config, tmp_path)
        return seen

    # Twice each size, to compile and to measure; then 11 images.
    warm_up = [1, 1, 2, 2, 4, 4]
    assert sizes_of("Offline") == [*warm_up, 4, 4, 2, 1]
    assert sizes_of("SingleStream") == [1, 1] + [1] * len(split_images)
    # Two queries of eight.
    assert sizes_of("MultiStream") == [*warm_up, 4, 4, 4, 4]


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("error", [RuntimeError("the model broke"), KeyboardInterrupt()])
def test_error_of_the_model_ends_the_test(prepared_split, split_images, tmp_path, scenario, error):
    calls = []

    def breaks(images):
        calls.append(images)
        # The warm-up is over after two calls of each of two sizes.
        if len(calls) > 5:
            raise error
        return prepared_split.predict(images)

    config = LoadGenConfig(scenario, batch_size=2, min_queries=50, min_duration_seconds=0.0, target_qps=500.0)
    with pytest.raises(type(error)) as raised:
        run_test(breaks, split_images, config, tmp_path)
    assert raised.value is error
    # LoadGen has come to its end, so that another test can follow.
    assert not any(thread.name == "LoadGen" for thread in threading.enumerate())


def test_error_while_images_are_loaded_ends_the_test(prepared_split, split_images, tmp_path, monkeypatch):
    def fails(indexes):
        raise OSError("the disk is gone")

    monkeypatch.setattr(split_images, "load", fails)
    with pytest.raises(OSError, match="the disk is gone"):
        run_test(prepared_split.predict, split_images, LoadGenConfig(mode="accuracy"), tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [{"scenario": "Interactive"}, {"mode": "fast"}, {"batch_size": 0}, {"min_queries": 0}, {"target_qps": -1.0}],
)
def test_setting_out_of_range_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name}: expected .* Received: "):
        LoadGenConfig(**wrong)

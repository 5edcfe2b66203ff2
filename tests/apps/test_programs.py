# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The way from synthetic images to annotated ones, program by program, on 24 images and a few steps."""

import csv
import json
import signal
import subprocess
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.apps.conftest import ROOT, TINY, command, run_well


def losses(model_dir) -> dict[int, float]:
    lines = [json.loads(line) for line in (model_dir / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if "loss" in line}


def test_categories_lists_sparse_ids_with_counts(drawn):
    rows = [line.split() for line in run_well("categories", f"--annotations={drawn}/annotations.json").splitlines()]
    annotations = json.loads((drawn / "annotations.json").read_text())["annotations"]
    assert [row[0] for row in rows[1:-1]] == ["1", "3", "7", "8", "12"]
    assert sum(int(row[-1]) for row in rows[1:-1]) == int(rows[-1][-1]) == len(annotations)


def test_prepare_reports_counts_and_writes_a_manifest(drawn, tmp_path):
    source = (f"--annotations={drawn}/annotations.json", f"--images={drawn}/images")
    output = run_well("prepare", *source, f"--output_dir={tmp_path}", "--split=train", "--limit=10")
    manifest = json.loads((tmp_path / "train.json").read_text())
    assert "train: 10 images (10 with boxes)" in output
    assert manifest["num_images"] == 10
    assert sum(shard["images"] for shard in manifest["shards"]) == 10


def test_train_leaves_what_the_documentation_promises(trained):
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    evaluations = [line for line in lines if "AP50" in line]
    assert [line["step"] for line in steps] == [1, 2, 3, 4, 5, 6]
    assert {"step", "epoch", "loss", "lr"} <= set(steps[0])
    assert all(0 <= step["input_wait"] <= 1 for step in steps)
    assert [line["step"] for line in evaluations] == [3, 6]
    assert {"AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100"} <= set(evaluations[0])
    assert json.loads((trained / "config.json").read_text())["detector"] == "ssd128_tiny"
    assert (trained / "checkpoints" / "ckpt-6.index").is_file()
    assert list((trained / "best").glob("ckpt-*.index"))
    events = [tf.compat.v1.Event.FromString(r.numpy()) for r in tf.data.TFRecordDataset(
        [str(path) for path in (trained / "tensorboard").glob("events*")])]  # fmt: skip
    tags = {value.tag for event in events for value in event.summary.value}
    assert {"train/loss", "train/lr", "val/AP", "settings"} <= tags
    assert {"train/positives", "train/gradient_norm", "train/input_wait", "train/host_memory_mb"} <= tags
    assert {"train/examples", "val/confusion", "val_pr/all classes", "val_class_AP/star", "val_scores/wrong"} <= tags
    assert sum(tag.startswith("val_pictures/") for tag in tags) == 16
    assert len(list((trained / "tensorboard" / "plugins" / "profile").glob("*/*.xplane.pb"))) == 1


def test_a_finished_run_has_nothing_left_to_do(prepared, trained):
    before = (trained / "metrics.jsonl").read_bytes()
    output = run_well("train", *TINY, f"--data_dir={prepared}", f"--model_dir={trained}", "--epochs=2")
    assert "nothing left to do at step 6" in output
    assert "AP 0." in output  # of its last evaluation
    assert (trained / "metrics.jsonl").read_bytes() == before


def test_an_interrupted_run_saves_exits_75_and_continues_as_if_nothing_had_happened(prepared, tmp_path):
    def flags(model_dir):
        return (*TINY, f"--data_dir={prepared}", f"--model_dir={model_dir}", "--steps=12", "--eval_every_epochs=0")

    run_well("train", *flags(tmp_path / "whole"))
    stopped = tmp_path / "stopped"
    process = subprocess.Popen(command("train", *flags(stopped)), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (stopped / "metrics.jsonl").is_file() or len(losses(stopped)) < 2:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    done = max(losses(stopped))
    assert process.returncode == 75, errors
    assert f"interrupted at step {done}" in errors
    assert done < 12

    run_well("train", *flags(stopped))
    whole, resumed = losses(tmp_path / "whole"), losses(stopped)
    assert list(resumed) == list(range(1, 13))
    # Same examples, same augmentation, same weights: on one CPU only the threads' order of summation may differ.
    np.testing.assert_allclose(list(resumed.values()), list(whole.values()), rtol=1e-4)


def average_precisions(model_dir) -> list[float]:
    lines = [json.loads(line) for line in (model_dir / "metrics.jsonl").read_text().splitlines()]
    return [line["AP"] for line in lines if "AP" in line]


@pytest.mark.proof
def test_training_stops_at_the_target(prepared, tmp_path):
    flags = (*TINY, f"--data_dir={prepared}", "--epochs=4", "--eval_every_epochs=1")
    flags = (*flags, "--learning_rate=0.002", "--lr_warmup_steps=5")
    run_well("train", *flags, f"--model_dir={tmp_path / 'whole'}")
    whole = average_precisions(tmp_path / "whole")
    assert len(whole) == 4
    target = max(whole[:3])
    assert target > 0  # else no run stops for it
    # Between the numbers, since a float's text may round.
    run_well("train", *flags, f"--model_dir={tmp_path / 'm'}", f"--target_map={target * 0.999:.9f}")
    assert average_precisions(tmp_path / "m") == pytest.approx(whole[: whole.index(target) + 1], rel=1e-3)


def test_training_starts_from_another_run(prepared, trained, tmp_path):
    flags = (f"--data_dir={prepared}", f"--model_dir={tmp_path / 'm'}", f"--init_from={trained}")
    run_well("train", *TINY, *flags, "--steps=1", "--learning_rate=0", "--seed=5")
    for layer in ("conv1", "conv3_1_2", "logits0"):
        name = f"model/{layer}/_kernel/.ATTRIBUTES/VARIABLE_VALUE"
        np.testing.assert_array_equal(
            tf.train.load_variable(str(tmp_path / "m" / "checkpoints"), name),
            tf.train.load_variable(str(trained / "best"), name),
        )


def test_evaluate_writes_its_reports(prepared, trained, tmp_path):
    flags = (f"--data_dir={prepared}", "--split=val", f"--output_dir={tmp_path}", "--metrics=coco,voc12")
    output = run_well("evaluate", f"--model={trained}", *flags)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    recorded = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    best = max((line for line in recorded if "AP" in line), key=lambda line: line["AP"])
    # The program computes in float32 like the run, and the reports round nothing: the same numbers.
    assert abs(metrics["AP"] - best["AP"]) < 1e-6
    assert metrics["num_images"] == 24
    assert "AP50" in output and "voc12 mAP" in output and 0.0 <= metrics["voc12_mAP"] <= 1.0
    results = json.loads((tmp_path / "results.json").read_text())
    assert {result["category_id"] for result in results} <= {1, 3, 7, 8, 12}
    rows = list(csv.DictReader((tmp_path / "per_class.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == ["circle", "triangle", "star", "square", "cross"]


def test_evaluate_computes_in_the_precision_asked_for_and_says_which(prepared, trained, tmp_path):
    def scores(precision: str) -> list[float]:
        output = tmp_path / precision
        flags = (f"--data_dir={prepared}", f"--output_dir={output}", f"--precision={precision}")
        printed = run_well("evaluate", f"--model={trained}", *flags)
        policy = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]
        assert f"{trained} on val, computed in {policy} (asked for)" in printed
        return [result["score"] for result in json.loads((output / "results.json").read_text())]

    assert scores("bfloat16") != scores("float32")


def test_evaluate_takes_a_single_checkpoint(prepared, trained):
    checkpoint = trained / "checkpoints" / "ckpt-3"
    assert "AP50" in run_well("evaluate", f"--model={checkpoint}", f"--data_dir={prepared}", "--split=val")


def test_predict_writes_images_and_predictions(drawn, trained, tmp_path):
    flags = (f"--input={drawn}/images", f"--output_dir={tmp_path / 'out'}", "--score_threshold=0.05")
    output = run_well("predict", f"--model={trained}", *flags, f"--logdir={tmp_path / 'log'}")
    predictions = json.loads((tmp_path / "out" / "predictions.json").read_text())["annotations"]
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 24
    assert f"{len(predictions)} objects in 24 images" in output
    assert list((tmp_path / "log").glob("events*"))

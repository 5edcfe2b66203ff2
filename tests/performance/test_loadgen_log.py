# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The accuracy log: what is written is read again, and a log that is not whole is refused."""

import json

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.geometry.detections import Detections
from ssd_tf.performance.loadgen_log import (
    DETAIL_LOG,
    SUMMARY_LOG,
    log_rows,
    read_accuracy_log,
    require_whole,
    results_of_log,
)


def test_answers_in_any_order_score_exactly_as_evaluate(prepared_split, split_images, tmp_path):
    everything = range(len(split_images))
    split_images.load(everything)
    images = tf.constant(np.stack([split_images[index] for index in everything]))
    split_images.unload(everything)
    found = Detections(*(values.numpy() for values in prepared_split.predict(images)))
    log = [{"qsl_idx": index, "data": log_rows(found, index, index).tobytes().hex()} for index in reversed(everything)]
    (tmp_path / "log.json").write_text(json.dumps(log))

    source = (prepared_split.folder, prepared_split.manifest, split_images.spec)
    _, expected, _ = evaluate_split(prepared_split.predict, *source, batch_size=4)
    assert len(expected) > 11
    assert results_of_log(tmp_path / "log.json", split_images) == expected


def test_row_is_image_box_score_class():
    # Image 1 of a batch of two, with one detection in room for two.
    boxes = np.array([[[0] * 4] * 2, [[0.1, 0.2, 0.3, 0.4], [9] * 4]], np.float32)
    found = Detections(
        boxes,
        np.array([[0, 0], [0.9, 9]], np.float32),
        np.array([[0, 0], [2, 9]], np.int32),
        np.array([0, 1], np.int32),
    )
    rows_of_7 = log_rows(found, 1, 35)
    assert rows_of_7.dtype == np.float32
    np.testing.assert_array_equal(rows_of_7, np.array([[35, 0.1, 0.2, 0.3, 0.4, 0.9, 2]], np.float32))
    assert log_rows(found, 0, 34).shape == (0, 7)


def rows(*values: float) -> str:
    return np.array(values, "<f4").tobytes().hex()


GOOD = [
    {"seq_id": 0, "qsl_idx": 1, "data": ""},
    {"seq_id": 1, "qsl_idx": 0, "data": rows(0, 0.1, 0.2, 0.3, 0.4, 0.9, 2)},
]


def test_first_answer_to_an_image_counts(tmp_path):
    again = {"seq_id": 2, "qsl_idx": 0, "data": rows(0, 0, 0, 0, 0, 0.5, 1)}
    (tmp_path / "log.json").write_text(json.dumps([*GOOD, again]))
    first, second = read_accuracy_log(tmp_path / "log.json", 2)
    np.testing.assert_array_equal(first, np.array([[0, 0.1, 0.2, 0.3, 0.4, 0.9, 2]], np.float32))
    assert second.shape == (0, 7)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (json.dumps(GOOD[:1]), "answers to 2 images. Received: to 1"),
        (json.dumps([*GOOD, {"seq_id": 2, "qsl_idx": 2, "data": ""}]), "answers to 2 images. Received: to 3"),
        (json.dumps([{**GOOD[1], "qsl_idx": 5}]), "answer to image 5 is of image 0"),
        (json.dumps([{**GOOD[1], "data": rows(0, 1, 2)}]), "not the log of an accuracy test"),
        (json.dumps([{**GOOD[1], "data": "xyz"}]), "not the log of an accuracy test"),
        (json.dumps([{"qsl_idx": 0}]), "not the log of an accuracy test"),
        ('[\n{ "seq_id" : 0, ', "not the log of an accuracy test"),
    ],
)
def test_log_that_is_damaged_or_not_whole_is_refused(tmp_path, content, words):
    (tmp_path / "log.json").write_text(content)
    with pytest.raises(ValueError, match=words) as raised:
        read_accuracy_log(tmp_path / "log.json", 2)
    assert "log.json" in str(raised.value)


SUMMARY, DETAIL = "MLPerf Results Summary\n\n1 ERROR encountered. See detailed log.\n", ':::MLLOG {"key": 1}\n'


@pytest.mark.parametrize(
    ("summary", "detail", "cut"),
    [("", DETAIL, SUMMARY_LOG), (SUMMARY[:30], DETAIL, SUMMARY_LOG), (SUMMARY, DETAIL[:9], DETAIL_LOG)],
)
def test_log_that_was_cut_off_by_a_full_disk_is_told(tmp_path, summary, detail, cut):
    (tmp_path / SUMMARY_LOG).write_text(SUMMARY)
    (tmp_path / DETAIL_LOG).write_text(DETAIL)
    assert require_whole(tmp_path) == tmp_path / SUMMARY_LOG
    (tmp_path / SUMMARY_LOG).write_text(summary)
    (tmp_path / DETAIL_LOG).write_text(detail)
    with pytest.raises(OSError, match=f"{cut}: LoadGen could not write all of it"):
        require_whole(tmp_path)

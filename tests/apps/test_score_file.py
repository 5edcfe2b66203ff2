# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""`evaluate --predictions` scores a file against an annotation file, without a model."""

import json
import pathlib
from typing import Any

import pytest

from tests.apps.conftest import Done, run

BOX = [10.0, 10.0, 50.0, 50.0]


def truth(**changes: Any) -> dict[str, Any]:
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": BOX}],
        "categories": [{"id": 3, "name": "cat"}],
    }
    return {**content, **changes}


def results(**changes: Any) -> list[dict[str, Any]]:
    return [{"image_id": 1, "category_id": 3, "bbox": BOX, "score": 0.9, **changes}]


def score(folder: pathlib.Path, annotations: Any, predictions: Any) -> Done:
    (folder / "truth.json").write_text(json.dumps(annotations))
    (folder / "found.json").write_text(json.dumps(predictions))
    return run("evaluate", *flags(folder))


def flags(folder: pathlib.Path) -> tuple[str, ...]:
    files = (f"--predictions={folder / 'found.json'}", f"--annotations={folder / 'truth.json'}")
    return (*files, f"--output_dir={folder / 'out'}")


def metrics_in(folder: pathlib.Path) -> dict[str, Any]:
    return json.loads((folder / "out" / "metrics.json").read_text())


def test_a_box_that_is_found_scores_one(tmp_path):
    assert score(tmp_path, truth(), results()).returncode == 0
    assert metrics_in(tmp_path)["AP"] == pytest.approx(1, abs=1e-12)


def test_where_nothing_counts_the_reason_stands_in_place_of_a_number(tmp_path):
    crowd = [{"id": 1, "image_id": 1, "category_id": 3, "bbox": BOX, "iscrowd": 1}]
    done = score(tmp_path, truth(annotations=crowd), results())
    reason = "no image has a box that is not a crowd"
    assert done.returncode == 0 and f"AP is not defined: {reason}" in done.stdout.splitlines()
    assert "-1" not in done.stdout
    metrics = metrics_in(tmp_path)
    assert metrics["AP"] is None and metrics["undefined"]["AP"] == reason
    assert metrics["notes"] == [f"AP is not defined: {reason}"]


def test_classes_that_are_called_by_numbers_are_classes(tmp_path):
    numbered = truth(categories=[{"id": 3, "name": 7}])
    found = {
        "images": [{"id": 5, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 5, "category_id": 1, "bbox": BOX, "score": 0.9}],
        "categories": [{"id": 1, "name": "7"}],
    }
    assert score(tmp_path, numbered, found).returncode == 0
    assert metrics_in(tmp_path)["AP"] == pytest.approx(1, abs=1e-12)
    assert [row["name"] for row in metrics_in(tmp_path)["per_class"]] == ["7"]


def test_what_is_not_in_the_numbers_is_printed_and_written(tmp_path):
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    found = {
        "images": [{"id": 5, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 5, "category_id": 1, "bbox": BOX, "score": 0.9}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    done = score(tmp_path, truth(images=images), found)
    (note,) = metrics_in(tmp_path)["notes"]
    assert note.startswith("1 of 2 images of the annotation file are not in the predictions")
    assert note in done.stdout.splitlines()


def test_what_is_read_is_never_written_over(tmp_path):
    (tmp_path / "truth.json").write_text(json.dumps(truth()))
    given = tmp_path / "results.json"
    given.write_text(json.dumps(results()))
    done = run("evaluate", f"--predictions={given}", f"--annotations={tmp_path}/truth.json", f"--output_dir={tmp_path}")
    assert done.returncode == 1 and f"expected a folder without what is read. Received: {given}" in done.stderr
    assert json.loads(given.read_text()) == results()


@pytest.mark.parametrize("name", ["metrics.json", "results.json", "per_class.csv"])
def test_a_file_of_the_user_is_not_replaced_and_an_earlier_evaluation_is(tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("precious")
    done = score(tmp_path, truth(), results())
    assert done.returncode == 1 and f"expected no {name} there but of an evaluation" in done.stderr
    assert (tmp_path / "out" / name).read_text() == "precious"
    (tmp_path / "out" / name).unlink()
    for _ in range(2):
        assert score(tmp_path, truth(), results()).returncode == 0


def test_a_file_in_the_place_of_the_output_folder_is_told_before_anything_is_read(tmp_path):
    (tmp_path / "out").write_text("precious")
    done = run("evaluate", *flags(tmp_path))  # neither file to read is there
    assert done.returncode == 1
    assert f"expected a folder to write to. Received: {tmp_path}/out, where a file is" in done.stderr

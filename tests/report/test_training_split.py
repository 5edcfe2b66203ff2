# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import shutil

import pytest

from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.inference.load import load_predictor
from ssd_tf.report.training_split import HashingPredictor, look_at_training

COPIES = 2


@pytest.fixture(scope="module")
def data(run, tmp_path_factory) -> str:
    """A folder with the split `val` of the run, and a split `train` of ten others and two of its images."""
    folder = tmp_path_factory.mktemp("training")
    val = run.model_dir.parent / "drawn"
    path = shapes.draw_shapes(folder / "drawn", 10, seed=5, image_size=(160, 120), start_id=900)
    content, theirs = json.loads(path.read_text()), json.loads((val / "annotations.json").read_text())
    content["categories"] = theirs["categories"]
    for image in theirs["images"][:COPIES]:
        shutil.copy(val / "images" / image["file_name"], folder / "drawn" / "images" / f"copy-{image['file_name']}")
        content["images"].append({**image, "file_name": f"copy-{image['file_name']}"})
    path.write_text(json.dumps(content))
    shutil.copytree(run.data_dir, folder / "data")
    prepare(read_coco(path, path.parent / "images"), folder / "data", "train", {}, num_shards=2)
    return str(folder / "data")


@pytest.fixture(scope="module")
def predictor(run):
    return load_predictor(run.model_dir)


def test_classes_copies_and_the_score_of_training_are_known(run, data, predictor):
    val, hashing = load_manifest(data, "val"), HashingPredictor(predictor)
    evaluate_split(hashing, data, val, predictor.spec, 4)  # the last batch is filled up with black images
    found = look_at_training(predictor, data, "train", data, val, hashing.hashes, 4)
    assert found is not None
    assert (found.copies, found.compared, found.sample) == (COPIES, run.manifest.num_images, 10 + COPIES)
    assert found.classes == load_manifest(data, "train").classes
    assert found.ap50 is not None and 0 <= found.ap50 <= 1


def test_there_is_nothing_to_compare_with_itself_with_what_is_gone_and_with_other_classes(run, data, predictor):
    val = load_manifest(data, "val")
    assert look_at_training(predictor, data, "val", data, val, [], 4) is None
    assert look_at_training(predictor, data, "gone", data, val, [], 4) is None
    other = dataclasses.replace(val, classes=val.classes[::-1])
    assert look_at_training(predictor, data, "train", data, other, [], 4) is None

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A small model_dir with its data, as a run leaves them, and a reader of pages."""

import dataclasses
import html.parser
import json
import pathlib
import re
import shutil
from typing import NamedTuple

import pytest
import tensorflow as tf

from ssd_tf.data import shapes
from ssd_tf.data.coco import read_coco
from ssd_tf.data.manifest import Manifest, load_manifest
from ssd_tf.data.prepare import prepare
from ssd_tf.evaluation.coco import coco_metrics
from ssd_tf.evaluation.evaluator import Evaluation, evaluate_split
from ssd_tf.geometry.detections import Detections
from ssd_tf.model_dir import ModelInfo, save_model
from ssd_tf.models.detector import build_model
from ssd_tf.report.scoring import Scored, look_into

DETECTOR, NUM_IMAGES = "ssd128_tiny", 6
# Names that break pages and charts that do not expect them.
NAMES = ("<script>alert(1)</script>", 'a "quoted" & long name of a class', "$x_2^", "猫", "_hidden")


class Run(NamedTuple):
    """model_dir: with best/ and settings; data_dir: with the split `val`."""

    model_dir: pathlib.Path
    data_dir: pathlib.Path
    manifest: Manifest


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Run:
    """An untrained detector that says it was trained on drawn pictures; of classes with wild names."""
    folder = tmp_path_factory.mktemp("report")
    path = shapes.draw_shapes(folder / "drawn", NUM_IMAGES, image_size=(160, 120), start_id=500)
    content = json.loads(path.read_text())
    for category, name in zip(content["categories"], NAMES, strict=True):
        category["name"] = name
    path.write_text(json.dumps(content))
    manifest = prepare(read_coco(path, path.parent / "images"), folder / "data", "val", {}, num_shards=1)
    info = ModelInfo(DETECTOR, manifest.categories)
    tf.keras.utils.set_random_seed(0)
    save_model(folder / "model", info, build_model(DETECTOR, len(NAMES)), ["drawn"])
    return Run(folder / "model", folder / "data", manifest)


def pretend_training(run: Run, model_dir: pathlib.Path, data_dir: pathlib.Path | None = None) -> pathlib.Path:
    """A copy of the run's folder with what 30 steps of training would have left: checkpoint, reports and settings."""
    shutil.copytree(run.model_dir / "best", model_dir / "best")
    for path in (model_dir / "best").glob("ckpt-0.*"):
        path.rename(path.with_name(path.name.replace("ckpt-0", "ckpt-30")))
    info = dataclasses.asdict(ModelInfo(DETECTOR, run.manifest.categories))
    settings = {"data_dir": str(data_dir or run.data_dir), "val_split": "val", "optimizer": {"momentum": 0.9}}
    (model_dir / "config.json").write_text(json.dumps({**info, "settings": settings}))
    lines = [{"step": step, "epoch": step / 10, "loss": 20 / step, "lr": 0.01} for step in (10, 20, 30)]
    lines += [{"step": 30, "epoch": 3.0, "AP": 0.1, "AP50": 0.2, "AP75": 0.05}]
    (model_dir / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return model_dir


@pytest.fixture(scope="session")
def evaluation(run) -> Evaluation:
    """Boxes that are right, but for one in each picture that is of another class and one where nothing is."""
    truth = evaluate_split(_nothing, run.data_dir, load_manifest(run.data_dir, "val"), 64, 2).ground_truth
    ids = [category["id"] for category in truth["categories"]]
    results = []
    for image in truth["images"]:
        own = [a for a in truth["annotations"] if a["image_id"] == image["id"]]
        found = [{**annotation, "score": 0.9 - 0.1 * k} for k, annotation in enumerate(own)]
        found[0]["category_id"] = ids[(ids.index(found[0]["category_id"]) + 1) % len(ids)]
        found.append({**own[0], "bbox": [0, 0, 5, 5], "score": 0.6})
        results += [{key: f[key] for key in ("image_id", "category_id", "bbox", "score")} for f in found]
    return Evaluation(coco_metrics(truth, results), results, truth)


@pytest.fixture(scope="session")
def scored(run, evaluation) -> Scored:
    return look_into(evaluation, run.data_dir, run.manifest, 0.3)


def _nothing(images: tf.Tensor) -> Detections:
    shape = (len(images), 1)
    return Detections(tf.zeros((*shape, 4)), tf.zeros(shape), tf.zeros(shape, tf.int32), tf.zeros(shape[:1], tf.int32))


class Page(html.parser.HTMLParser):
    """A page taken apart: its tags with their attributes, its text, and which tags were open at the end."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open = "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def words(self) -> str:
        return re.sub(r"\s+", " ", self.text)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A detector on a prepared split -> COCO metrics. The records hold the ground truth: no annotation file is needed."""

import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tqdm
from absl import logging

from ssd_tf.data.bad_examples import NO_FAULT, BadExamples
from ssd_tf.data.examples import FILLING, EvalBatch
from ssd_tf.data.formats.coco_results import Results, coco_results
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import eval_dataset
from ssd_tf.distributed.strategy import Distribution
from ssd_tf.evaluation.coco_metrics import CocoMetrics, coco_metrics
from ssd_tf.geometry.boxes import to_coco_xywh
from ssd_tf.geometry.detections import Detections
from ssd_tf.specs import DetectorSpec


class Evaluation(NamedTuple):
    """A scored split.

    Attributes:
      metrics: COCO's numbers.
      results: the detections in COCO's results format.
      ground_truth: COCO instances of the images that were scored: images, annotations, categories.
    """

    metrics: CocoMetrics
    results: Results
    ground_truth: dict[str, list[dict[str, Any]]]


def evaluate_split(
    predict: Callable[[tf.Tensor], Detections],
    data_dir: str | pathlib.Path,
    manifest: Manifest,
    spec: DetectorSpec,
    batch_size: int,
    skip_bad_records: bool = False,
    distribution: Distribution | None = None,
    voc: Sequence[str] = (),
    input_size: tuple[int, int] | None = None,
    most: int | None = None,
) -> Evaluation:
    """Scores every image of the split once, images without boxes and without detections included, as COCO does.

    With several replicas each takes a part of each batch. All workers get all detections, and so the same numbers.

    Args:
      predict: uint8 RGB [B, S, S, 3] -> Detections.
      data_dir: where the split lies.
      manifest: of the split; gives the sparse ids.
      spec: of the detector, which says how large images are made and how they are resized.
      batch_size: B, over all replicas; rounded up to a multiple of their number. The last batch is filled up with black
        images, which are not scored.
      skip_bad_records: see data/bad_examples.py; what is left out is not scored.
      distribution: where to compute; None is this process's default device.
      voc: kinds of VOC's numbers to compute too, as `coco_metrics` takes them.
      input_size: height and width of the images that `predict` takes, where they are not the detector's.
      most: score only so many images, the first ones; None: all.

    Raises:
      ValueError: a record cannot be read.
    """
    results: list[Results] = []
    ground_truth: dict[str, list[dict[str, Any]]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": c.id, "name": c.name} for c in manifest.categories],
    }
    distribution = distribution or Distribution(tf.distribute.get_strategy())
    bad_examples = BadExamples(data_dir, manifest, skip_bad_records)
    batch_size = math.ceil(batch_size / distribution.replicas) * distribution.replicas
    batch_shard = distribution.batch_shard(batch_size)
    dataset = eval_dataset(data_dir, manifest, spec, batch_size, batch_shard, input_size, most)
    compute = distribution.run_gathered(lambda batch: (predict(batch.images), batch[1:]))
    with tqdm.tqdm(
        total=min(most or manifest.num_images, manifest.num_images),
        unit="img",
        desc=f"evaluate {manifest.split}",
        leave=False,
        disable=not distribution.is_chief,
    ) as progress:
        for batch in distribution.distribute(dataset):
            found, rest = compute(batch)
            batch = EvalBatch(np.empty(0), *rest)
            real = batch.record != FILLING
            bad_examples.add(batch.record[real], batch.fault[real])
            for index in np.flatnonzero(real & (batch.fault == NO_FAULT)).tolist():
                add_ground_truth(ground_truth, batch, index)
                image_id, height, width = batch.source_id[index], batch.height[index], batch.width[index]
                results.append(coco_results(found, index, manifest.categories, int(image_id), height, width))
            progress.update(int(real.sum()))
    if bad_examples.records:
        logging.warning("%s", bad_examples.summary())
    joined = Results.joined(results)
    return Evaluation(coco_metrics(ground_truth, joined, voc), joined, ground_truth)


def add_ground_truth(ground_truth: dict[str, list[dict[str, Any]]], batch: EvalBatch, index: int) -> None:
    """Appends image `index` of a batch (NumPy) and its boxes to a dict of COCO instances."""
    image_id, height, width = int(batch.source_id[index]), int(batch.height[index]), int(batch.width[index])
    ground_truth["images"].append({"id": image_id, "height": height, "width": width})
    count = int(batch.num_boxes[index])
    for k, box in enumerate(to_coco_xywh(batch.boxes[index, :count], height, width)):
        ground_truth["annotations"].append(
            {
                "id": len(ground_truth["annotations"]) + 1,
                "image_id": image_id,
                "category_id": int(batch.category_ids[index, k]),
                "bbox": box.tolist(),
                "area": float(batch.areas[index, k]),
                "iscrowd": int(batch.is_crowd[index, k]),
                "difficult": int(batch.is_difficult[index, k]),
            }
        )

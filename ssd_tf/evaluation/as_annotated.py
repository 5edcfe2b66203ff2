# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""AP of the boxes as they were annotated, beside that of the boxes which `prepare` cleaned, where these differ."""

import pathlib
from typing import Any

from ssd_tf.data.formats.coco import json_file
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.preparation.upright import CHOSEN, TURNED
from ssd_tf.evaluation.coco_metrics import coco_metrics, value_text
from ssd_tf.evaluation.evaluator import Evaluation
from ssd_tf.evaluation.result_files import read_truth
from ssd_tf.utils.errors import UserError


def notes_as_annotated(manifest: Manifest, evaluation: Evaluation) -> list[str]:
    """The numbers of the same detections on the boxes as they stand in the annotation file, in a line; nothing where no
    box was clipped or dropped, or the file's boxes cannot be had.

    The shards have the cleaned boxes alone. So the file must be where it was, of COCO, and still have as many boxes;
    and no image may have been turned, since the boxes then are of another one.
    """
    truth = _truth_as_annotated(manifest, evaluation.ground_truth)
    if truth is None:
        return []
    summary = coco_metrics(truth, evaluation.results).summary
    numbers = ", ".join(f"{key} {value_text(summary[key])}" for key in ("AP", "AP50", "AP75"))
    boxes = f"all {len(truth['annotations'])} boxes as {manifest.source['annotations']} has them"
    return [f"split {manifest.split!r}: of {boxes}: {numbers}"]


def _truth_as_annotated(manifest: Manifest, scored: dict[str, list[dict[str, Any]]]) -> dict[str, Any] | None:
    dropped, clipped = (len(manifest.findings.get(kind, ())) for kind in ("dropped", "clipped"))
    is_turned = TURNED in manifest.findings or CHOSEN in manifest.findings
    if not dropped + clipped or is_turned or manifest.source.get("format") != "coco":
        return None
    try:
        truth, _, _ = read_truth(json_file(pathlib.Path(manifest.source["annotations"])))
    except (OSError, UserError):
        return None
    images, classes = ({entry["id"] for entry in scored[key]} for key in ("images", "categories"))
    annotations = [
        entry for entry in truth["annotations"] if entry["image_id"] in images and entry["category_id"] in classes
    ]
    if len(annotations) != len(scored["annotations"]) + dropped:
        return None
    return {**scored, "annotations": annotations}

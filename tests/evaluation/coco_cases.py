# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO dicts to score: by hand, small ones that hypothesis thinks of, large drawn ones; and what pycocotools finds."""

import contextlib
import io

import numpy as np
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}, {"id": 9, "name": "cow"}]
"""Not in the order of their ids: class 1 is the cat, 2 the dog, 3 the cow."""


def truth(*annotations, images=(1, 2)):
    """Ground truth of two 200 x 200 images."""
    return {
        "images": [{"id": i, "width": 200, "height": 200} for i in images],
        "categories": CATEGORIES,
        "annotations": [{"id": k, **a} for k, a in enumerate(annotations)],
    }


def box(bbox, category_id=3, image_id=1, **more):
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, **more}


# A coarse grid, so that boxes overlap, coincide and tie; scores likewise.
_boxes = st.builds(
    lambda x, y, w, h: [x * 10.0, y * 10.0, w * 10.0, h * 10.0], *[st.integers(0, 3)] * 2, *[st.integers(1, 4)] * 2
)
_rows = {"bbox": _boxes, "category_id": st.sampled_from([3, 7, 9]), "image_id": st.sampled_from([1, 2])}
_truths = st.fixed_dictionaries(_rows | {"iscrowd": st.sampled_from([0, 0, 0, 1])})
_results = st.fixed_dictionaries(_rows | {"score": st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9])})

cases = st.tuples(st.lists(_truths, max_size=6).map(lambda rows: truth(*rows)), st.lists(_results, max_size=8))
"""(ground truth, results)"""


def judged_by_pycocotools(ground_truth, results) -> COCOeval:
    """Its COCOeval, evaluated, accumulated and summarised; annotations and results have the ids 1, 2, ... there."""

    def indexed(rows):
        coco = COCO()
        rows = [{"id": k, "iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3], **row} for k, row in rows]
        coco.dataset = {**ground_truth, "annotations": rows}
        coco.createIndex()
        return coco

    truths = [
        (k, {name: value for name, value in row.items() if name != "id"})
        for k, row in enumerate(ground_truth["annotations"], start=1)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        judge = COCOeval(indexed(truths), indexed(enumerate(results, start=1)), iouType="bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge


def drawn_case(num_images: int, num_classes: int, seed: int):
    """(ground truth, results) like a detector's: boxes about the truths, duplicates, false alarms, ties, crowds."""
    rng = np.random.default_rng(seed)

    def some_box():
        return [*rng.uniform(0, 400, 2).tolist(), *np.exp(rng.uniform(1, 5.5, 2)).tolist()]

    truths, results = [], []
    for image_id in range(1, num_images + 1):
        for _ in range(rng.integers(0, 12)):  # some images have none
            category_id, bbox = int(rng.integers(1, num_classes)), some_box()  # the last class has none
            crowd = int(rng.random() < 0.03)
            truths.append(box(bbox, category_id, image_id, iscrowd=crowd, area=bbox[2] * bbox[3] * rng.uniform(0.4, 1)))
            for _ in range(rng.integers(0, 4)):
                near = (np.array(bbox) + rng.normal(0, 0.1, 4) * bbox[2]).tolist()
                near[2:] = [max(1.0, side) for side in near[2:]]
                results.append(box(near, category_id, image_id, score=round(float(rng.random()), 2)))
        for _ in range(rng.integers(0, 120)):
            results.append(
                box(some_box(), int(rng.integers(1, num_classes + 1)), image_id, score=float(rng.random()) / 2)
            )
    categories = [{"id": k, "name": f"class {k}"} for k in range(1, num_classes + 1)]
    images = [{"id": k, "width": 640, "height": 640} for k in range(1, num_images + 1)]
    return {"images": images, "categories": categories, "annotations": truths}, results

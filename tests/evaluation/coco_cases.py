# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Small COCO dicts to score: by hand, and any that hypothesis thinks of."""

from hypothesis import strategies as st

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

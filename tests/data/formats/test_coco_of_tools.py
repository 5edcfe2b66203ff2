# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO files as Roboflow, CVAT, Label Studio, VIA and labelme2coco write them; small ones, in their layout."""

import json
import pathlib

import cv2
import numpy as np
import pytest
from pycocotools import mask as masks

from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.readers import read_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.utils.errors import UserError


def read(folder: pathlib.Path, content: dict, images: str = ""):
    (folder / "instances.json").write_text(json.dumps(content))
    return read_coco(folder / "instances.json", images)


def one(annotation: dict, image: dict | None = None, categories: list | None = None) -> dict:
    """One image of 200x100 with one annotation."""
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 100, **(image or {})}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, **annotation}],
        "categories": categories or [{"id": 1, "name": "cat"}],
    }


def roboflow() -> dict:
    return {
        "info": {"year": "2026", "version": "1", "contributor": "", "date_created": "2026-01-01T00:00:00+00:00"},
        "licenses": [{"id": 1, "url": "", "name": "Public Domain"}],
        "categories": [
            {"id": 0, "name": "cells", "supercategory": "none"},
            {"id": 1, "name": "RBC", "supercategory": "cells"},
            {"id": 2, "name": "WBC", "supercategory": "cells"},
        ],
        "images": [{"id": 0, "license": 1, "file_name": "a_jpg.rf.0f.jpg", "height": 100, "width": 200}],
        "annotations": [
            {
                "id": 0,
                "image_id": 0,
                "category_id": 2,
                "bbox": [20, 10, 100.5, 50],
                "area": 5025,
                "segmentation": [],
                "iscrowd": 0,
            }
        ],
    }


def test_roboflows_category_0_is_no_class(tmp_path):
    (tmp_path / "_annotations.coco.json").write_text(json.dumps(roboflow()))
    dataset, source = read_dataset(tmp_path)
    assert source["format"] == "coco"
    assert [(category.id, category.name) for category in dataset.categories] == [(1, "RBC"), (2, "WBC")]
    assert dataset.images[0].path == tmp_path / "a_jpg.rf.0f.jpg"
    assert "category 0 is no class" in dataset.findings["converted"][0]


def test_category_0_with_boxes_or_of_another_family_stays(tmp_path):
    content = roboflow()
    content["annotations"][0]["category_id"] = 0
    assert [category.id for category in read(tmp_path, content).categories] == [0, 1, 2]
    content = roboflow()
    content["categories"][1]["supercategory"] = "none"
    assert [category.id for category in read(tmp_path, content).categories] == [0, 1, 2]


def test_cvats_file_is_read(tmp_path):
    image = {"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0, "file_name": "frames/a.png"}
    annotation = {"segmentation": [], "area": 5000.0, "bbox": [20.0, 10.0, 100.0, 50.0], "iscrowd": 0}
    content = one({**annotation, "attributes": {"occluded": False, "rotation": 0.0}}, image)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").touch()
    found = read(tmp_path, content, str(tmp_path / "images")).images[0]
    assert found.path == tmp_path / "images" / "a.png"
    np.testing.assert_allclose(found.boxes, [[0.1, 0.1, 0.6, 0.6]])


def test_label_studios_paths_of_windows_and_missing_names_of_folders(tmp_path):
    image = {"file_name": "..\\..\\label-studio\\data\\media\\upload\\1\\3f2a-a.png"}
    (tmp_path / "3f2a-a.png").touch()
    annotation = {"bbox": [20, 10, 100, 50], "area": 5000, "ignore": 0, "iscrowd": 0, "segmentation": []}
    assert read(tmp_path, one(annotation, image)).images[0].path == tmp_path / "3f2a-a.png"


def test_vias_ids_are_numbers_here_and_text_there(tmp_path):
    content = one(
        {"id": 0, "image_id": "7", "category_id": "1", "bbox": [20, 10, 100, 50], "segmentation": []}, {"id": 7}
    )
    dataset = read(tmp_path, content)
    assert dataset.images[0].image_id == 7
    assert dataset.images[0].category_ids.tolist() == [1]
    assert not dataset.findings


def test_ids_that_are_text_are_numbered_and_told(tmp_path):
    annotation = {"id": "x", "image_id": "b2c4", "category_id": "cat", "bbox": [20, 10, 100, 50]}
    content = one(annotation, {"id": "b2c4"}, [{"id": "dog", "name": "dog"}, {"id": "cat", "name": "cat"}])
    dataset = read(tmp_path, content)
    assert dataset.images[0].image_id == 1
    assert [(category.id, category.name) for category in dataset.categories] == [(1, "dog"), (2, "cat")]
    assert dataset.images[0].category_ids.tolist() == [2]
    assert [message.split(";")[1] for message in dataset.findings["converted"]] == [
        " the first: 'dog' is 1",
        " the first: 'b2c4' is 1",
    ]


def test_missing_size_is_that_of_the_image(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 200, 3), np.uint8))
    for size in ({"width": 0, "height": 0}, {"width": None, "height": None}):
        dataset = read(tmp_path, one({"bbox": [20, 10, 100, 50]}, size))
        assert (dataset.images[0].height, dataset.images[0].width) == (100, 200)
        assert dataset.findings["converted"] == [
            "1 of 1 images have no size: that of the file is taken; the first: image 1"
        ]


def test_an_image_that_is_missing_is_no_mistake_in_the_size_that_it_lacks(tmp_path):
    dataset = read(tmp_path, one({"bbox": [20, 10, 100, 50]}, {"width": None, "height": None}))
    assert dataset.images[0].without_size == "pixels" and dataset.findings == {}
    with pytest.raises(FileNotFoundError, match=r"1 of 1 annotated images have no file; the first: .*a\.png"):
        prepare(dataset, tmp_path / "data", "train", {})


def mask_of_a_box() -> np.ndarray:
    mask = np.zeros((100, 200), np.uint8)
    mask[10:60, 20:120] = 1
    return np.asfortranarray(mask)


def run_lengths(mask: np.ndarray) -> list[int]:
    """Columns one after another; lengths of zeros and ones in turn, as COCO's uncompressed masks have them."""
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(np.diff(flat)) + 1
    return np.diff([0, *changes, len(flat)]).tolist()


SEGMENTATIONS = {
    "polygon of labelme2coco": [[20, 10, 120, 10, 120, 60, 20, 60]],
    "several polygons": [[20, 10, 40, 10, 40, 60], [30, 20, 120, 20, 30, 60]],
    "polygon that is not in a list": [20, 10, 120, 10, 120, 60],
    "run lengths": {"size": [100, 200], "counts": run_lengths(mask_of_a_box())},
    "compressed run lengths": {"size": [100, 200], "counts": masks.encode(mask_of_a_box())["counts"].decode()},
}


@pytest.mark.parametrize("bbox", [{}, {"bbox": []}, {"bbox": None}])
@pytest.mark.parametrize("kind", SEGMENTATIONS)
def test_box_is_that_around_the_segmentation(tmp_path, kind, bbox):
    dataset = read(tmp_path, one({"segmentation": SEGMENTATIONS[kind], **bbox}))
    np.testing.assert_allclose(dataset.images[0].boxes, [[0.1, 0.1, 0.6, 0.6]])
    assert dataset.images[0].areas.tolist() == [5000.0]
    assert dataset.findings["converted"] == ["1 boxes are those around a segmentation; the first: annotation 1"]


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2, 3]],
        [["a", "b"]],
        "polygon",
        {"counts": [1, 2]},
        {"size": [100, 200], "counts": 5},
        {"size": 3, "counts": []},
        {"size": [2, 2], "counts": [1, 9]},
    ],
)
def test_segmentation_that_is_odd_is_refused(tmp_path, segmentation):
    with pytest.raises(UserError, match=r"instances\.json: annotation 1: segmentation: expected"):
        read(tmp_path, one({"segmentation": segmentation}))


def test_box_counts_more_than_its_segmentation(tmp_path):
    dataset = read(tmp_path, one({"bbox": [0, 0, 200, 100], "segmentation": SEGMENTATIONS["several polygons"]}))
    np.testing.assert_allclose(dataset.images[0].boxes, [[0, 0, 1, 1]])


def test_difficult_objects_are_marked(tmp_path):
    assert read(tmp_path, one({"bbox": [0, 0, 9, 9], "difficult": 1})).images[0].is_difficult.tolist() == [True]
    assert read(tmp_path, one({"bbox": [0, 0, 9, 9], "difficult": 0})).images[0].is_difficult is None


def test_a_mask_of_another_size_than_its_image_is_refused(tmp_path):
    mask = {"size": [50, 100], "counts": [0, 100, 4900]}
    with pytest.raises(UserError, match=r"annotation 1: segmentation: .* \[100, 200\]\. Received: \[50, 100\]"):
        read(tmp_path, one({"segmentation": mask}))
    assert len(read(tmp_path, one({"segmentation": mask, "bbox": [0, 0, 2, 50]})).images) == 1  # the box is said

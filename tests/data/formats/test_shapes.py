# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The drawn data set: exact boxes, the same bytes from the same seed, and a file COCO's API reads."""

import json
import pathlib

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from ssd_tf.data.formats import shapes

SMALL = (96, 72)  # (width, height); small images keep the tests quick


def _bytes_of(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _image(seed: int, index: int = 0, size: tuple[int, int] = SMALL):
    return shapes.draw_image(np.random.default_rng([seed, index]), size)


def test_same_seed_gives_the_same_bytes(tmp_path):
    shapes.draw_shapes(tmp_path / "a", 4, seed=3, image_size=SMALL)
    shapes.draw_shapes(tmp_path / "b", 4, seed=3, image_size=SMALL)
    assert _bytes_of(tmp_path / "a") == _bytes_of(tmp_path / "b")


def test_another_seed_gives_other_images(tmp_path):
    shapes.draw_shapes(tmp_path / "a", 3, seed=0, image_size=SMALL)
    shapes.draw_shapes(tmp_path / "b", 3, seed=1, image_size=SMALL)
    one, other = _bytes_of(tmp_path / "a"), _bytes_of(tmp_path / "b")
    assert one.keys() == other.keys()
    assert all(one[name] != other[name] for name in one)


def test_image_does_not_depend_on_how_many_are_drawn(tmp_path):
    few = json.loads(shapes.draw_shapes(tmp_path / "few", 2, image_size=SMALL).read_text())
    many = json.loads(shapes.draw_shapes(tmp_path / "many", 6, image_size=SMALL).read_text())
    for image in few["images"]:
        name = pathlib.Path("images") / image["file_name"]
        assert (tmp_path / "few" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()
    assert many["images"][:2] == few["images"]
    assert many["annotations"][: len(few["annotations"])] == few["annotations"]


def test_boxes_and_areas_are_those_of_the_masks(monkeypatch):
    seen = []
    place = shapes.place_shapes

    def remember(rng, size):
        seen.append(place(rng, size))
        return seen[-1]

    monkeypatch.setattr(shapes, "place_shapes", remember)
    for index in range(20):
        _, boxes, category_ids, areas = _image(0, index)
        masks, expected_ids = seen[-1]
        assert category_ids.tolist() == expected_ids.tolist()
        for mask, (x, y, w, h), area in zip(masks, boxes, areas, strict=True):
            rows, columns = np.nonzero(mask)  # the slow way, without OpenCV
            assert (x, y) == (columns.min(), rows.min())
            assert (x + w - 1, y + h - 1) == (columns.max(), rows.max())
            assert area == rows.size


def test_only_the_pixels_of_the_masks_are_painted(monkeypatch):
    painted, _, _, _ = _image(4)
    masks = []
    place = shapes.place_shapes

    def hide(rng, size):
        masks.extend(place(rng, size)[0])
        return [], np.zeros(0, np.int32)

    monkeypatch.setattr(shapes, "place_shapes", hide)
    background, _, _, _ = _image(4)
    union = np.any(masks, axis=0)
    assert not np.any((painted != background).any(axis=2) & ~union)
    # A shape is at least MIN_CONTRAST from the mean beneath it; noise may make a rare pixel equal.
    assert np.mean((painted != background).any(axis=2)[union]) > 0.99


def test_boxes_lie_within_the_image():
    for index in range(30):
        image, boxes, category_ids, areas = _image(1, index)
        assert image.shape == (SMALL[1], SMALL[0], 3) and image.dtype == np.uint8
        assert 1 <= len(boxes) == len(category_ids) == len(areas) <= shapes.MAX_SHAPES
        assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] > 0).all()
        assert (boxes[:, :2] + boxes[:, 2:] <= SMALL).all()
        assert (areas <= boxes[:, 2] * boxes[:, 3]).all()


def test_no_shape_is_hidden_more_than_the_limit():
    overlaps = 0
    for index in range(60):
        masks, _ = shapes.place_shapes(np.random.default_rng([2, index]), SMALL)
        for position, mask in enumerate(masks):
            later = np.any(masks[position + 1 :], axis=0) & mask
            overlaps += later.any()
            assert later.sum() <= shapes.MAX_HIDDEN * mask.sum()
    assert overlaps > 5  # or the limit is not tested


def test_every_class_appears_in_fifty_images():
    ids = np.concatenate([_image(0, index)[2] for index in range(50)])
    assert set(ids.tolist()) == set(shapes.CATEGORIES)


def test_category_ids_are_sparse():
    assert sorted(shapes.CATEGORIES) != list(range(1, len(shapes.CATEGORIES) + 1))
    assert min(shapes.CATEGORIES) > 0  # 0 is the background


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("circle", 24 * np.sin(2 * np.pi / 48)),  # a polygon of n corners: n / 2 sin(2 pi / n)
        ("triangle", 3 / 2 * np.sin(2 * np.pi / 3)),
        ("square", 2.0),
        ("star", 5 * 0.42 * np.sin(np.pi / 5)),  # ten triangles of sides 1 and 0.42, pi / 5 between
        ("cross", (4 * 2 * 0.3 - 4 * 0.3**2) / (1 + 0.3**2)),  # two bars less their common square
    ],
)
def test_outline_has_the_area_of_its_class_at_any_angle(name, area):
    category_id = next(key for key, value in shapes.CATEGORIES.items() if value == name)
    for angle in (0.0, 0.7):
        corners = shapes.shape_polygon(category_id, 200.0, angle)
        assert np.linalg.norm(corners, axis=1).max() == pytest.approx(200.0)
        # OpenCV keeps float32 corners: seven digits.
        assert cv2.contourArea(corners.astype(np.float32)) == pytest.approx(40000 * area, rel=1e-4)


def test_unknown_category_is_refused():
    with pytest.raises(ValueError, match="category_id=2"):
        shapes.shape_polygon(2, 1.0, 0.0)


def test_pycocotools_reads_the_file(tmp_path):
    path = shapes.draw_shapes(tmp_path, 5, seed=9, image_size=SMALL, start_id=100)
    coco = COCO(str(path))
    assert coco.getImgIds() == [100, 101, 102, 103, 104]
    assert sorted(coco.getCatIds()) == sorted(shapes.CATEGORIES)
    for image in coco.loadImgs(coco.getImgIds()):
        data = cv2.imread(str(tmp_path / "images" / image["file_name"]))
        assert data is not None and data.shape == (image["height"], image["width"], 3)
        found = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        _, boxes, category_ids, areas = _image(9, image["id"] - 100)
        assert [entry["bbox"] for entry in found] == boxes.tolist()
        assert [entry["category_id"] for entry in found] == category_ids.tolist()
        assert [entry["area"] for entry in found] == areas.tolist()
        assert {entry["iscrowd"] for entry in found} == {0}


def test_jpeg_keeps_the_colours(tmp_path):
    shapes.draw_shapes(tmp_path, 1, seed=5, image_size=SMALL)
    data = cv2.imread(str(tmp_path / "images" / "00000001.jpg"))
    assert data is not None
    decoded = cv2.cvtColor(data, cv2.COLOR_BGR2RGB).astype(int)
    # Chroma is subsampled, so edges differ; swapped channels would move the means by far more.
    difference = decoded.mean(axis=(0, 1)) - _image(5)[0].mean(axis=(0, 1))
    assert np.abs(difference).max() < 1.0


def test_nothing_but_the_data_is_left_behind(tmp_path):
    shapes.draw_shapes(tmp_path, 2, image_size=SMALL)
    names = ["annotations.json", "images/00000001.jpg", "images/00000002.jpg"]
    assert sorted(_bytes_of(tmp_path)) == names


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_images": 0},
        {"num_images": 1, "seed": -1},
        {"num_images": 1, "start_id": 0},
        {"num_images": 1, "image_size": (320, 10)},
    ],
)
def test_argument_out_of_range_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="Received"):
        shapes.draw_shapes(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()

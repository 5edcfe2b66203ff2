# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images that EXIF turns are prepared upright, with the boxes of the same images stored upright."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data import images as image_ops
from ssd_tf.data import records
from ssd_tf.data.formats.readers import read_dataset
from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.data.preparation.upright import CHOSEN, TURNED
from ssd_tf.utils.errors import UserError
from tests.fixtures.turned import ORIENTATIONS, photo, stored, tiff

HEIGHT, WIDTH = 60, 80
# Of the upright image, [xmin, ymin, xmax, ymax] in pixels.
BOX = (8, 6, 40, 45)
# Where that box lies in the image as it is stored, worked out by hand: x grows to the right, y downwards, W 80, H 60.
STORED_BOX = {
    1: (8, 6, 40, 45),
    2: (80 - 40, 6, 80 - 8, 45),  # mirrored
    3: (80 - 40, 60 - 45, 80 - 8, 60 - 6),  # upside down
    4: (8, 60 - 45, 40, 60 - 6),  # both
    5: (6, 8, 45, 40),  # rows are columns
    6: (6, 80 - 40, 45, 80 - 8),  # turned counterclockwise: x was y, y was 80 - x
    7: (60 - 45, 80 - 40, 60 - 6, 80 - 8),
    8: (60 - 45, 8, 60 - 6, 40),  # turned clockwise: x was 60 - y, y was x
}


def upright(height=HEIGHT, width=WIDTH) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([y * 4, x * 3, (x + y)], axis=-1).astype(np.uint8)


def size_of(frame: str, orientation: int) -> tuple[int, int]:
    return (HEIGHT, WIDTH) if frame == "upright" or orientation < 5 else (WIDTH, HEIGHT)


def box_of(frame: str, orientation: int) -> tuple[int, ...]:
    return BOX if frame == "upright" else STORED_BOX[orientation]


def write(folder, kind: str, frame: str, orientation: int, suffix: str) -> str:
    """An image and its annotations in a format; returns where the annotations are."""
    (folder / f"a.{suffix}").write_bytes(photo(upright(), orientation, {"png": "PNG", "jpg": "JPEG"}[suffix]))
    (xmin, ymin, xmax, ymax), (height, width) = box_of(frame, orientation), size_of(frame, orientation)
    if kind.startswith("coco"):
        content = {
            "images": [
                {"id": 1, "file_name": f"a.{suffix}"} | ({"height": height, "width": width} if kind == "coco" else {})
            ],
            "annotations": [
                {"id": 1, "image_id": 1, "category_id": 1, "bbox": [xmin, ymin, xmax - xmin, ymax - ymin], "area": 700}
            ],
            "categories": [{"id": 1, "name": "cat"}],
        }
        (folder / "a.json").write_text(json.dumps(content))
        return str(folder / "a.json")
    if kind == "csv":  # RetinaNet's form has no size
        (folder / "a.csv").write_text(f"a.{suffix},{xmin},{ymin},{xmax},{ymax},cat\n")
        return str(folder / "a.csv")
    center = ((xmin + xmax) / 2 / width, (ymin + ymax) / 2 / height)
    size = ((xmax - xmin) / width, (ymax - ymin) / height)
    (folder / "a.txt").write_text(" ".join(map(str, (0, *center, *size))))
    (folder / "data.yaml").write_text("names: [cat]")
    return str(folder)


def prepared(folder, annotations: str, exif: str = "upright"):
    """The manifest, and the only record of the split that is made."""
    dataset, source = read_dataset(annotations)
    manifest = prepare(dataset, folder / "data", "train", source, exif=exif)
    record = next(tf.data.TFRecordDataset(str(folder / "data" / manifest.shards[0].file)).as_numpy_iterator())
    return manifest, records.parse(tf.constant(record))


def assert_is_upright(example: records.Example) -> None:
    assert (example.height, example.width) == (HEIGHT, WIDTH)
    xmin, ymin, xmax, ymax = BOX
    # Boxes are kept as float32.
    np.testing.assert_allclose(example.boxes, [[ymin / 60, xmin / 80, ymax / 60, xmax / 80]], atol=1e-7)


@pytest.mark.parametrize("frame", ["upright", "raw"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_pixels_and_boxes_are_those_of_the_image_that_was_never_turned(orientation, frame, tmp_path):
    manifest, example = prepared(tmp_path, write(tmp_path, "coco", frame, orientation, "png"), exif=frame)
    assert_is_upright(example)
    np.testing.assert_array_equal(image_ops.decode(example.encoded), upright())
    assert example.areas == 700
    found = (
        {} if orientation == 1 else {TURNED if orientation >= 5 else CHOSEN: [f"a.png: EXIF orientation {orientation}"]}
    )
    assert manifest.findings == found


@pytest.mark.parametrize("frame", ["upright", "raw"])
def test_a_size_that_fits_one_side_only_decides_against_the_flag(frame, tmp_path):
    annotations = write(tmp_path, "coco", frame, 6, "png")
    _, example = prepared(tmp_path, annotations, exif="raw" if frame == "upright" else "upright")
    assert_is_upright(example)


@pytest.mark.parametrize("kind", ["csv", "yolo", "coco without sizes"])
@pytest.mark.parametrize("frame", ["upright", "raw"])
@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_the_flag_decides_where_annotations_say_no_size(orientation, frame, kind, tmp_path):
    manifest, example = prepared(tmp_path, write(tmp_path, kind, frame, orientation, "png"), exif=frame)
    assert_is_upright(example)
    sizes = {"converted": ["1 of 1 images have no size: that of the file is taken; the first: image 1"]}
    expected = {CHOSEN: [f"a.png: EXIF orientation {orientation}"], **(sizes if kind == "coco without sizes" else {})}
    assert manifest.findings == expected


def test_a_square_image_is_open_too(tmp_path):
    (tmp_path / "a.png").write_bytes(photo(upright(60, 60), 6))
    entry = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 30, 15]}
    images = [{"id": 1, "file_name": "a.png", "height": 60, "width": 60}]
    content = {"images": images, "annotations": [entry], "categories": [{"id": 1, "name": "cat"}]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    _, example = prepared(tmp_path, tmp_path / "a.json")
    np.testing.assert_allclose(example.boxes, [[0, 0, 0.25, 0.5]])
    manifest, example = prepared(tmp_path, tmp_path / "a.json", exif="raw")
    # Its left half is the upper half of the upright image, and its upper quarter the right one.
    np.testing.assert_allclose(example.boxes, [[0, 0.75, 0.5, 1]])
    assert list(manifest.findings) == [CHOSEN]


def test_a_jpeg_is_written_again_with_little_loss(tmp_path):
    _, example = prepared(tmp_path, write(tmp_path, "coco", "raw", 8, "jpg"))
    assert_is_upright(example)
    # A smooth image, written twice at quality 95: within 2 grey levels where it was measured, 1 on average at most.
    difference = np.abs(image_ops.decode(example.encoded).numpy().astype(int) - upright())
    assert difference.max() <= 3
    assert difference.mean() < 1


def test_an_upright_jpeg_keeps_its_bytes(tmp_path):
    _, example = prepared(tmp_path, write(tmp_path, "coco", "upright", 1, "jpg"))
    assert example.encoded == (tmp_path / "a.jpg").read_bytes()


def test_a_size_that_fits_neither_is_reported(tmp_path):
    annotations = write(tmp_path, "coco", "upright", 6, "png")
    content = json.loads((tmp_path / "a.json").read_text())
    content["images"][0]["height"] = 61
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="the file is 80x60, its annotations are for 80x61"):
        prepared(tmp_path, annotations)


def test_the_choice_stands_in_the_manifest_and_is_checked(tmp_path):
    annotations = write(tmp_path, "coco", "upright", 3, "png")
    prepared(tmp_path, annotations, exif="raw")
    assert load_manifest(tmp_path / "data", "train").source["exif"] == "raw"
    with pytest.raises(UserError, match=r"exif: expected one of upright, raw\. Received: 'lying'"):
        prepared(tmp_path, annotations, exif="lying")


@pytest.mark.parametrize("frame", ["upright", "raw"])
@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("kind", ["TIFF", "WEBP"])
def test_boxes_hold_for_kinds_that_are_encoded_again(kind, orientation, frame, tmp_path):
    annotations = write(tmp_path, "coco", frame, orientation, "png")
    tags = {"tiffinfo": {0x0112: orientation}} if kind == "TIFF" else {"exif": b"Exif\0\0" + tiff(orientation)}
    lossless = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(stored(upright(), orientation)).save(tmp_path / "a.png", kind, **tags, **lossless)
    manifest, example = prepared(tmp_path, annotations, exif=frame)
    assert_is_upright(example)
    np.testing.assert_array_equal(image_ops.decode(example.encoded), upright())
    assert set(manifest.findings) == {TURNED if orientation == 6 else CHOSEN, "re-encoded"}

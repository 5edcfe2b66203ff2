# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""AP of images in all eight EXIF orientations is that of the images that were never turned."""

import json
import pathlib
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from ssd_tf.data.preparation.upright import turned_boxes
from ssd_tf.geometry.boxes import from_coco_xywh, to_coco_xywh
from tests.apps.conftest import TINY, run_well
from tests.fixtures.turned import ORIENTATIONS, photo

# What takes an upright image to the one that is stored: 6 and 8 are each other's inverse, the others their own.
_TO_STORED = {6: 8, 8: 6}


class Known(NamedTuple):
    """A detector that knows the drawn images, and its AP on them."""

    model: pathlib.Path
    summary: dict[str, float | None]


def evaluated(model: pathlib.Path, data: pathlib.Path) -> dict[str, Any]:
    flags = (f"--model={model}", f"--data_dir={data}", "--split=train", f"--output_dir={data / 'scores'}")
    run_well("evaluate", *flags)
    metrics = json.loads((data / "scores" / "metrics.json").read_text())
    return {key: metrics[key] for key in ("AP", "AP50", "AP75", "APs", "APm", "APl")}


@pytest.fixture(scope="module")
def known(drawn, prepared, tmp_path_factory) -> Known:
    model = tmp_path_factory.mktemp("known") / "model"
    schedule = ("--epochs=60", "--learning_rate=0.02", "--lr_warmup_steps=20", "--eval_every_epochs=60")
    plain = ("--norandom_crop", "--nocolor_jitter", f"--data_dir={prepared}", f"--model_dir={model}")
    run_well("train", *TINY, *schedule, *plain)
    # As PNG: the drawn JPEGs are decoded before they are turned.
    data = write_turned(drawn, tmp_path_factory.mktemp("upright"), 1, "upright", "PNG")
    return Known(model, evaluated(model, data))


def write_turned(drawn: pathlib.Path, folder: pathlib.Path, orientation: int, frame: str, kind: str) -> pathlib.Path:
    """The drawn images stored in an orientation, with boxes of the upright or of the raw image, prepared."""
    content = json.loads((drawn / "annotations.json").read_text())
    boxes_of = {
        image["id"]: [e for e in content["annotations"] if e["image_id"] == image["id"]] for image in content["images"]
    }
    for image in content["images"]:
        with Image.open(drawn / "images" / image["file_name"]) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        (folder / image["file_name"]).write_bytes(photo(pixels, orientation, kind))
        if frame == "upright":
            continue
        height, width = image["height"], image["width"]
        if orientation >= 5:
            image["height"], image["width"] = width, height
        for entry in boxes_of[image["id"]]:
            box = from_coco_xywh(np.array([entry["bbox"]]), height, width)
            stored = turned_boxes(box, _TO_STORED.get(orientation, orientation))
            entry["bbox"] = to_coco_xywh(stored, image["height"], image["width"])[0].tolist()
    (folder / "a.json").write_text(json.dumps(content))
    flags = (f"--annotations={folder / 'a.json'}", f"--images={folder}", f"--exif={frame}", "--split=train")
    run_well("prepare", *flags, f"--output_dir={folder / 'data'}")
    return folder / "data"


@pytest.mark.proof
@pytest.mark.parametrize("frame", ["upright", "raw"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_ap_is_that_of_the_images_that_were_never_turned(known, drawn, tmp_path, orientation, frame):
    assert known.summary["AP"] > 0.1
    found = evaluated(known.model, write_turned(drawn, tmp_path, orientation, frame, "PNG"))
    # The pixels are the same. Boxes may differ in their last bits, which decide no match here.
    assert found == pytest.approx(known.summary, abs=1e-9)


@pytest.mark.proof
@pytest.mark.parametrize("frame", ["upright", "raw"])
def test_ap_of_jpegs_that_are_written_again_is_about_the_same(known, drawn, tmp_path, frame):
    found = evaluated(known.model, write_turned(drawn, tmp_path, 6, frame, "JPEG"))
    # Of 24 images, each written at quality 95 twice. Boxes taken for those of the other frame give an AP of 0.
    assert found["AP"] == pytest.approx(known.summary["AP"], abs=0.03)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""AP and time with and without --tiles, on images whose objects are smaller than those that the model was trained on.

python benchmarks/tiles.py --model=MODEL --annotations=FILE --images=FOLDER [--side=2]

The images of the data set are put together, side x side of them as one; so each object takes a fraction of the room
that it took, and no annotation changes but for its place. Scored are the images alone, as in training, and the large
ones whole and in tiles.
"""

import argparse
import json
import os
import pathlib
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np

from ssd_tf.data.formats.readers import read_dataset
from ssd_tf.data.image_files import read_image
from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.evaluation.coco_metrics import value_text
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.geometry.boxes import to_coco_xywh
from ssd_tf.geometry.tiles import parse_tiles
from ssd_tf.inference.load import load_predictor_for
from ssd_tf.inference.tiled import TiledPredictor

# Of each image in a large one.
HEIGHT, WIDTH = 480, 640


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--annotations", required=True)
    parser.add_argument("--images", default="")
    parser.add_argument("--side", default=2, type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        dataset, _ = read_dataset(options.annotations, options.images)
        prepare(dataset, folder / "data", "alone", source={})
        prepare(put_together(dataset, folder, options.side), folder / "data", "together", source={})
        print("| images | looked at | AP | AP50 | of small | of medium | ms an image |\n|---|---|---|---|---|---|---|")
        for split, tiles in (("alone", ""), ("together", ""), ("together", "2x2"), ("together", "3x3")):
            manifest = load_manifest(folder / "data", split)
            predictor = load_predictor_for(options.model, manifest)
            if tiles:
                predictor = TiledPredictor(predictor, parse_tiles(tiles))
            how = {"input_size": predictor.input_size}
            evaluate_split(predictor, folder / "data", manifest, predictor.spec, 1, **how)  # compiles
            start = time.perf_counter()
            found = evaluate_split(predictor, folder / "data", manifest, predictor.spec, 1, **how).metrics.summary
            took = 1000 * (time.perf_counter() - start) / manifest.num_images
            kind = split if split == "alone" else f"{options.side} x {options.side} as one"
            scores = " | ".join(value_text(found[key], 3) for key in ("AP", "AP50", "APs", "APm"))
            print(
                f"| {manifest.num_images} {kind} | {'whole, ' + tiles if tiles else 'whole'} | {scores} | {took:.0f} |"
            )


def put_together(dataset, folder: pathlib.Path, side: int):
    """The images as large ones of side x side; those that are left over are left out."""
    images, annotations = [], []
    (folder / "together").mkdir()
    count = side * side
    for number in range(1, len(dataset.images) // count + 1):
        group = dataset.images[(number - 1) * count : number * count]
        large = np.zeros((side * HEIGHT, side * WIDTH, 3), np.uint8)
        for place, one in enumerate(group):
            top, left = HEIGHT * (place // side), WIDTH * (place % side)
            shown = cv2.resize(read_image(one.path), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            large[top : top + HEIGHT, left : left + WIDTH] = shown
            for box, category in zip(to_coco_xywh(one.boxes, HEIGHT, WIDTH), one.category_ids, strict=True):
                box = np.add(box, (left, top, 0, 0)).tolist()
                entry = {"bbox": box, "area": box[2] * box[3], "iscrowd": 0, "category_id": int(category)}
                annotations.append({"id": len(annotations) + 1, "image_id": number, **entry})
        file = f"{number}.png"
        cv2.imwrite(str(folder / "together" / file), large[..., ::-1])
        images.append({"id": number, "file_name": file, "height": large.shape[0], "width": large.shape[1]})
    categories = [{"id": category.id, "name": category.name} for category in dataset.categories]
    path = folder / "together.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return read_dataset(str(path), str(folder / "together"))[0]


if __name__ == "__main__":
    main()

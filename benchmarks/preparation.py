# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Preparation at the scale of COCO train2017: peak memory, images per second with one thread and two, use of the cores.

python benchmarks/preparation.py                                        # everything, the speed on synthetic images
python benchmarks/preparation.py --annotations=FILE --images=FOLDER     # the speed on images of one's own

Memory: writes annotations of train2017's size (118,287 images, 860,001 annotations with polygons, 450 MB) and prepares
them whole. Every image is a link to one small file, so that it takes minutes; the annotations are what fills memory.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import multiprocessing
import os
import pathlib
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TQDM_DISABLE", "1")

from ssd_tf.utils.hardware import host_peak_bytes

# Of instances_train2017.json.
IMAGES, ANNOTATIONS, CATEGORIES = 118_287, 860_001, 80
# Numbers of an annotation's polygon, on average: makes the size of the real file.
POLYGON = 46
# Of the small image that stands for all.
SIDE = 64


class Measured(NamedTuple):
    """Of a call: its seconds, how many cores it kept busy, and the peak memory of its process so far, in bytes."""

    seconds: float
    cores: float
    peak: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotations", help="COCO instances JSON for the speed; without it images are drawn")
    parser.add_argument("--images", help="the folder of its images")
    parser.add_argument("--copies", default=10, type=int, help="each image is prepared so many times")
    parser.add_argument("--runs", default=3, type=int)
    parser.add_argument("--only", choices=["memory", "speed"])
    parser.add_argument("--folder", help="where the files go, for a while: 1 GB; default: a temporary folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        if args.only != "speed":
            measure_memory(pathlib.Path(folder))
        if args.only != "memory":
            measure_speed(pathlib.Path(folder), args.annotations, args.images, args.copies, args.runs)


def measure_memory(folder: pathlib.Path) -> None:
    annotations, images = folder / "large.json", folder / "large"
    in_child(draw, folder / "one", 1, (SIDE, SIDE))
    image = next((folder / "one" / "images").iterdir())
    images.mkdir()
    for k in range(IMAGES):
        (images / file_name(k)).symlink_to(image)
    write_annotations(annotations)
    print(f"annotations: {annotations.stat().st_size / 1e6:.0f} MB, {IMAGES} images, {ANNOTATIONS} annotations")
    start = in_child(measured, print, end="")
    print(f"Python and TensorFlow alone: peak {start.peak / 1e9:.2f} GB")
    reading, writing = in_child(prepare, annotations, images, folder / "out", 1, 2)
    print(f"read: {reading.seconds:.1f} s, peak {reading.peak / 1e9:.2f} GB")
    print(f"prepared: {writing.seconds:.1f} s with 2 threads, peak {writing.peak / 1e9:.2f} GB")


def measure_speed(folder: pathlib.Path, annotations: str | None, images: str | None, copies: int, runs: int) -> None:
    if not annotations or not images:
        in_child(draw, folder / "drawn", 200, (640, 480))
        annotations, images = str(folder / "drawn" / "annotations.json"), str(folder / "drawn" / "images")
    count = len(json.loads(pathlib.Path(annotations).read_text(encoding="utf-8"))["images"]) * copies
    for run in range(runs):
        for workers in (1, 2):
            _, done = in_child(prepare, annotations, images, folder / f"by{workers}", copies, workers)
            print(f"run {run}, {workers} threads: {count / done.seconds:.0f} images/s, {done.cores:.2f} cores busy")


def write_annotations(path: pathlib.Path) -> None:
    """COCO instances of train2017's size; the same at every call."""
    generator = random.Random(0)
    # Polygons come from a store: to format 40 million numbers would take longer than all the rest.
    store = [json.dumps([polygon(generator)]) for _ in range(1000)]
    with path.open("w", encoding="utf-8") as file:
        file.write('{"info": {}, "licenses": [], "images": [')
        file.write(", ".join(image_entries()))
        file.write('], "annotations": [')
        for k in range(ANNOTATIONS):
            file.write((", " if k else "") + annotation_entry(k, generator, generator.choice(store)))
        categories = [{"supercategory": "thing", "id": k + 1, "name": f"class {k + 1}"} for k in range(CATEGORIES)]
        file.write(f'], "categories": {json.dumps(categories)}}}')


def file_name(k: int) -> str:
    return f"{k + 1:012d}.jpg"


def image_entries() -> Iterator[str]:
    for k in range(IMAGES):
        entry = {"license": 3, "file_name": file_name(k), "height": SIDE, "width": SIDE, "id": k + 1}
        entry["coco_url"] = f"http://images.cocodataset.org/train2017/{file_name(k)}"
        entry["date_captured"] = "2013-11-14 11:18:45"
        entry["flickr_url"] = f"http://farm9.staticflickr.com/8186/{8119368305 + k}_4e622c8349_z.jpg"
        yield json.dumps(entry)


def annotation_entry(k: int, generator: random.Random, polygons: str) -> str:
    x, y = generator.uniform(0, SIDE / 2), generator.uniform(0, SIDE / 2)
    w, h = generator.uniform(1, SIDE / 2), generator.uniform(1, SIDE / 2)
    image, category = generator.randrange(IMAGES) + 1, generator.randrange(CATEGORIES) + 1
    return (
        f'{{"segmentation": {polygons}, "area": {w * h * 0.7:.5f}, "iscrowd": 0, "image_id": {image}, '
        f'"bbox": [{x:.2f}, {y:.2f}, {w:.2f}, {h:.2f}], "category_id": {category}, "id": {k + 1}}}'
    )


def polygon(generator: random.Random) -> list[float]:
    return [round(generator.uniform(100, 600), 2) for _ in range(2 * generator.randrange(3, POLYGON - 2))]


def in_child(function: Callable, *arguments, **options):
    """function(*arguments) in a new process, since peak memory is that of a process's whole life."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments, **options).result()


def measured(function: Callable, *arguments, **options) -> Measured:
    import tensorflow as tf

    tf.constant(0)  # TensorFlow's own start is not what is measured
    wall, cpu = time.perf_counter(), time.process_time()
    function(*arguments, **options)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Measured(wall, cpu / wall, host_peak_bytes())


def draw(folder: pathlib.Path, count: int, image_size: tuple[int, int]) -> None:
    from ssd_tf.data.formats.shapes import draw_shapes

    draw_shapes(folder, count, image_size=image_size)


def prepare(annotations, images, output: pathlib.Path, copies: int, num_workers: int) -> tuple[Measured, Measured]:
    """Of reading the annotations, and of writing the shards."""
    from ssd_tf.data.formats.coco import read_coco
    from ssd_tf.data.preparation.prepare import prepare

    read = []
    reading = measured(lambda: read.append(read_coco(annotations, images)))
    dataset = dataclasses.replace(read[0], images=read[0].images * copies)
    return reading, measured(prepare, dataset, output, "train", {}, num_workers=num_workers)


if __name__ == "__main__":
    main()

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What --keep_background_images does: false positives on images without objects, and AP on the others.

python benchmarks/background_images.py [--drawn=3000] [--epochs=16] [--seeds=0,1]

Of drawn images those with circles, triangles and squares alone have objects; those with stars and crosses alone are
background; the rest is left out. ssd128_tiny is trained from scratch on the first, on both for as many steps, and on
both for as many epochs, and looks at other images of either kind.
"""

import argparse
import contextlib
import io
import json
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ssd_tf.apps.cli import call
from ssd_tf.data.formats.shapes import draw_shapes

OBJECTS = {"circle", "triangle", "square"}
BATCH = 16
THRESHOLDS = (0.3, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawn", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seeds", default="0,1")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        counts = {split: prepare(folder, split, options.drawn, seed) for seed, split in enumerate(("train", "val"))}
        with_objects, background = counts["train"]
        print(f"train: {with_objects} images with objects, {background} without; val: {counts['val']}")
        short, long = (options.epochs * (images // BATCH) for images in (with_objects, with_objects + background))
        for seed in options.seeds.split(","):
            for what, steps, keep in (("without", short, False), ("with", short, True), ("with", long, True)):
                model = folder / f"{what} {steps} {seed}"
                train(folder, model, steps, int(seed), keep)
                print(f"seed {seed}, {what} them, {steps} steps: {measure(folder, model)}", flush=True)


def prepare(folder: pathlib.Path, split: str, drawn: int, seed: int) -> tuple[int, int]:
    """Writes the split, and `SPLIT_background` with its images without objects alone; how many images there are of
    either kind."""
    path = draw_shapes(folder / split, drawn, seed, image_size=(160, 160))
    content = json.loads(path.read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    seen: dict[int, set[str]] = {image["id"]: set() for image in content["images"]}
    for entry in content["annotations"]:
        seen[entry["image_id"]].add(names[entry["category_id"]])
    having = {k for k, shapes in seen.items() if shapes and shapes <= OBJECTS}
    background = {k for k, shapes in seen.items() if shapes and not shapes & OBJECTS}
    for part, chosen in ((split, having | background), (f"{split}_background", background)):
        kept = {
            "images": [image for image in content["images"] if image["id"] in chosen],
            "annotations": [entry for entry in content["annotations"] if entry["image_id"] in chosen & having],
            "categories": [category for category in content["categories"] if category["name"] in OBJECTS],
        }
        (folder / split / f"{part}.json").write_text(json.dumps(kept))
        where = (f"--annotations={folder / split / part}.json", f"--images={path.parent / 'images'}")
        run("prepare", *where, f"--output_dir={folder / 'data'}", f"--split={part}")
    return len(having), len(background)


def train(folder: pathlib.Path, model: pathlib.Path, steps: int, seed: int, keep: bool) -> None:
    schedule = (f"--steps={steps}", "--learning_rate=0.02", "--lr_warmup_steps=100", "--eval_every_epochs=1000")
    kept = ("--keep_background_images",) if keep else ()
    plain = ("--detector=ssd128_tiny", f"--batch_size={BATCH}", "--norandom_crop", "--nocolor_jitter", f"--seed={seed}")
    run("train", *plain, *schedule, *kept, f"--data_dir={folder / 'data'}", f"--model_dir={model}")


def measure(folder: pathlib.Path, model: pathlib.Path) -> str:
    """AP on the images with objects and those without, and what is found in those without."""
    flags = (f"--model={model}", f"--data_dir={folder / 'data'}", f"--output_dir={model / 'scores'}")
    run("evaluate", *flags, "--split=val")
    ap = json.loads((model / "scores" / "metrics.json").read_text())["AP"]
    run("evaluate", *flags, "--split=val_background")
    found = json.loads((model / "scores" / "results.json").read_text())
    false = ", ".join(f"{sum(one['score'] > least for one in found)} above {least}" for least in THRESHOLDS)
    return f"AP {ap:.3f}; false positives in images without objects: {false}"


def run(program: str, *flags: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        status = call(program, [*flags, "--verbosity=-1"])
    if status:
        raise SystemExit(f"{program} failed")


if __name__ == "__main__":
    main()

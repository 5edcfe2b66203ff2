# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What each part of quickstart's recipe is worth: short trainings with one thing changed, on two small real sets.

python benchmarks/finetune.py --data=FOLDER --backbone_weights=mobilenet_v2-b0353104.pth [--steps=300] [--seeds=2]

FOLDER holds bccd/ and voc2012-100/, the first with its own split, the second divided as quickstart divides it. The base
is what quickstart chooses for the set and the length, with ssdlite320_mobilenet_v2 and default boxes made for the set.
Each run is a process of train.py in OUTPUT/SET/STEPS/VARIANT-SEED: one that was stopped resumes, one that is done is
not run again, so the same command goes on where the last one ended. The table is made of what is there, from the runs'
own metrics.jsonl; --table makes it without running anything.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence

from ssd_tf import specs
from ssd_tf.data.annotations import AnnotatedDataset
from ssd_tf.data.formats.readers import read_dataset
from ssd_tf.data.manifest import load_manifest, manifest_path
from ssd_tf.data.pipeline import steps_per_epoch
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.inspection.sources import prepared_source
from ssd_tf.quickstart.choices import Facts, choose, choose_length
from ssd_tf.quickstart.fitting import fit
from ssd_tf.quickstart.parts import read_parts
from ssd_tf.specs import spec_to_json

ROOT = pathlib.Path(__file__).resolve().parent.parent
DETECTOR = "ssdlite320_mobilenet_v2"
SETS = ("bccd", "voc")
# What each changes in the base. A flag that is given twice has its last value. {twice} and {half}: of the steps.
VARIANTS = {
    "base": (),
    "the detector's levels and default boxes": (f"--detector={DETECTOR}",),
    "SGD, rate 0.02": ("--optimizer=sgd", "--learning_rate=0.02", "--weight_decay=0.0005"),
    "rate 0.0005": ("--learning_rate=0.0005",),
    "rate 0.002": ("--learning_rate=0.002",),
    "batch 8, as many images": ("--batch_size=8", "--learning_rate=0.0005", "--steps={twice}"),
    "batch 32, as many images": ("--batch_size=32", "--learning_rate=0.002", "--steps={half}"),
    "no warm-up": ("--lr_warmup_steps=0",),
    "no average of weights": ("--ema_decay=0",),
    "no clipping": ("--clip_gradient_norm=0",),
    "7 of 17 blocks frozen": ("--freeze_backbone_stages=7",),
    "all blocks frozen": ("--freeze_backbone_stages=17",),
    "cropped": ("--random_crop",),
    "not cropped": ("--norandom_crop",),
    "not mirrored": ("--norandom_flip",),
    "zoom-out": ("--augmentation=ssd", "--nocolor_jitter"),
    "colours": ("--augmentation=ssd", "--nozoom_out"),
    "mlperf's": ("--augmentation=mlperf",),
    "mosaic 0.5": ("--mosaic=0.5",),
    "mixup 0.2": ("--mixup=0.2",),
    "from scratch": ("--backbone_weights=",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--backbone_weights", default="torchvision:mobilenet_v2")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--steps", default=300, type=int)
    parser.add_argument("--seeds", default=2, type=int)
    parser.add_argument("--output", default=pathlib.Path("runs/finetune"), type=pathlib.Path)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    for name in options.sets:
        folder = options.output / name
        base = base_flags(folder, options)
        for seed in range(options.seeds):  # all with one seed come before the next
            for variant in options.variants if not options.table else ():
                model_dir = run_dir(folder, options.steps, variant, seed)
                if scores(model_dir) is None:
                    length = {"twice": 2 * options.steps, "half": options.steps // 2}
                    changed = [flag.format(**length) for flag in VARIANTS[variant]]
                    flags = (*base, f"--model_dir={model_dir}", f"--seed={seed}", *changed)
                    done = subprocess.run([sys.executable, str(ROOT / "train.py"), *flags], check=False)
                    if done.returncode:
                        sys.exit(f"{model_dir}: ended with status {done.returncode}; the same command goes on")
    for name in options.sets:
        print(f"\n{name}, {options.steps} steps\n{table(options.output / name, options)}")


def base_flags(folder: pathlib.Path, options: argparse.Namespace) -> list[str]:
    """Prepares the set unless it is, and returns the flags of the base."""
    data = folder / "data"
    for split in ("train", "val"):
        if not manifest_path(data, split).is_file():
            dataset, source = read_set(options.data, folder.name, split)
            prepare(dataset, data, split, source)
    manifest = load_manifest(data, "train")
    fitted = fit(prepared_source(data, manifest).dataset, specs.spec(DETECTOR))
    detector = DETECTOR
    if fitted:
        detector = str(folder / "detector.json")
        pathlib.Path(detector).write_text(json.dumps(spec_to_json(fitted.spec)))
    chosen = choose(Facts(manifest.num_images_with_boxes, [count.category.name for count in manifest.classes]))
    batch_size = next(choice.value for choice in chosen if choice.name == "batch_size")
    length = choose_length(options.steps, steps_per_epoch(manifest, batch_size), 10)
    flags = [choice.flag for choice in (*chosen, *length) if choice.name != "patience"]
    evaluated_once = ("--eval_every_epochs=0", f"--backbone_weights={options.backbone_weights}")
    return [f"--detector={detector}", f"--data_dir={data}", *flags, *evaluated_once]


def read_set(data: pathlib.Path, name: str, split: str) -> tuple[AnnotatedDataset, dict[str, str]]:
    """BCCD's published split; or VOC's images, a fifth of them to evaluate on."""
    if name == "bccd":
        return read_dataset(data / "bccd" / f"coco_{split}.json", data / "bccd" / "JPEGImages")
    parts = read_parts([data / "voc2012-100"])
    return (parts.train, parts.train_source) if split == "train" else (parts.val, parts.val_source)


def run_dir(folder: pathlib.Path, steps: int, variant: str, seed: int) -> pathlib.Path:
    return folder / str(steps) / f"{re.sub('[^a-zA-Z0-9.]+', '_', variant)}-{seed}"


def scores(model_dir: pathlib.Path) -> tuple[float, float] | None:
    """AP and AP50 of a run, which is evaluated at its end alone; None where it has not ended."""
    path = model_dir / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    ends = [line for line in lines if "AP" in line]
    return (ends[-1]["AP"], ends[-1]["AP50"]) if ends else None


def table(folder: pathlib.Path, options: argparse.Namespace) -> str:
    """A row for each variant that has a run: mean over the seeds, and each."""
    rows = ["| | AP | AP50 | AP of each seed |", "|---|---|---|---|"]
    for variant in options.variants:
        found = [scores(run_dir(folder, options.steps, variant, seed)) for seed in range(options.seeds)]
        there = [pair for pair in found if pair is not None]
        if there:
            ap, ap50 = (statistics.mean(values) for values in zip(*there, strict=True))
            rows.append(f"| {variant} | {ap:.3f} | {ap50:.3f} | {listed([pair[0] for pair in there])} |")
    return "\n".join(rows)


def listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


if __name__ == "__main__":
    main()

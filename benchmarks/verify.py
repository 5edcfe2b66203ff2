# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Slow proofs on real images, through the programs: each trains, scores, and must reach the AP50 named here.

python benchmarks/verify.py --data=FOLDER [coco_mini] [bccd] [mlperf_mini]

mlperf_mini must also leave a log that MLCommons' checker passes, and one that it does not pass when it stops early.
bccd is also exported: float32 forms must find what the checkpoint finds, and int8 must keep 99 % of its AP.
FOLDER holds coco-mini/ (COCO 2017: train2017/, annotations/instances_train2017.json) and bccd/ (JPEGImages/ and
coco_{train,val,test}.json of Shenggan/BCCD_Dataset).
"""

import argparse
import csv
import json
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parent.parent
# (annotations, images, split, extra flags of prepare), the split to score, and the AP50 that it must reach.
PROOFS = {
    "coco_mini": (
        [("coco-mini/annotations/instances_train2017.json", "coco-mini/train2017", "train", ["--limit=16"])],
        "train",
        0.90,
    ),
    "bccd": (
        [(f"bccd/coco_{split}.json", "bccd/JPEGImages", split, []) for split in ("train", "val", "test")],
        "test",
        0.80,
    ),
    "mlperf_mini": (
        [("coco-mini/annotations/instances_train2017.json", "coco-mini/train2017", "train", ["--limit=16"])],
        "train",
        0.35,
    ),
}

# Boxes (fractions of an image's sides) and scores of float32 forms, and MLPerf inference's gate for int8.
FLOAT_TOLERANCE = 1e-4
INT8_KEEPS = 0.99


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(PROOFS), help=f"of: {', '.join(PROOFS)}; all by default")
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--output", default=ROOT / "runs" / "verify", type=pathlib.Path)
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(PROOFS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    failed = [name for name in options.names if not verify(name, options.data, options.output / name)]
    sys.exit(f"below the mark: {', '.join(failed)}" if failed else 0)


def verify(name: str, data: pathlib.Path, output: pathlib.Path) -> bool:
    """Runs one proof; prints what it reached, and returns whether that is enough."""
    sources, split, wanted = PROOFS[name]
    shutil.rmtree(output, ignore_errors=True)  # a run that was done before would only continue
    shards, model_dir = f"{output}/data", f"{output}/model"
    for annotations, images, part, extra in sources:
        prepare = [f"--annotations={data / annotations}", f"--images={data / images}", f"--split={part}"]
        run("-m", "ssd_tf.apps.prepare", *prepare, f"--output_dir={shards}", *extra)
    train = ["train.py", f"--flagfile=flags/{name}.cfg", f"--data_dir={shards}"]
    log = [f"--mlperf_log={output}/mlperf.log"] if name.startswith("mlperf") else []
    start = time.monotonic()
    run(*train, f"--model_dir={model_dir}", *log)
    minutes = (time.monotonic() - start) / 60
    score = [f"--model={model_dir}", f"--data_dir={shards}", f"--split={split}", f"--output_dir={output}/evaluation"]
    run("-m", "ssd_tf.apps.evaluate", *score)
    metrics = json.loads((output / "evaluation" / "metrics.json").read_text())
    enough = metrics["AP50"] >= wanted
    print(
        f"{name}: AP {metrics['AP']:.3f}, AP50 {metrics['AP50']:.3f} on {split} after {minutes:.1f} minutes of "
        f"training; AP50 must reach {wanted:.2f}: {'yes' if enough else 'NO'}"
    )
    if log:
        run(*train, f"--model_dir={output}/early", f"--mlperf_log={output}/early.log", "--epochs=5")
        passes = {path: passes_checker(output / path) for path in ("mlperf.log", "early.log")}
        print(f"{name}: MLCommons' checker passes " + ", ".join(f"{path}: {ok}" for path, ok in passes.items()))
        enough = enough and passes == {"mlperf.log": True, "early.log": False}
    if name == "bccd":
        data_flags = [f"--data_dir={shards}", f"--split={split}"]
        run("-m", "ssd_tf.apps.compare", f"--model={model_dir}", *data_flags, f"--output_dir={output}/compare")
        enough = forms_keep_up(output / "compare" / "compare.csv") and enough
    return enough


def forms_keep_up(table: pathlib.Path) -> bool:
    """Whether the exported forms are as good as they must be; prints those that are not."""
    with table.open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    exact = {name for name in rows if name in ("saved_model", "onnx") or "float32" in name}
    failed = [
        name
        for name, row in rows.items()
        if (name in exact and not (float(row["partners"]) == 1.0 and apart(row) <= FLOAT_TOLERANCE))
        or ("int8" in name and float(row["kept"]) < INT8_KEEPS)
    ]
    print(f"exported forms that fall behind: {', '.join(failed) or 'none'}")
    return not failed


def apart(row: dict[str, str]) -> float:
    return max(float(row["box_difference"]), float(row["score_difference"]))


def passes_checker(log: pathlib.Path) -> bool:
    """Whether MLCommons' own checker finds nothing wrong with a log; what it says is printed."""
    checker = ["mlperf_logging.compliance_checker", "--usage", "training", "--ruleset", "1.1.0"]
    command = [sys.executable, "-m", *checker, "--log_output", f"{log}.check", str(log)]
    print("+", *command, flush=True)
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def run(*arguments: str) -> None:
    print("+ python", *arguments, flush=True)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The disk is full: while a checkpoint is saved, and in each program that writes. Needs root.

python benchmarks/faults/disk_full.py

Training's disk is a tmpfs with room for two checkpoints and a half: there must be a clear error, and the checkpoint
before must be whole. When there is more room the run continues. The other programs write to one that is too small for
what they write: one line must say so, nothing may be there in part, and with more room the same command must end well.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import common

STEPS = 12
# A checkpoint of the small detector is 4.8 MB.
SMALL, LARGE = "12m", "64m"


def rows(folder: pathlib.Path) -> list[common.Row]:
    flags = (*common.SAVING, f"--steps={STEPS}", "--eval_every_epochs=0")
    if os.geteuid() != 0:
        return [common.Row("disk full while saving", "a tmpfs", "not tried: mounting one needs root")]
    common.train_well(folder / "data", folder / "enough_room", *flags)
    found = filled_up(folder, folder / "enough_room", flags, STEPS)
    model, data = folder / "enough_room", f"--data_dir={folder}/data"
    source = (f"--annotations={folder}/shapes/annotations.json", f"--images={folder}/shapes/images")
    weights = folder / "weights.npz"
    common.python("-m", "ssd_tf.apps.import_weights", "--reverse", f"--source={model}", f"--output={weights}")
    imported = (f"--source={weights}", "--detector=ssd128_tiny", f"--annotations={folder}/shapes/annotations.json")
    # Each with the size of a disk that it does not fit on, and what it writes there.
    programs = {
        "prepare": ("300k", (*source, "--output_dir=DISK/data", "--split=train")),
        "export": ("1m", (f"--model={model}", "--format=litert", "--output=DISK/model.tflite")),
        "export ": ("1m", (f"--model={model}", "--format=saved_model", "--output=DISK/served")),
        "import_weights": ("1m", (*imported, "--output=DISK/model")),
        "predict": ("64k", (f"--model={model}", f"--input={folder}/shapes/images", "--output_dir=DISK/found")),
        "evaluate": ("12k", (f"--model={model}", data, "--output_dir=DISK/scores")),
        "report": ("64k", (f"--model_dir={model}", "--output_dir=DISK/report")),
        "inspect": ("64k", (data, "--output=DISK/page.html")),
    }
    return found + [filled_by(name, size, flags, folder) for name, (size, flags) in programs.items()]


def filled_by(name: str, size: str, flags: tuple[str, ...], folder: pathlib.Path) -> common.Row:
    """One program on a disk that is too small, and then on one that is not."""
    disk, log = folder / f"disk of {name}", folder / "disk.log"
    command = [
        sys.executable,
        "-m",
        f"ssd_tf.apps.{name.strip()}",
        *(flag.replace("DISK", str(disk)) for flag in flags),
    ]
    with small_disk(disk, size):
        status = common.start(command, log).wait(timeout=common.PATIENCE_S)
        printed = log.read_text(errors="replace")
        error = common.error_line(printed)
        said = status == 1 and bool(error) and "Traceback" not in printed
        left = [path.name for path in disk.rglob("*") if "tmp" in path.name]
        subprocess.run(["mount", "-o", f"remount,size={LARGE}", str(disk)], check=True)
        again = common.start(command, log).wait(timeout=common.PATIENCE_S)
    reason = error.replace(str(disk), "DISK")[:160] if said else f"{error[:160]!r}, and no clear line"
    outcome = f"status {status}: {reason}; with room: status {again}" + (f"; left: {left}" if left else "")
    return common.Row(f"disk full in {name.strip()}", f"tmpfs of {size}", outcome, said and again == 0 and not left)


def filled_up(folder: pathlib.Path, whole: pathlib.Path, flags: tuple[str, ...], steps: int) -> list[common.Row]:
    disk = folder / "disk"
    with small_disk(disk):
        model_dir = disk / "model"
        # The log is on the disk as well, as it often is; so it must not be what fills it.
        status, printed = common.train(folder / "data", model_dir, *flags)
        error = common.error_line(printed)
        files = sorted((model_dir / "checkpoints").glob("*"))
        names = sorted(path.stem for path in files if path.suffix == ".index")
        readable = [name for name in names if common.state(model_dir, str(model_dir / "checkpoints" / name))]
        kept = names[-1] if names else "none"
        stopped = status == 1 and "cannot be written" in error and f"{kept} is whole" in error and readable == names
        leftovers = [path.name for path in files if "_temp" in path.name]
        subprocess.run(["mount", "-o", f"remount,size={LARGE}", str(disk)], check=True)
        again, printed = common.train(folder / "data", model_dir, *flags)
        wrong = common.differences(whole, model_dir, steps) if again == 0 else f"exit status {again}"
    fault = "disk full while saving"
    went_on = f"not the same: {wrong}" if wrong else "continues, all bit for bit the same"
    reason = error.replace(str(disk), "DISK")[:210]
    return [
        common.Row(fault, f"tmpfs of {SMALL}", f"status {status}: {reason}", stopped and bool(names) and not leftovers),
        common.Row(fault, f"again with {LARGE}", went_on, not wrong),
    ]


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, size: str = SMALL) -> Iterator[None]:
    """A tmpfs at the folder, while the block runs."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


if __name__ == "__main__":
    common.main(rows, __doc__ or "")

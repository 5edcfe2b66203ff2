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
import shutil
import subprocess
import sys
from collections.abc import Iterator

import common

STEPS = 12
# A checkpoint of the small detector is 4.8 MB.
SMALL, LARGE = "12m", "64m"
# In names of files and folders that are there while something is written, and not after it.
TEMPORARY = ("tmp", "temp", ".probe")


def rows(folder: pathlib.Path) -> list[common.Row]:
    flags = (*common.SAVING, f"--steps={STEPS}", "--eval_every_epochs=0")
    if os.geteuid() != 0:
        return [common.Row("disk full while saving", "a tmpfs", "not tried: mounting one needs root")]
    common.train_well(folder / "data", folder / "enough_room", *flags)
    found = filled_up(folder, folder / "enough_room", flags, STEPS)
    found += [filled_by(*tried, folder) for tried in _programs(folder)]
    return [*found, _filled_at_the_end(folder)]


def _programs(folder: pathlib.Path) -> list[tuple[str, str, tuple[str, ...]]]:
    """Each program that writes, with the size of a disk that what it writes does not fit on, and its flags."""
    model, data = folder / "enough_room", f"--data_dir={folder}/data"
    annotations, images = f"--annotations={folder}/shapes/annotations.json", f"--images={folder}/shapes/images"
    weights, litert = folder / "weights.npz", folder / "model.tflite"
    common.python("-m", "ssd_tf.apps.import_weights", "--reverse", f"--source={model}", f"--output={weights}")
    common.python("-m", "ssd_tf.apps.export", f"--model={model}", f"--output={litert}")
    imported = (f"--source={weights}", "--detector=ssd128_tiny", annotations)
    streamed = (f"--model={litert}", f"--source={folder}/shapes/images", "--headless")
    loadgen = (f"--model={litert}", data, "--min_duration_seconds=0", "--min_queries=64")
    return [
        ("shapes", "300k", ("--output_dir=DISK/shapes", "--num_images=48")),
        ("split", "20k", (annotations, "--fractions=0.5,0.5", "--output_dir=DISK/parts")),
        ("prepare", "300k", (annotations, images, "--output_dir=DISK/data", "--split=train")),
        # In the preparation, in the run that is timed, and in the training.
        *(("quickstart", size, (*_quickstart(folder), "--output=DISK/run")) for size in ("300k", "6m", "17m")),
        ("export", "1m", (f"--model={model}", "--format=litert", "--output=DISK/model.tflite")),
        ("export", "1m", (f"--model={model}", "--format=saved_model", "--output=DISK/served")),
        ("import_weights", "1m", (*imported, "--output=DISK/model")),
        ("average", "1m", (f"--model={model}", "--output=DISK/model")),
        ("predict", "64k", (f"--model={model}", f"--input={folder}/shapes/images", "--output_dir=DISK/found")),
        ("stream", "8m", (*streamed, "--output=DISK/found.mp4")),
        ("evaluate", "12k", (f"--model={model}", data, "--output_dir=DISK/scores")),
        ("compare", "1m", (f"--model={model}", data, "--forms=litert_float32", "--output_dir=DISK/compared")),
        ("compare", "20k", (f"--model={litert}", data, "--output_dir=DISK/compared")),
        ("loadgen", "8k", (*loadgen, "--output_dir=DISK/logs")),
        ("report", "64k", (f"--model_dir={model}", "--output_dir=DISK/report")),
        ("inspect", "64k", (data, "--output=DISK/page.html")),
    ]


def _quickstart(folder: pathlib.Path) -> tuple[str, ...]:
    source = (f"--annotations={folder}/shapes/annotations.json", f"--images={folder}/shapes/images")
    return (*source, "--detector=ssd128_tiny", "--minutes=0.3")


def _filled_at_the_end(folder: pathlib.Path) -> common.Row:
    """quickstart where it has trained, and there is no room for all that comes then.

    That is 1.9 MB of report, 0.3 MB of images and 0.7 MB of LiteRT.
    """
    trained = folder / "quickstart"
    common.python("-m", "ssd_tf.apps.quickstart", *_quickstart(folder), f"--output={trained}")
    (trained / "model_int8.tflite").unlink()
    for name in ("report", "val_images"):
        shutil.rmtree(trained / name)
    pages = sum(-(-path.stat().st_size // 4096) for path in trained.rglob("*") if path.is_file())
    size = f"{4 * pages + 2400}k"
    return filled_by("quickstart", size, (*_quickstart(folder), "--output=DISK/run"), folder, trained)


def filled_by(
    name: str, size: str, flags: tuple[str, ...], folder: pathlib.Path, there: pathlib.Path | None = None
) -> common.Row:
    """One program on a disk that is too small, and then on one that is not.

    Args:
      flags: of the program, with DISK for the disk.
      there: a folder of which a copy is on the disk, as "run".
    """
    disk, log = folder / f"disk of {name}", folder / "disk.log"
    command = [sys.executable, "-m", f"ssd_tf.apps.{name}", *(flag.replace("DISK", str(disk)) for flag in flags)]
    with small_disk(disk, size):
        if there:
            shutil.copytree(there, disk / "run")
        status = common.start(command, log).wait(timeout=common.PATIENCE_S)
        printed = log.read_text(errors="replace")
        error = common.error_line(printed)
        said = status == 1 and printed.count("error: ") == 1 and bool(error) and "Traceback" not in printed
        left = [path.name for path in disk.rglob("*") if any(part in path.name for part in TEMPORARY)]
        subprocess.run(["mount", "-o", f"remount,size={LARGE}", str(disk)], check=True)
        again = common.start(command, log).wait(timeout=common.PATIENCE_S)
    reason = error.replace(str(disk), "DISK")[:160] if said else f"no clear line: {printed[-300:]!r}"
    outcome = f"status {status}: {reason}; with room: status {again}"
    outcome += f" {common.error_line(log.read_text(errors='replace'))}" if again else ""
    outcome += f"; left: {left}" if left else ""
    return common.Row(f"disk full in {name}", f"tmpfs of {size}", outcome, said and again == 0 and not left)


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
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


if __name__ == "__main__":
    common.main(rows, __doc__ or "")

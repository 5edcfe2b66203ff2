# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The disk is full while a checkpoint is saved: a clear error, and the checkpoint before is whole. Needs root.

python benchmarks/faults/disk_full.py

The disk is a tmpfs with room for two checkpoints and a half. When there is more room the run continues.
"""

import contextlib
import os
import pathlib
import subprocess
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
    return filled_up(folder, folder / "enough_room", flags, STEPS)


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

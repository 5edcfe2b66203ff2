# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The last checkpoint of a run is damaged: it is reported, the one before is used, and the run ends as it would have.

python benchmarks/faults/corrupt_checkpoint.py
"""

import pathlib
import shutil

import common

STEPS = 12
DAMAGES = ("data cut off", "a byte of the data changed", "index cut off", "index changed")


def rows(folder: pathlib.Path) -> list[common.Row]:
    whole = folder / "undamaged"
    flags = (*common.SAVING, f"--steps={STEPS}")
    common.train_well(folder / "data", whole, *flags)
    return [resumed(folder, whole, damage, flags, STEPS) for damage in DAMAGES]


def resumed(folder: pathlib.Path, whole: pathlib.Path, damage: str, flags: tuple[str, ...], steps: int) -> common.Row:
    """Damages the last checkpoint of a copy of a finished run, and lets it resume from the one before."""
    model_dir = folder / damage.replace(" ", "_")
    shutil.copytree(whole, model_dir)
    spoil(model_dir / "checkpoints", steps, damage)
    status, printed = common.train(folder / "data", model_dir, *flags)
    reported = f"ckpt-{steps} cannot be restored" in printed and f"going back to {model_dir}" in printed
    wrong = common.differences(whole, model_dir, steps) if status == 0 else f"exit status {status}"
    outcome = "reported, " if reported else "not reported, "
    outcome += f"not the same: {wrong}" if wrong else "resumed from the one before, all bit for bit the same"
    return common.Row("last checkpoint damaged", damage, outcome, reported and not wrong)


def spoil(folder: pathlib.Path, step: int, damage: str) -> None:
    """Damages one checkpoint in the folder."""
    path = folder / (f"ckpt-{step}.index" if damage.startswith("index") else f"ckpt-{step}.data-00000-of-00001")
    content = bytearray(path.read_bytes())
    if damage.endswith("cut off"):
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 255
    path.write_bytes(content)


if __name__ == "__main__":
    common.main(rows, __doc__ or "")

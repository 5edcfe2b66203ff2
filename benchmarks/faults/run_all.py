# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""All faults of this folder, one after the other, and one table of them.

python benchmarks/faults/run_all.py

Each script runs alone too. They take an hour on two cores that do other work too, and 0.5 GB of disk.
"""

import pathlib
import traceback

import bad_inputs
import bad_records
import common
import corrupt_checkpoint
import disk_full
import kills
import nan_loss
import program_kills
import served
import workers


def rows(folder: pathlib.Path) -> list[common.Row]:
    found = []
    for script in (
        bad_inputs,
        disk_full,
        kills,
        corrupt_checkpoint,
        bad_records,
        nan_loss,
        served,
        workers,
        program_kills,
    ):
        try:
            new = script.rows(folder)
        except Exception as error:  # the others are still worth their time
            traceback.print_exc()
            new = [common.Row(script.__name__, "all", f"the script failed: {error!r}"[:200], False)]
        common.print_table(new)
        found += new
    return found


if __name__ == "__main__":
    common.main(rows, __doc__ or "")

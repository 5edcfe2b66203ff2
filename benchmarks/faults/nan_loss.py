# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A learning rate of a million: the run stops at the first loss that is not finite, and says which images it was of.

python benchmarks/faults/nan_loss.py
"""

import json
import pathlib

import common
import numpy as np


def rows(folder: pathlib.Path) -> list[common.Row]:
    return [exploding(folder)]


def exploding(folder: pathlib.Path) -> common.Row:
    model_dir = folder / "exploding"
    flags = (*common.TRAIN, "--steps=12", "--checkpoint_every_steps=1", "--learning_rate=1e6")
    status, printed = common.train(folder / "data", model_dir, *flags)
    error = common.error_line(printed)
    report = json.loads((model_dir / "failed_step.json").read_text())
    known = {str(image["id"]) for image in json.loads((folder / "shapes" / "annotations.json").read_text())["images"]}
    good_checkpoint = report["last_good_checkpoint"]
    finite = all(np.isfinite(value).all() for value in common.state(model_dir, good_checkpoint).values())
    reported = [loss for _, loss in common.losses(model_dir)]
    good = (
        status == 1
        and f"at step {report['step']}" in error
        and good_checkpoint in error
        and len(set(report["image_ids"])) == 8
        and set(report["image_ids"]) <= known
        and good_checkpoint.endswith(f"ckpt-{report['step'] - 1}")
        and finite
        and bool(np.isfinite(reported).all())
    )
    outcome = (
        f"status {status} at step {report['step']}; ids of its {len(report['image_ids'])} images written; last good "
    )
    outcome += f"checkpoint: {pathlib.Path(good_checkpoint).name}, {'' if finite else 'not '}all numbers finite"
    return common.Row("loss not finite", "--learning_rate=1e6", outcome, good)


if __name__ == "__main__":
    common.main(rows, __doc__ or "")

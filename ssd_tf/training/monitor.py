# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a run reports while it runs: metrics.jsonl and TensorBoard scalars."""

import json
import pathlib
from typing import Any

import tensorflow as tf

from ssd_tf.files import write_atomically
from ssd_tf.model_dir import METRICS, TENSORBOARD


class Monitor:
    """Writes each report as a line of metrics.jsonl and as TensorBoard scalars under `prefix/name`.

    Used as a context manager. A run that goes on from `start_step` drops later lines that an earlier run left.
    """

    def __init__(self, model_dir: pathlib.Path, start_step: int):
        self._path = model_dir / METRICS
        _drop_lines_after(self._path, start_step)
        self._file = self._path.open("a", encoding="utf-8")
        self._writer = tf.summary.create_file_writer(str(model_dir / TENSORBOARD))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self._writer.close()

    def report(self, prefix: str, step: int, values: dict[str, Any]) -> None:
        """Records the numbers in `values` as of `step` updates done."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(f"{prefix}/{name}", value)

    def text(self, name: str, text: str) -> None:
        """A note in TensorBoard's text tab, such as the settings."""
        with self._writer.as_default(step=0):
            tf.summary.text(name, text)


def _drop_lines_after(path: pathlib.Path, step: int) -> None:
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    # A killed run may leave half a line at the end.
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    if len(kept) != len(lines):
        write_atomically(path, "".join(kept))

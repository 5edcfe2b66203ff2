# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a run reports while it runs: metrics.jsonl and TensorBoard scalars."""

import json
import pathlib
from typing import Any

import tensorflow as tf

from ssd_tf.files import atomic_path, write_atomically
from ssd_tf.model_dir import METRICS, TENSORBOARD

# Length and two checksums around each record of a file of events.
_FRAME_BYTES = 16


class Monitor:
    """Writes each report as a line of metrics.jsonl and as TensorBoard scalars under `prefix/name`.

    Used as a context manager. A run that goes on from `start_step` first takes away what an earlier process reported of
    later steps, so that the curves have neither overlap nor gap. Without a model_dir it does nothing.
    """

    def __init__(self, model_dir: pathlib.Path | None, start_step: int):
        self._file = None
        if model_dir is None:
            return
        _drop_lines_after(model_dir / METRICS, start_step)
        for path in (model_dir / TENSORBOARD).glob("events.out.tfevents.*"):
            _drop_events_after(path, start_step)
        self._file = (model_dir / METRICS).open("a", encoding="utf-8")
        self._writer = tf.summary.create_file_writer(str(model_dir / TENSORBOARD))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._file:
            self._file.close()
            self._writer.close()

    def report(self, prefix: str, step: int, values: dict[str, Any]) -> None:
        """Records the numbers in `values` as of `step` updates done."""
        if not self._file:
            return
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(f"{prefix}/{name}", value)
        # A run that is killed goes on after its last checkpoint: what was reported before that must not be lost.
        self._writer.flush()

    def text(self, name: str, text: str) -> None:
        """A note in TensorBoard's text tab, such as the settings."""
        if self._file:
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


def _drop_events_after(path: pathlib.Path, step: int) -> None:
    """The same for a file of TensorBoard events. A killed run may leave half an event at the end."""
    whole = tf.data.TFRecordDataset(str(path)).ignore_errors(log_warning=False)
    events = list(whole.as_numpy_iterator())
    kept = [event for event in events if tf.compat.v1.Event.FromString(event).step <= step]
    if len(kept) != len(events) or path.stat().st_size != sum(map(len, events)) + _FRAME_BYTES * len(events):
        with atomic_path(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
            for event in kept:
                writer.write(event)

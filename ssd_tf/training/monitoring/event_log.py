# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a run reports while it runs: metrics.jsonl, and TensorBoard's scalars, images, histograms and curves."""

import json
import pathlib
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams_api
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.pr_curve import metadata as pr_metadata

from ssd_tf.evaluation.precision_recall import PrecisionRecall
from ssd_tf.utils.files import atomic_path, write_atomically
from ssd_tf.weights.model_dir import METRICS, TENSORBOARD

# Length and two checksums around each record of a file of events.
_FRAME_BYTES = 16
# JPEG keeps a file of events small: PNG takes five times as much for a photograph.
_JPEG_QUALITY = 90


class Monitor:
    """Writes each report as a line of metrics.jsonl and as TensorBoard scalars under `prefix/name`.

    Used as a context manager. A run that resumes at `start_step` first removes what an earlier process reported of
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
        self.close()

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._writer.close()

    def report(self, prefix: str, step: int, values: dict[str, Any]) -> None:
        """Records the numbers in `values` as of `step` updates done; None, of what is not defined, is no scalar."""
        if not self._file:
            return
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        with self._writer.as_default(step=step):
            for name, value in values.items():
                if value is not None:
                    tf.summary.scalar(f"{prefix}/{name}", value)
        # A run that is killed resumes from its last checkpoint: what was reported before that must not be lost.
        self._writer.flush()

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Numbers for TensorBoard alone, by their tags."""
        if self._file:
            with self._writer.as_default(step=step):
                for tag, value in values.items():
                    tf.summary.scalar(tag, value)

    def settings(self, step: int, settings: dict[str, Any], hparams: dict[str, Any]) -> None:
        """The settings that the run has from `step` on, as text; and those for TensorBoard's table of runs."""
        if not self._file:
            return
        rows = [f"| {name} | {value} |" for name, value in settings.items()]
        plain = {name: value if isinstance(value, int | float) else str(value) for name, value in hparams.items()}
        with self._writer.as_default(step=step):
            tf.summary.text("settings", "\n".join(["| setting | value |", "| --- | --- |", *rows]))
        with self._writer.as_default(step=0):
            hparams_api.hparams(plain)

    def image(self, tag: str, step: int, image: np.ndarray) -> None:
        """An image, uint8 RGB [H, W, 3]."""
        if not self._file:
            return
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
        height, width = image.shape[:2]
        self._write(
            tag,
            step,
            tf.constant([str(width), str(height), encoded.tobytes()]),
            image_metadata.create_summary_metadata(display_name=None, description=""),
        )

    def histogram(self, tag: str, step: int, values: np.ndarray) -> None:
        """How the numbers in `values` are spread."""
        if self._file:
            with self._writer.as_default(step=step):
                tf.summary.histogram(tag, values)

    def pr_curve(self, tag: str, step: int, curve: PrecisionRecall) -> None:
        """Precision over recall. True negatives are 0: what is not there and not found cannot be counted."""
        if not self._file:
            return
        rows = (
            curve.true_positives,
            curve.false_positives,
            np.zeros(len(curve.thresholds)),
            curve.false_negatives,
            curve.precision,
            curve.recall,
        )
        metadata = pr_metadata.create_summary_metadata(
            display_name="", description="", num_thresholds=len(curve.thresholds)
        )
        self._write(tag, step, tf.constant(np.stack(rows), tf.float32), metadata)

    def _write(self, tag: str, step: int, tensor: tf.Tensor, metadata: Any) -> None:
        """For kinds of summaries that tf.summary does not know."""
        with self._writer.as_default(step=step):
            tf.summary.write(
                tag, tensor, metadata=tf.compat.v1.SummaryMetadata.FromString(metadata.SerializeToString())
            )


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

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""One model over many images, one at a time, in a process of its own: what it finds, how long it takes, what memory.

Nothing here imports TensorFlow before a model needs it: else a LiteRT file would be charged with TensorFlow's memory.
Letters: N detections of an image, S side of the input.
"""

import dataclasses
import multiprocessing
import pathlib
import time
import traceback
from typing import Any

import numpy as np

from ssd_tf.utils.errors import mistakes
from ssd_tf.utils.hardware import host_peak_bytes
from ssd_tf.utils.imports import quiet_stderr

# Runs that are not timed: the first ones are slower, while memory is laid out, and graphs are built and
# optimised: with 3, a SavedModel's p99 was three times its p50.
WARM_UP = 10


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What a model did.

    Attributes:
      boxes, scores, classes: of each image float32 [N, 4] (normalised), float32 [N], int32 [N] (1..C).
      seconds: float64, of each image, from uint8 pixels [S, S, 3] to detections.
      peak_bytes: the most of the host's memory that the process had, Python and the runtime included.
    """

    boxes: list[np.ndarray]
    scores: list[np.ndarray]
    classes: list[np.ndarray]
    seconds: np.ndarray
    peak_bytes: int


@dataclasses.dataclass(frozen=True)
class _Bug:
    traceback: str


def measure(model: str, image_file: pathlib.Path, image_size: int) -> Measurement:
    """Runs a model in a new process.

    Args:
      model: a path in any form that `load_predictor` takes.
      image_file: a file of uint8 RGB images [S, S, 3], one after the other, without anything between them.
      image_size: S.

    Raises:
      ChildProcessError: the model cannot be run; the message ends with what the process said.
      RuntimeError: the process failed by a bug; the message is its traceback.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, model, image_file, image_size))
    process.start()
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        answer = "it ended without a message"
    finally:
        process.join()
    if isinstance(answer, _Bug):
        raise RuntimeError(f"{model}: {answer.traceback}")
    if isinstance(answer, str):
        raise ChildProcessError(f"{model}: {answer} (exit status {process.exitcode})")
    return answer


def _child(connection: Any, model: str, image_file: pathlib.Path, image_size: int) -> None:
    try:
        connection.send(_measure_here(model, image_file, image_size))
    # The detector that is written beside a LiteRT file knows no UserError.
    except (ValueError, *mistakes()) as error:
        connection.send(f"{type(error).__name__}: {error}")
    except Exception:
        connection.send(_Bug(traceback.format_exc()))


def _measure_here(model: str, image_file: pathlib.Path, image_size: int) -> Measurement:
    detect_in = _detector(model)
    found, seconds = [], []
    image_bytes = image_size * image_size * 3
    with image_file.open("rb") as file:
        while pixels := file.read(image_bytes):
            image = np.frombuffer(pixels, np.uint8).reshape(image_size, image_size, 3)
            if not found:
                for _ in range(WARM_UP):
                    detect_in(image)
            start = time.perf_counter()
            found.append(detect_in(image))
            seconds.append(time.perf_counter() - start)
    boxes, scores, classes = (list(part) for part in zip(*found, strict=True))
    return Measurement(boxes, scores, classes, np.array(seconds), host_peak_bytes())


def _detector(model: str):
    """A function from one image to boxes, scores and classes."""
    if model.endswith(".tflite"):
        with quiet_stderr():
            from ssd_tf.export.litert_detect import LiteRTDetector

            detector = LiteRTDetector(model, multiprocessing.cpu_count())
            # The first run reports that it uses XNNPACK.
            detector(np.zeros((detector.image_size, detector.image_size, 3), np.uint8))
            return detector
    with quiet_stderr():
        from ssd_tf.inference.load import load_predictor
        from ssd_tf.utils.hardware import grow_gpu_memory

        # Else this process asks for all memory of a GPU, of which the one that started it has a part.
        grow_gpu_memory()
    predictor = load_predictor(model)

    def detect_in(image):
        found = predictor(image[None])
        count = int(found.count[0])
        return tuple(np.asarray(part[0, :count]) for part in (found.boxes, found.scores, found.classes))

    return detect_in

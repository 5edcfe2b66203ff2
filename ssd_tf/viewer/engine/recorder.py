# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The recording thread: draws frames at their own size and writes them; however long that takes, nobody waits."""

import pathlib
import threading
from typing import NamedTuple

from ssd_tf.drawing.placement import LabelMemory
from ssd_tf.media.video_writer import DiskFullError, Recording, VideoWriter
from ssd_tf.viewer.engine.messages import Detected
from ssd_tf.viewer.engine.view import View, draw_view

# How often it looks whether the program is at its end.
_LOOK_SECONDS = 0.5


class _Job(NamedTuple):
    detected: Detected
    view: View
    part: int  # changes with every cut


class Recorder:
    """Records what is shown to one file, from its start until `end`. Frames that come too fast for it are left out.

    No method but `wait` waits. The thread keeps the program from ending until the file is whole.
    """

    def __init__(self, writer: VideoWriter):
        self.path = writer.path
        self._writer = writer
        self._changed = threading.Condition()  # guards the three below
        self._job: _Job | None = None
        self._part = 0
        self._ending = False
        self._outcome: pathlib.Path | OSError | None = OSError(f"{writer.path}: writing it has broken off")
        self._thread = threading.Thread(target=self._run, name="ssd_tf-recording")
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """False from the moment when it has ended or broken off."""
        return self._thread.is_alive()

    @property
    def seconds(self) -> float:
        """How long the video is so far."""
        return self._writer.frames / self._writer.fps

    def put(self, detected: Detected, view: View) -> None:
        """Writes this frame next, in place of one that still waits."""
        with self._changed:
            self._job = _Job(detected, view, self._part)
            self._changed.notify_all()

    def cut(self) -> None:
        """Leaves the time until the next frame out of the video, as that of a pause."""
        with self._changed:
            self._part += 1

    def end(self) -> None:
        """Finishes the file after the frame that waits."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the thread has ended by then."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def result(self) -> pathlib.Path | None:
        """After the end: the file, which is whole; None where no frame came.

        Raises:
          OSError: it could not be written, or, as the text says, only its beginning.
        """
        if isinstance(self._outcome, OSError):
            raise self._outcome
        return self._outcome

    def _run(self) -> None:
        recording, labels, part = Recording(self._writer, live=True), LabelMemory(), 0
        try:
            while job := self._next():
                if job.part != part:
                    recording.cut()
                    part = job.part
                image, _ = draw_view(job.detected, job.view.at_frame_size(), labels)
                recording.write(image, job.detected.captured.frame.seconds)
            recording.close()
            self._outcome = self.path if self._writer.frames else None
        except DiskFullError as error:
            self._outcome = self._saved(error)
        except OSError as error:
            self._outcome = error
        finally:
            self._writer.discard()

    def _saved(self, error: DiskFullError) -> OSError:
        """Finishes what there is; the error, with what became of that."""
        try:
            self._writer.close()
        except OSError as lost:
            return lost
        return OSError(f"{error}; what was recorded until then is kept") if self._writer.frames else error

    def _next(self) -> _Job | None:
        """Waits for it; None at the end, also at that of a program which forgets to say so."""
        with self._changed:
            while not (self._job or self._ending) and threading.main_thread().is_alive():
                self._changed.wait(_LOOK_SECONDS)
            job, self._job = self._job, None
            return job

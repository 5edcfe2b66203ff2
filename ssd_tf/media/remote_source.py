# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Cameras and streams, read by a process of their own.

OpenCV waits up to ten seconds for a camera or a server that is silent, and cannot be interrupted meanwhile; a process
can. It reads on whatever its parent does, so that the latest frame is always at hand and none waits in a driver.

The process is given the source by stdin, since everyone may read a command line and an address may hold a password. It
writes to stdout a line of JSON, a SourceInfo or an error, then the frames, each a header and its pixels, and at the end
a header of zeros and the reason as a line of JSON, which is empty where the source just ended.
"""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np

from ssd_tf.media.latest import LatestSlot
from ssd_tf.media.opencv_source import VideoSource, stream_name
from ssd_tf.media.source import Frame, Source, SourceInfo, SourceLostError
from ssd_tf.utils.errors import UserError

# Height, width, index, seconds.
_HEADER = struct.Struct("<IIQd")
# How long an ended process may take to go; a hanging driver can hold it.
_GOODBYE_SECONDS = 0.5


class RemoteSource(Source):
    """A camera's number or an address. The process lives from `open` until `interrupt` or `close`."""

    def __init__(self, text: str):
        self._text = text
        self._name = stream_name(text) if "://" in text else f"camera {text}"
        self._lock = threading.Lock()  # guards the two below
        self._interrupted = False
        self._process: subprocess.Popen[bytes] | None = None
        self._output: io.BufferedIOBase = io.BytesIO()

    def open(self) -> None:
        """Raises as VideoSource's; where a stream cannot be opened, with what FFmpeg says of it."""
        with tempfile.TemporaryFile() as chatter:
            self._start(chatter)
            line = self._output.readline()
            if not line:
                raise SourceLostError(f"{self._name}: opening it was ended")
            answer = json.loads(line)
            if "error" not in answer:
                self.info = SourceInfo(**answer)
                return
            error = FileNotFoundError if answer["missing"] else OSError
            reason = _last_line(chatter)
            raise error(f"{answer['error']}: {reason}" if reason else answer["error"])

    def read(self) -> Frame | None:
        height, width, index, seconds = _HEADER.unpack(self._receive(bytearray(_HEADER.size)))
        if height:
            image = np.empty((height, width, 3), np.uint8)
            self._receive(image.data.cast("B"))
            return Frame(image, index, seconds)
        if reason := json.loads(self._output.readline()):
            raise SourceLostError(reason)
        return None

    def interrupt(self) -> None:
        with self._lock:
            self._interrupted = True
            if self._process:
                self._process.kill()

    def close(self) -> None:
        self.interrupt()
        if self._process:
            # Else it hangs in a driver, and goes when that lets it; it holds nothing of this process.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GOODBYE_SECONDS)
        self._output.close()

    def _start(self, chatter: IO[bytes]) -> None:
        with self._lock:
            if self._interrupted:
                return
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=chatter,
                env=_environment(),
            )
            stdin, self._output = _pipe(self._process.stdin), _pipe(self._process.stdout)
        with contextlib.suppress(BrokenPipeError):  # interrupted; the next read reports it
            stdin.write(self._text.encode())
            stdin.close()

    def _receive(self, buffer: bytearray | memoryview) -> bytearray | memoryview:
        """The buffer, filled by the process."""
        rest = memoryview(buffer)
        while rest:
            count = self._output.readinto(rest)
            if not count:
                raise SourceLostError(f"{self._name}: reading it was ended")
            rest = rest[count:]
        return buffer


def _pipe(pipe: IO[bytes] | None) -> io.BufferedIOBase:
    if not isinstance(pipe, io.BufferedIOBase):
        raise TypeError(f"expected a pipe of bytes. Received: {pipe!r}")
    return pipe


def _environment() -> dict[str, str]:
    """Of the process: finds this package wherever it is started from; FFmpeg says what goes wrong, and only that."""
    folder = str(pathlib.Path(__file__).parents[2])
    search = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": search, "OPENCV_FFMPEG_LOGLEVEL": "16"}


def _last_line(chatter: IO[bytes]) -> str:
    """What FFmpeg said last: of "[OPENCV:FFMPEG:16] Connection to tcp://... failed: Connection refused" the end."""
    chatter.seek(0)
    lines = re.findall(r"^\[\S+\] (?:.*failed: )?(.+)$", chatter.read().decode(errors="replace"), re.M)
    return lines[-1].strip() if lines else ""


class _End(NamedTuple):
    """The last message of the process. The reason is empty where the source just ended."""

    reason: str


def _main() -> None:
    """The process: sends what stdin names to stdout."""
    for number in (signal.SIGINT, signal.SIGTERM):  # reach it too, but its parent decides when it ends
        signal.signal(number, signal.SIG_IGN)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get among the frames
    with VideoSource(sys.stdin.read()) as source:
        try:
            source.open()
        except (OSError, UserError) as error:
            answer = {"error": str(error), "missing": isinstance(error, FileNotFoundError)}
            _send_line(output, answer)
            return
        _send_line(output, dataclasses.asdict(source.info))
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 2)  # a file of complaints would grow as long as the stream runs
        with contextlib.suppress(BrokenPipeError):  # the parent is gone
            for message in _latest(source) if source.info.is_live else _all(source):
                if isinstance(message, _End):
                    output.write(_HEADER.pack(0, 0, 0, 0.0))
                    _send_line(output, message.reason)
                    return
                output.write(_HEADER.pack(*message.image.shape[:2], message.index, message.seconds))
                output.write(message.image.data)
                output.flush()


def _all(source: Source) -> Iterator[Frame | _End]:
    """The frames in order, and the end."""
    try:
        while frame := source.read():
            yield frame
        yield _End("")
    except SourceLostError as error:
        yield _End(str(error))


def _latest(source: Source) -> Iterator[Frame | _End]:
    """The same without the frames that came while the consumer was busy."""
    slot: LatestSlot[Frame | _End] = LatestSlot()

    def read_on() -> None:
        for message in _all(source):
            slot.put(message, keep=isinstance(message, _End))

    threading.Thread(target=read_on, daemon=True).start()
    while message := slot.take():
        yield message


def _send_line(output: IO[bytes], value: object) -> None:
    output.write(json.dumps(value).encode() + b"\n")
    output.flush()


if __name__ == "__main__":
    _main()

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Videos whose frames tell their number, a detector that finds what is asked for, and servers that hang."""

import http.server
import pathlib
import threading
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.geometry.detections import Detections
from ssd_tf.live.newest import Newest
from tests.live.viewer import PATIENCE, Viewer, engine_threads

FRAMES = 12
WIDTH, HEIGHT = 160, 120
# Grey levels from frame to frame, wide enough to survive the video's compression.
LEVEL = 20


def write_video(path: pathlib.Path, fps: float = 25.0, frames: int = FRAMES, size=(WIDTH, HEIGHT)) -> pathlib.Path:
    """A video, each frame of which is grey of LEVEL times its index."""
    codec = "mp4v" if path.suffix == ".mp4" else "MJPG"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), fps, size)
    for index in range(frames):
        writer.write(np.full((size[1], size[0], 3), LEVEL * index % 256, np.uint8))
    writer.release()
    return path


def frame_number(image: np.ndarray) -> int:
    """Which frame of `write_video` a picture is, by its lower right corner, which boxes and labels do not reach."""
    height, width = image.shape[:2]
    return round(float(image[height * 7 // 8 :, width * 7 // 8 :].mean()) / LEVEL)


class ThreeObjects:
    """A detector that finds classes 1, 2, 3 with scores 0.9, 0.6, 0.2 in the upper left of any picture.

    Attributes:
      seen: the numbers of the frames that it was given, after the first call, which is there to warm up.
      gate: where it is set to an Event, every call after the first waits for that.
    """

    spec = ssd_tf.detector("ssd128_tiny")
    categories = (Category(1, "one"), Category(2, "two"), Category(3, "three"))
    min_score = 0.0
    max_detections = 3

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.gate: threading.Event | None = None
        self.entered = threading.Event()
        self.error: Exception | None = None
        self._warm = False

    def __call__(self, images, score_threshold: float = 0.05) -> Detections:
        batch = np.asarray(images)
        if self._warm:
            self.seen.extend(frame_number(image) for image in batch)
            self.entered.set()
            if self.gate:
                self.gate.wait(20)
            if self.error:
                raise self.error
        self._warm = True
        count = len(batch)
        boxes = np.array([[0.1, 0.1, 0.4, 0.4], [0.2, 0.05, 0.45, 0.3], [0.05, 0.2, 0.3, 0.45]], np.float32)
        scores = np.array([0.9, 0.6, 0.2], np.float32)
        classes = np.array([1, 2, 3], np.int32)
        kept = int((scores > score_threshold).sum())
        repeated = (np.repeat(value[None], count, axis=0) for value in (boxes, scores, classes))
        return Detections(*repeated, np.full(count, kept, np.int32))


class NotingSlot(Newest):
    """Notes of each item whether it was put to be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[object, bool]] = []

    def put(self, item, keep: bool = False) -> None:
        self.noted.append((item, keep))
        super().put(item, keep)


@pytest.fixture
def detector() -> ThreeObjects:
    return ThreeObjects()


@pytest.fixture
def video(tmp_path) -> pathlib.Path:
    return write_video(tmp_path / "grey.mp4")


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """serve(content, sent): the address of a server that sends so many bytes of a file, then hangs until the test ends.

    With sent=None all are sent.
    """
    end = threading.Event()
    servers = []

    def start(content: bytes, sent: int | None = None) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[:sent])
                self.wfile.flush()
                if sent is not None:
                    end.wait(60)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_: None  # clients that are ended while they read
        threading.Thread(target=server.serve_forever, name="server", daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/film.avi"

    yield start
    end.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def viewer(detector):
    """Of a video as fast as it can be read."""
    viewer = Viewer(lambda: detector, fast=True)
    viewer.engine.start()
    yield viewer
    assert viewer.engine.close(PATIENCE) == []
    assert engine_threads() == []


@pytest.fixture
def slow_video(tmp_path):
    """Two seconds and more, so that a test can pause it."""
    return write_video(tmp_path / "slow.mp4", fps=5.0)


@pytest.fixture
def live_viewer(detector):
    """Of a video at its own pace."""
    viewer = Viewer(lambda: detector)
    viewer.engine.start()
    yield viewer
    assert viewer.engine.close(PATIENCE) == []
    assert engine_threads() == []

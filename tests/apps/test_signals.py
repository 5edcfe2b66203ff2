# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""SIGTERM ends a program as Ctrl-C does: nothing half is left, and what a camera or a stream showed is kept."""

import http.server
import pathlib
import signal
import subprocess
import threading
import time

import cv2
import numpy as np
import pytest

from tests.apps.conftest import ROOT, command

PATIENCE = 120


def noise(frames: int) -> np.ndarray:
    """Images that make large files."""
    return np.random.default_rng(0).integers(0, 256, (frames, 240, 320, 3), np.uint8)


@pytest.fixture
def stream():
    """The address of a camera in the network: an image every 20 milliseconds, without end."""
    end = threading.Event()
    encoded = cv2.imencode(".jpg", noise(1)[0])[1].tobytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
            self.end_headers()
            try:
                while not end.wait(0.02):
                    head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(encoded)}\r\n\r\n"
                    self.wfile.write(head.encode() + encoded + b"\r\n")
            except ConnectionError:
                return  # the program has gone

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/camera"
        end.set()
        server.shutdown()


def ended(folder: pathlib.Path, *arguments: str) -> tuple[int, str]:
    """The status and stderr of a program that gets SIGTERM when it has begun to write a video into the folder."""
    with subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not any(path.stat().st_size > 5000 for path in folder.glob(".*.tmp.mp4")):
                assert process.poll() is None and time.monotonic() < deadline, "no video was begun"
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    return process.returncode, errors


@pytest.mark.proof
def test_file_that_is_half_done_is_removed(trained, tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "noise.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (320, 240))
    frames = noise(4)
    for k in range(600):  # seconds
        writer.write(frames[k % 4])
    writer.release()
    out = tmp_path / "out"
    out.mkdir()
    flags = (f"--model={trained}", f"--input={tmp_path / 'noise.avi'}", f"--output_dir={out}")
    status, errors = ended(out, "predict", *flags)
    assert (status, errors.splitlines()[-1]) == (143, "interrupted"), errors
    assert "Traceback" not in errors
    assert list(out.iterdir()) == []


@pytest.mark.proof
def test_what_a_stream_showed_is_kept(trained, stream, tmp_path):
    output = tmp_path / "out" / "seen.mp4"
    output.parent.mkdir()
    flags = (f"--model={trained}", f"--source={stream}", "--headless", f"--output={output}")
    status, errors = ended(output.parent, "stream", *flags)
    assert status == 0, errors
    assert [path.name for path in output.parent.iterdir()] == ["seen.mp4"]
    capture = cv2.VideoCapture(str(output))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) >= 1

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Streams are read by a process that can be ended whatever it waits for. The servers are real, on the loopback."""

import os
import pathlib
import signal
import socket
import sys
import threading
import time

import pytest

from ssd_tf.media.open import open_source
from ssd_tf.media.remote_source import RemoteSource
from ssd_tf.media.source import SourceLostError
from tests.fixtures.live import FRAMES, frame_number, write_video


@pytest.fixture
def film(tmp_path) -> bytes:
    return write_video(tmp_path / "film.avi", frames=FRAMES, size=(320, 240)).read_bytes()


@pytest.fixture
def silent_port():
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_video_of_a_web_server_is_read_whole_and_in_order(serve, film):
    with open_source(serve(film)) as source:
        assert source.info.kind == "video" and source.info.frames == FRAMES and source.info.path is None
        frames = list(iter(source.read, None))
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert [frame_number(frame.image) for frame in frames] == list(range(FRAMES))
    assert [frame.seconds for frame in frames] == pytest.approx([k / 25 for k in range(FRAMES)])


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_server_that_is_not_there_is_refused_with_the_reason(scheme, closed_port):
    address = f"{scheme}://user:secret@127.0.0.1:{closed_port}/live"
    with pytest.raises(
        OSError, match=rf"^{scheme}://127\.0\.0\.1:{closed_port}/live cannot be opened: Connection refused$"
    ):
        open_source(address)


def test_page_that_is_no_video_is_refused(serve):
    with pytest.raises(OSError, match=r"film\.avi cannot be opened"):
        open_source(serve(b"<html>words</html>"))


def test_stream_that_hangs_in_the_middle_is_interrupted(serve, film):
    # Half is more than FFmpeg reads ahead to open it.
    source = open_source(serve(film, len(film) * 3 // 4))
    read, lost = [], []

    def read_on() -> None:
        try:
            read.extend(iter(source.read, None))
        except SourceLostError as error:
            lost.append(str(error))

    thread = threading.Thread(target=read_on, daemon=True)
    thread.start()
    while not read_something(read, thread):
        pass
    source.interrupt()
    thread.join(5)
    assert not thread.is_alive()
    assert len(lost) == 1 and lost[0].endswith("film.avi: reading it was ended")
    source.close()


def read_something(read: list, thread: threading.Thread) -> bool:
    time.sleep(0.01)  # lets the other thread run; what is asserted does not depend on it
    return bool(read) or not thread.is_alive()


def test_server_that_says_nothing_is_interrupted_while_it_is_opened(silent_port):
    source = RemoteSource(f"rtsp://127.0.0.1:{silent_port}/live")
    lost = []

    def open_it() -> None:
        try:
            source.open()
        except SourceLostError as error:
            lost.append(str(error))

    thread = threading.Thread(target=open_it, daemon=True)
    thread.start()
    source.interrupt()
    thread.join(5)
    assert lost == [f"rtsp://127.0.0.1:{silent_port}/live: opening it was ended"]
    source.close()


def test_stream_that_breaks_off_is_lost(serve, film):
    # The server says how long the film is, but has only half of it, and hangs up.
    address = serve(film[: len(film) // 2])
    with (
        open_source(address) as source,
        pytest.raises(SourceLostError, match=rf"it breaks off after \d+ of {FRAMES} frames"),
    ):
        list(iter(source.read, None))


def test_ctrl_c_does_not_reach_the_reading_process(serve, film):
    with RemoteSource(serve(film)) as source:
        source.open()
        assert source._process
        os.kill(source._process.pid, signal.SIGINT)
        assert len(list(iter(source.read, None))) == FRAMES


def test_source_that_was_interrupted_before_it_is_opened_starts_nothing(closed_port):
    source = RemoteSource(f"rtsp://127.0.0.1:{closed_port}/live")
    source.interrupt()
    with pytest.raises(SourceLostError, match="opening it was ended"):
        source.open()
    assert source._process is None
    source.close()


def test_no_process_is_left_after_closing(serve, film):
    source = RemoteSource(serve(film))
    source.open()
    assert source._process
    pid = source._process.pid
    source.close()
    source.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_password_is_in_no_command_line(serve, film):
    address = serve(film).replace("http://", "http://user:secret@")
    with RemoteSource(address) as source:
        source.open()
        assert source._process
        shown = pathlib.Path(f"/proc/{source._process.pid}/cmdline").read_bytes()
    assert b"ssd_tf.media.remote_source" in shown and b"secret" not in shown

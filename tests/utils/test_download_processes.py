# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Downloads that are interrupted, that fill a disk, and two programs that want the same file."""

import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from ssd_tf.utils import download
from ssd_tf.utils.download import RemoteFile, fetch
from tests.download_server import CONTENT, HALF, assert_fetched, serve

ROOT = pathlib.Path(__file__).parents[2]
# Seconds: long enough for a busy machine; no test waits for it unless it fails.
PATIENCE = 120
CHILD = """
import resource, sys
from ssd_tf.utils.download import RemoteFile, fetch
url, size, sha256, folder, limit = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
fetch(RemoteFile(url, int(size), sha256), folder)
"""


def start_child(remote: RemoteFile, folder: pathlib.Path, file_limit: int = 0) -> subprocess.Popen[str]:
    arguments = [remote.url, str(remote.size), remote.sha256, str(folder), str(file_limit)]
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_program_leaves_a_part_that_the_next_call_completes(server, remote, tmp_path, number):
    server.script = [serve(stop_at=HALF, stall=True)]
    part = tmp_path / "data.bin.part"
    with start_child(remote, tmp_path) as child:
        limit = time.monotonic() + PATIENCE
        while not part.exists() or part.stat().st_size < HALF:
            assert child.poll() is None and time.monotonic() < limit, "the download did not begin"
            time.sleep(0.01)
        child.send_signal(number)
        child.communicate(timeout=PATIENCE)
    assert part.read_bytes() == CONTENT[:HALF]
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [None, f"bytes={HALF}-"]


def test_disk_error_names_the_file_and_is_not_taken_for_one_of_the_network(server, remote, tmp_path):
    with start_child(remote, tmp_path, file_limit=HALF) as child:
        _, errors = child.communicate(timeout=PATIENCE)
    assert child.returncode == 1
    assert re.search(r"OSError: .*File too large: '.*data\.bin\.part'", errors)
    assert server.ranges == [None]


def test_two_programs_that_want_the_same_file_fetch_and_hash_it_once(server, remote, tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO", logger="absl")
    hashed: list[pathlib.Path] = []
    monkeypatch.setattr(download, "_hash", hashed.append)
    server.script = [serve(stop_at=HALF, stall=True), serve()]
    fetched: list[pathlib.Path] = []
    threads = [threading.Thread(target=lambda: fetched.append(fetch(remote, tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    limit = time.monotonic() + PATIENCE
    while "waiting for another program" not in caplog.text:
        assert time.monotonic() < limit
        time.sleep(0.01)
    server.released.set()
    for thread in threads:
        thread.join()
    assert len(fetched) == 2
    assert hashed == []  # the first did so while it downloaded
    assert_fetched(fetched[0])
    assert server.ranges == [None, f"bytes={HALF}-"]

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A server on this machine, and the file that it has."""

import threading

import pytest

from ssd_tf.utils import download
from ssd_tf.utils.download import RemoteFile
from tests.download_server import CONTENT, SHA256, Server


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "RETRY_SECONDS", 0.001)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def remote(server) -> RemoteFile:
    return RemoteFile(server.url, len(CONTENT), SHA256)

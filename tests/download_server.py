# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A web server on this machine that answers as it is told: well, partly, slowly or wrongly."""

import hashlib
import http.server
import pathlib
import random
import re
import threading
from collections.abc import Callable

from ssd_tf.utils.files import CHUNK

# Four and a half chunks, so that a download can break between chunks and inside one.
CONTENT = random.Random(0).randbytes(4 * CHUNK + CHUNK // 2)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = 2 * CHUNK


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT under any path; the answers in `script` come first, one for each request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Callable[[Handler], None]] = []
        self.ranges: list[str | None] = []  # the Range header of each request
        self.released = threading.Event()  # ends the answers that stall

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/files/data.bin"

    def handle_error(self, request, client_address):
        """Clients hang up on purpose here."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        self.server.ranges.append(self.headers.get("Range"))
        (self.server.script.pop(0) if self.server.script else serve())(self)

    def log_message(self, *args):
        """Tests read the list of requests instead."""

    def answer(self, status: int, body: bytes, **headers) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)


def serve(stop_at: int | None = None, stall: bool = False) -> Callable[[Handler], None]:
    """A good answer, with ranges; it may break off, or stall, before the file's byte `stop_at`."""

    def answer(handler):
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        headers = {"Content_Length": len(CONTENT) - start}
        if asked:
            headers["Content_Range"] = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        handler.answer(206 if asked else 200, CONTENT[start:stop_at], **headers)
        if stall:
            handler.server.released.wait(20)

    return answer


def serve_whole(body: bytes, tell_length: bool = True) -> Callable[[Handler], None]:
    """The answer 200 with these bytes, whatever was asked for."""
    return lambda handler: handler.answer(200, body, **({"Content_Length": len(body)} if tell_length else {}))


def refuse(status: int) -> Callable[[Handler], None]:
    return lambda handler: handler.answer(status, b"no", Content_Length=2)


def serve_range(content_range: str) -> Callable[[Handler], None]:
    """The answer 206 that names these bytes, whatever was asked for."""
    return lambda handler: handler.answer(206, CONTENT[HALF:], Content_Range=content_range)


def names_in(folder: pathlib.Path) -> list[str]:
    """All but the lock, which stays on purpose."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def assert_fetched(path: pathlib.Path) -> None:
    assert path.read_bytes() == CONTENT
    assert names_in(path.parent) == ["data.bin", "data.bin.sha256"]

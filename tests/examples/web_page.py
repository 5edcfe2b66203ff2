# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""examples/web in a headless Chromium, served from this process: what a user would do and read there."""

import contextlib
import functools
import http.server
import json
import pathlib
import queue
import subprocess
import threading
from collections.abc import Iterator

WEB = pathlib.Path(__file__).parent.parent.parent / "examples" / "web"
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
          "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage")  # fmt: skip
# Frames the page, does what SCRIPT says to it and posts what that answers.
_DRIVER = """<!DOCTYPE html><meta charset="utf-8">
<iframe id="page" width="900" height="900" allow="camera"></iframe><script>
const frame = document.getElementById("page");
const part = (id) => frame.contentDocument?.getElementById(id);
const until = async (holds) => { while (!holds()) await new Promise((go) => setTimeout(go, 50)); };
const told = async (pattern) => { await until(() => pattern.test(part("message")?.textContent)); };
const text = (id) => part(id).textContent;
const open = async (query) => {
  frame.src = "index.html?" + query; await until(() => frame.contentWindow.location.search);
};
const drop = (name, bytes) => {
  const files = new DataTransfer();
  files.items.add(new File([bytes], name));
  frame.contentDocument.dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
};
const slide = (score) => { part("score").value = score; part("score").dispatchEvent(new Event("input")); };
(async () => { SCRIPT })().catch(String).then((answer) =>
  fetch("answer", { method: "POST", body: JSON.stringify(answer ?? null) }));
</script>"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    """The page's folder, the files of a test below /files/, and the driver."""

    def __init__(self, *arguments, files: pathlib.Path, script: str, answers: queue.Queue):
        self._files, self._script, self._answers = files, script, answers
        super().__init__(*arguments, directory=str(WEB))

    def translate_path(self, path: str) -> str:
        if path.startswith("/files/"):
            return str(self._files / path.removeprefix("/files/"))
        return super().translate_path(path)

    def do_GET(self):
        if self.path != "/driver.html":
            return super().do_GET()
        content = _DRIVER.replace("SCRIPT", self._script).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    def do_POST(self):
        self._answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def answer_of(script: str, files: pathlib.Path, profile: pathlib.Path, *flags: str):
    """What a script of JavaScript returns that a browser runs beside the page.

    Args:
      script: statements; `open(query)`, `told(pattern)`, `drop(name, bytes)`, `slide(score)` and `text(id)`
        act on the page.
      files: a folder that the page sees as files/.
      profile: an empty folder for the browser.
      *flags: more flags of Chromium's.
    """
    answers: queue.Queue = queue.Queue()
    handler = functools.partial(_Handler, files=files, script=script, answers=answers)
    with _served(handler) as port:
        command = ["chromium", *_FLAGS, *flags, f"--user-data-dir={profile}", f"http://localhost:{port}/driver.html"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
            try:
                return answers.get(timeout=60)
            finally:
                browser.terminate()


@contextlib.contextmanager
def _served(handler) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()

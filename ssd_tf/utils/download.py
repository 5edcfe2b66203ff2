# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Fetches large files whose SHA-256, or the start of it, is known, continuing where an earlier try stopped.

A download grows as NAME.part and is called NAME only once its hash was right. NAME.sha256 beside it, in the format of
`sha256sum`, says that NAME was verified: a file without it, such as one that was put there by hand, is hashed once, and
20 GB are not hashed again at every start.
"""

import contextlib
import dataclasses
import hashlib
import http.client
import os
import pathlib
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import IO

import tqdm
from absl import logging

from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import CHUNK, byte_progress, make_folder, require_space, write_atomically, write_chunk

# A server that sends nothing for so long is taken for dead.
STALL_SECONDS = 30.0
# Tries in a row that bring no new byte; the wait between them doubles, so that they span 15 s and more.
MAX_FAILURES = 5
RETRY_SECONDS = 1.0

# Answers that another try may change: timeout, too early, too many requests. All other 4xx are final.
_TEMPORARY = (408, 425, 429)
_HEADERS = {"User-Agent": "ssd_tf"}


@dataclasses.dataclass(frozen=True)
class RemoteFile:
    """A file on a web server.

    Attributes:
      url: http or https.
      size: in bytes; None: not known.
      sha256: lower-case hexadecimal; all 64 digits, or the first 8 and more, such as PyTorch's file names carry.
    """

    url: str
    size: int | None
    sha256: str

    def __post_init__(self) -> None:
        if urllib.parse.urlsplit(self.url).scheme not in ("http", "https") or self.name in ("", ".", ".."):
            raise UserError(f"expected the http or https URL of a file. Received: {self.url!r}")
        if not re.fullmatch(r"[0-9a-f]{8,64}", self.sha256):
            raise UserError(f"expected 8 to 64 hexadecimal digits of a SHA-256. Received: {self.sha256!r}")

    @property
    def known(self) -> str:
        """What is known of the bytes, in words."""
        whole = f"SHA-256 {self.sha256}" if len(self.sha256) == 64 else f"SHA-256 {self.sha256}..."
        return whole if self.size is None else f"{self.size} bytes, {whole}"

    @property
    def name(self) -> str:
        return urllib.parse.urlsplit(self.url).path.rpartition("/")[2]


def cache_dir() -> pathlib.Path:
    """Where downloads are kept: $SSD_TF_HOME, or ~/.cache/ssd_tf."""
    home = os.environ.get("SSD_TF_HOME")
    return pathlib.Path(home).expanduser() if home else pathlib.Path.home() / ".cache" / "ssd_tf"


def fetch(remote: RemoteFile, folder: str | os.PathLike[str]) -> pathlib.Path:
    """Downloads a file, unless it is there already.

    Args:
      remote: what to fetch.
      folder: where to; made if missing. What an interrupted call has left there as NAME.part is not fetched again.
        Two programs that want the same file wait for each other.

    Returns:
      folder / remote.name, with the right SHA-256, and size where that is known.

    Raises:
      ValueError: the server's file has another size or hash; what was downloaded of it is deleted. Or a file of that
        name that was there before has; it stays.
      ConnectionError: no server, no file, or too many broken tries; the message says what to fetch by hand. What came
        so far stays for the next call.
      OSError: the disk is full, or the folder cannot be written to.
    """
    path = pathlib.Path(folder) / remote.name
    if _is_verified(remote, path):
        return path
    make_folder(path.parent)
    with _lock(path):
        if _is_verified(remote, path):  # by the program that had the lock
            return path
        sha256 = _verify(remote, path) if path.exists() else _download(remote, path)
        write_atomically(_marker(path), f"{sha256}  {path.name}\n")
    return path


class _TryError(Exception):
    """A try that brought less than the whole file, and whether another one is hopeless."""

    def __init__(self, reason: str, hopeless: bool = False):
        super().__init__(reason)
        self.hopeless = hopeless


class _Part:
    """The open NAME.part, and the hash and the progress of the bytes that it has.

    Attributes:
      size, start: bytes that it has, and that it had when this call began.
      total: bytes that the whole file has; None until a server has said so, where that was not known.
    """

    def __init__(self, file: IO[bytes], digest, progress: tqdm.tqdm, total: int | None):
        self.file, self.digest, self.progress, self.total = file, digest, progress, total
        self.size = self.start = file.tell()

    def append(self, chunk: bytes) -> None:
        write_chunk(self.file, chunk)
        self.digest.update(chunk)
        self.size += len(chunk)
        self.progress.update(len(chunk))

    def restart(self) -> None:
        self.file.truncate(0)
        self.digest = hashlib.sha256()
        self.size = self.start = 0
        # Not reset, which draws the bar at once.
        self.progress.initial = self.progress.n = self.progress.last_print_n = 0


def _download(remote: RemoteFile, path: pathlib.Path) -> str:
    """Returns the file's SHA-256."""
    place = path.with_name(f"{path.name}.part")
    if remote.size is not None and place.exists() and place.stat().st_size > remote.size:
        place.unlink()
    digest = _hash(place) if place.exists() else hashlib.sha256()
    try:
        with place.open("ab") as file, byte_progress("download", path.name, remote.size, file.tell()) as progress:
            part = _Part(file, digest, progress, remote.size)
            if remote.size is not None:
                require_space(path.parent, remote.size - part.size)
            _receive_all(remote, part, path)
            received = part.digest.hexdigest()
            if not received.startswith(remote.sha256):
                part.restart()
                raise UserError(_other_file(remote.url, remote, f"SHA-256 {received}"))
            # The marker that follows must not outlive the bytes in a power cut.
            file.flush()
            os.fsync(file.fileno())
        place.replace(path)
        return received
    finally:
        if place.exists() and not place.stat().st_size:
            place.unlink()


def _receive_all(remote: RemoteFile, part: _Part, path: pathlib.Path) -> None:
    # Only bytes beyond all earlier ones count as progress: a server that always breaks at the same place ends the loop.
    furthest, failures = part.size, 0
    while part.total is None or part.size < part.total:
        try:
            _receive(remote, part)
        except _TryError as failure:
            failures = 1 if part.size > furthest else failures + 1
            furthest = max(furthest, part.size)
            if failure.hopeless or failures >= MAX_FAILURES:
                raise ConnectionError(
                    f"cannot download {remote.url} ({failure}); fetch it by hand ({remote.known}) and put it at {path}"
                ) from failure
            wait = RETRY_SECONDS * 2 ** (failures - 1)
            logging.warning("%s: %s at byte %d; next try in %g s", remote.url, failure, part.size, wait)
            time.sleep(wait)


def _receive(remote: RemoteFile, part: _Part) -> None:
    """Asks for the bytes that the part lacks and appends what comes; _TryError if the answer ends before the file."""
    asked = {"Range": f"bytes={part.size}-"} if part.size else {}
    request = urllib.request.Request(remote.url, headers=_HEADERS | asked)
    # Whoever is offline should know at once; whoever has got some of the file already may be online again soon.
    with _network(part, unreachable_is_hopeless=part.size == part.start):
        response = urllib.request.urlopen(request, timeout=STALL_SECONDS)
    with response:
        begin, total = _extent(response)
        if part.total is None and total is not None:
            part.total = part.progress.total = total
            require_space(pathlib.Path(part.file.name).parent, total - part.size)
        if total not in (None, part.total):
            raise UserError(_other_file(remote.url, remote, f"{total} bytes"))
        if begin != part.size:
            asked_for = part.size
            part.restart()
            if response.status == 206:
                raise _TryError(f"asked for bytes from {asked_for}, the server sent others")
        while True:
            with _network(part):
                chunk = response.read(CHUNK)
            if not chunk:
                break
            part.append(chunk)
            if part.total is not None and part.size > part.total:
                part.restart()
                raise UserError(_other_file(remote.url, remote, f"more than {part.total} bytes"))
    if part.total is None:  # the server never said; http.client has raised where its last chunk is missing
        part.total = part.size
    if part.size < part.total:
        raise _TryError(f"the server ended the connection after {part.size} of {part.total} bytes")


@contextlib.contextmanager
def _network(part: _Part, unreachable_is_hopeless: bool = False) -> Iterator[None]:
    """Turns errors of the connection into _TryError, so that they are never mixed up with those of the disk."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # the server has no such range: what is here cannot be the start of its file
            part.restart()
        final = 400 <= error.code < 500 and error.code not in (*_TEMPORARY, 416)
        raise _TryError(f"HTTP {error.code} {error.reason}", hopeless=final) from error
    except urllib.error.URLError as error:
        raise _TryError(str(error.reason), hopeless=unreachable_is_hopeless) from error
    except TimeoutError as error:
        raise _TryError(f"nothing came for {STALL_SECONDS:g} s") from error
    except (http.client.HTTPException, OSError) as error:
        raise _TryError(str(error) or type(error).__name__) from error


def _extent(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """The position of the answer's first byte in the file (-1: unknown), and the file's size where the server says."""
    if response.status != 206:
        length = response.headers.get("Content-Length")
        return 0, int(length) if length and length.isdecimal() else None
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if not match:
        return -1, None
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _verify(remote: RemoteFile, path: pathlib.Path) -> str:
    """The SHA-256 of the file at `path`, which someone else has put there; ValueError unless it is the right one."""
    size, sha256 = path.stat().st_size, ""
    if size == remote.size or remote.size is None:
        sha256 = _hash(path).hexdigest()
    if not sha256.startswith(remote.sha256):
        received = f"SHA-256 {sha256}" if sha256 else f"{size} bytes"
        raise UserError(_other_file(path, remote, received) + ". Remove it to download it again")
    return sha256


def _is_verified(remote: RemoteFile, path: pathlib.Path) -> bool:
    try:
        file, marker = path.stat(), _marker(path).stat()
        # A file that was replaced after its marker was written has not been verified.
        unchanged = remote.size in (None, file.st_size) and file.st_mtime_ns <= marker.st_mtime_ns
        return unchanged and _marker(path).read_bytes().startswith(remote.sha256.encode())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _marker(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f"{path.name}.sha256")


def _other_file(where: str | pathlib.Path, remote: RemoteFile, received: str) -> str:
    return f"{where}: expected {remote.known.replace(', ', ' with ')}. Received: {received}"


def _hash(path: pathlib.Path):
    """The SHA-256 object of a file's bytes, to be read or to continue with."""
    digest = hashlib.sha256()
    with path.open("rb") as file, byte_progress("check", path.name, path.stat().st_size) as progress:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            progress.update(len(chunk))
    return digest


@contextlib.contextmanager
def _lock(path: pathlib.Path) -> Iterator[None]:
    """Waits until no other program downloads the same file: two that write to one .part would spoil it."""
    try:
        import fcntl
    except ImportError:  # on Windows, where a spoilt file is found by its hash alone
        yield
        return
    with path.with_name(f".{path.name}.lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.info("waiting for another program that downloads %s", path)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield

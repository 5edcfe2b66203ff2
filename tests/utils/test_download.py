# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Downloads from a server that misbehaves: only the right bytes get the file's name, and none is fetched twice."""

import hashlib
import os
import pathlib
import re
import shutil
import socket

import pytest

from ssd_tf.utils import download
from ssd_tf.utils.download import RemoteFile, cache_dir, fetch
from ssd_tf.utils.files import CHUNK
from tests.download_server import (
    CONTENT,
    HALF,
    SHA256,
    assert_fetched,
    names_in,
    refuse,
    serve,
    serve_range,
    serve_whole,
)


def put_part(folder: pathlib.Path, content: bytes) -> pathlib.Path:
    path = folder / "data.bin.part"
    path.write_bytes(content)
    return path


def by_hand(remote: RemoteFile, folder: pathlib.Path, reason: str) -> str:
    """The pattern of the message that helps whoever has no network."""
    return (
        f"^cannot download {re.escape(remote.url)} \\({reason}\\); fetch it by hand "
        f"\\({len(CONTENT)} bytes, SHA-256 {SHA256}\\) and put it at {re.escape(str(folder / 'data.bin'))}$"
    )


def test_file_is_downloaded_and_its_hash_noted_beside_it(server, remote, tmp_path):
    path = fetch(remote, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "data.bin"
    assert_fetched(path)
    assert (path.parent / "data.bin.sha256").read_text() == f"{SHA256}  data.bin\n"
    assert server.ranges == [None]


def test_empty_file_needs_no_server(tmp_path):
    remote = RemoteFile("http://127.0.0.1:1/empty", 0, hashlib.sha256().hexdigest())
    assert fetch(remote, tmp_path).read_bytes() == b""


def test_file_of_an_earlier_call_is_neither_fetched_nor_hashed_again(server, remote, tmp_path, monkeypatch):
    fetch(remote, tmp_path)
    monkeypatch.setattr(download, "_hash", lambda path: pytest.fail("hashed again"))
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [None]


def test_file_put_there_by_hand_is_hashed_once_and_taken(server, remote, tmp_path, monkeypatch):
    (tmp_path / "data.bin").write_bytes(CONTENT)
    assert_fetched(fetch(remote, tmp_path))
    monkeypatch.setattr(download, "_hash", lambda path: pytest.fail("hashed again"))
    fetch(remote, tmp_path)
    assert server.ranges == []


@pytest.mark.parametrize(
    ("content", "received"),
    [(CONTENT[:100], "100 bytes"), (CONTENT[::-1], f"SHA-256 {hashlib.sha256(CONTENT[::-1]).hexdigest()}")],
)
def test_wrong_file_put_there_by_hand_is_refused_and_kept(server, remote, tmp_path, content, received):
    (tmp_path / "data.bin").write_bytes(content)
    with pytest.raises(ValueError, match=rf"data\.bin: expected {len(CONTENT)} bytes.*{SHA256}.*{received}.*Remove"):
        fetch(remote, tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == content
    assert names_in(tmp_path) == ["data.bin"]
    assert server.ranges == []


def test_file_that_changed_after_it_was_verified_is_hashed_again(remote, tmp_path):
    path = fetch(remote, tmp_path)
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(ValueError, match="Received: SHA-256"):
        fetch(remote, tmp_path)


def test_file_that_was_cut_is_found_out_even_if_its_time_is_older_than_the_note(remote, tmp_path):
    path = fetch(remote, tmp_path)
    path.write_bytes(CONTENT[:HALF])
    os.utime(path, (0, 0))
    with pytest.raises(ValueError, match=f"Received: {HALF} bytes"):
        fetch(remote, tmp_path)


def test_broken_download_continues_where_it_broke(server, remote, tmp_path, caplog):
    server.script = [serve(stop_at=HALF + 5), serve(stop_at=HALF + 1000)]
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [None, f"bytes={HALF + 5}-", f"bytes={HALF + 1000}-"]
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2
    assert f"ended the connection after {HALF + 5} of {len(CONTENT)} bytes" in warnings[0]


def test_stalled_download_is_given_up_and_continues(server, remote, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.2)
    server.script = [serve(stop_at=HALF, stall=True)]
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert "nothing came for 0.2 s" in caplog.text


def test_server_that_says_nothing_at_all_is_given_up(server, remote, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.05)
    server.script = [lambda handler: handler.server.released.wait(20)] * download.MAX_FAILURES
    with pytest.raises(ConnectionError, match=by_hand(remote, tmp_path, r"nothing came for 0\.05 s")):
        fetch(remote, tmp_path)
    assert len(server.ranges) == download.MAX_FAILURES
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_server_that_is_busy_is_asked_again(server, remote, tmp_path, status):
    server.script = [refuse(status), refuse(status)]
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [None] * 3


@pytest.mark.parametrize("status", [403, 404, 410])
def test_file_that_is_not_on_the_server_ends_the_call_at_once(server, remote, tmp_path, status):
    server.script = [refuse(status)]
    with pytest.raises(ConnectionError, match=by_hand(remote, tmp_path, f"HTTP {status} .*")):
        fetch(remote, tmp_path)
    assert server.ranges == [None]
    assert names_in(tmp_path) == []


def test_server_that_cannot_be_reached_ends_the_call_at_once_and_keeps_the_part(tmp_path, caplog):
    part = put_part(tmp_path, CONTENT[:HALF])
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen: connections are refused
        remote = RemoteFile(f"http://127.0.0.1:{silent.getsockname()[1]}/data.bin", len(CONTENT), SHA256)
        with pytest.raises(ConnectionError, match=by_hand(remote, tmp_path, ".*[Rr]efused")):
            fetch(remote, tmp_path)
    assert part.read_bytes() == CONTENT[:HALF]
    assert caplog.records == []


def test_host_that_is_not_found_is_named_with_what_to_fetch_by_hand(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    remote = RemoteFile("http://host.invalid/data.bin", len(CONTENT), SHA256)
    with pytest.raises(ConnectionError, match=by_hand(remote, tmp_path, ".*name resolution")):
        fetch(remote, tmp_path)
    assert names_in(tmp_path) == []


def test_network_that_is_lost_in_the_middle_is_waited_for(server, remote, tmp_path, caplog):
    def break_and_close(handler):
        serve(stop_at=HALF)(handler)
        handler.server.socket.close()

    server.script = [break_and_close]
    with pytest.raises(ConnectionError, match=by_hand(remote, tmp_path, ".*")):
        fetch(remote, tmp_path)
    assert len(caplog.records) == download.MAX_FAILURES - 1
    assert (tmp_path / "data.bin.part").read_bytes() == CONTENT[:HALF]


def test_tries_that_bring_no_new_byte_end_the_call_and_keep_the_part(server, remote, tmp_path):
    server.script = [serve(stop_at=HALF)] + [refuse(503)] * download.MAX_FAILURES
    with pytest.raises(ConnectionError, match=by_hand(remote, tmp_path, "HTTP 503 .*")):
        fetch(remote, tmp_path)
    # The first try brought bytes; it counts as the first failure in a row.
    assert server.ranges == [None] + [f"bytes={HALF}-"] * (download.MAX_FAILURES - 1)
    assert (tmp_path / "data.bin.part").read_bytes() == CONTENT[:HALF]


def test_any_number_of_breaks_is_fine_as_long_as_bytes_come(server, remote, tmp_path):
    stops = [1000 * k for k in range(1, 3 * download.MAX_FAILURES)]
    server.script = [serve(stop_at=stop) for stop in stops]
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [None, *(f"bytes={stop}-" for stop in stops)]


def test_server_that_ignores_ranges_and_always_breaks_ends_the_call(server, remote, tmp_path):
    def break_early(handler):
        handler.answer(200, CONTENT[:HALF], Content_Length=len(CONTENT))

    server.script = [break_early] * 3 * download.MAX_FAILURES
    with pytest.raises(ConnectionError, match=by_hand(remote, tmp_path, "the server ended the connection .*")):
        fetch(remote, tmp_path)
    assert len(server.ranges) == download.MAX_FAILURES


def test_server_whose_file_is_too_short_ends_the_call(server, remote, tmp_path):
    # It does not tell the length, and has nothing where the rest is asked for: every other try starts anew.
    server.script = [serve_whole(CONTENT[:HALF], tell_length=False), refuse(416)] * download.MAX_FAILURES
    with pytest.raises(ConnectionError, match=by_hand(remote, tmp_path, ".*")):
        fetch(remote, tmp_path)
    assert server.ranges == [None, f"bytes={HALF}-", None, f"bytes={HALF}-", None]


def test_part_of_an_earlier_call_is_hashed_and_not_fetched_again(server, remote, tmp_path):
    put_part(tmp_path, CONTENT[: HALF + 1])
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [f"bytes={HALF + 1}-"]


def test_part_that_is_complete_needs_no_server(server, remote, tmp_path):
    put_part(tmp_path, CONTENT)
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == []


def test_part_that_is_too_long_is_thrown_away(server, remote, tmp_path):
    put_part(tmp_path, CONTENT + b"x")
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [None]


def test_part_with_other_bytes_is_found_out_and_deleted(server, remote, tmp_path):
    put_part(tmp_path, b"x" * HALF)
    mixed = hashlib.sha256(b"x" * HALF + CONTENT[HALF:]).hexdigest()
    with pytest.raises(ValueError, match=f"expected {len(CONTENT)} bytes with SHA-256 {SHA256}. Received: .*{mixed}"):
        fetch(remote, tmp_path)
    assert names_in(tmp_path) == []
    assert_fetched(fetch(remote, tmp_path))


def test_server_without_ranges_sends_the_file_anew(server, remote, tmp_path):
    put_part(tmp_path, CONTENT[:HALF])
    server.script = [serve_whole(CONTENT)]
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [f"bytes={HALF}-"]


@pytest.mark.parametrize(
    "content_range", [f"bytes 7-{len(CONTENT) - 1}/{len(CONTENT)}", f"bytes 0-9/{len(CONTENT)}", "words", ""]
)
def test_answer_with_another_range_than_asked_for_starts_anew(server, remote, tmp_path, content_range):
    put_part(tmp_path, CONTENT[:CHUNK])
    server.script = [serve_range(content_range)]
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [f"bytes={CHUNK}-", None]


def test_range_of_a_file_whose_size_the_server_does_not_tell_is_taken(server, remote, tmp_path):
    put_part(tmp_path, CONTENT[:HALF])
    server.script = [serve_range(f"bytes {HALF}-{len(CONTENT) - 1}/*")]
    assert_fetched(fetch(remote, tmp_path))


def test_range_that_the_server_does_not_have_starts_anew(server, remote, tmp_path):
    put_part(tmp_path, CONTENT[:HALF])
    server.script = [refuse(416)]
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [f"bytes={HALF}-", None]


def test_wrong_bytes_are_deleted_and_both_hashes_named(server, remote, tmp_path):
    other = CONTENT[::-1]
    server.script = [serve_whole(other)]
    with pytest.raises(ValueError, match=f"{server.url}: expected .*{SHA256}.*{hashlib.sha256(other).hexdigest()}"):
        fetch(remote, tmp_path)
    assert names_in(tmp_path) == []
    assert server.ranges == [None]


@pytest.mark.parametrize(
    ("tell_length", "received"), [(True, f"{len(CONTENT) + 10} bytes"), (False, f"more than {len(CONTENT)} bytes")]
)
def test_too_many_bytes_are_refused_and_deleted(server, remote, tmp_path, tell_length, received):
    server.script = [serve_whole(CONTENT + b"x" * 10, tell_length)]
    with pytest.raises(ValueError, match=f"expected {len(CONTENT)} bytes with SHA-256 {SHA256}. Received: {received}"):
        fetch(remote, tmp_path)
    assert names_in(tmp_path) == []


def test_right_bytes_without_a_length_are_taken(server, remote, tmp_path):
    server.script = [serve_whole(CONTENT, tell_length=False)]
    assert_fetched(fetch(remote, tmp_path))


def test_log_in_page_of_a_network_does_not_cost_the_part(server, remote, tmp_path):
    part = put_part(tmp_path, CONTENT[:HALF])
    server.script = [serve_whole(b"<html>Please log in</html>")]
    with pytest.raises(ValueError, match=f"expected {len(CONTENT)} bytes.*Received: 26 bytes"):
        fetch(remote, tmp_path)
    assert part.read_bytes() == CONTENT[:HALF]


def test_redirect_is_followed_with_its_range(server, remote, tmp_path):
    put_part(tmp_path, CONTENT[:HALF])
    server.script = [lambda handler: handler.answer(302, b"", Location="/elsewhere", Content_Length=0)]
    assert_fetched(fetch(remote, tmp_path))
    assert server.ranges == [f"bytes={HALF}-"] * 2


PREFIX = SHA256[:8]


@pytest.fixture
def unsized(server) -> RemoteFile:
    """A file of which only the start of its hash is known, as PyTorch's file names carry it."""
    return RemoteFile(server.url, None, PREFIX)


@pytest.mark.parametrize("tell_length", [True, False])
def test_start_of_a_hash_is_enough_and_the_whole_is_noted(server, unsized, tmp_path, tell_length):
    server.script = [serve_whole(CONTENT, tell_length)]
    assert_fetched(fetch(unsized, tmp_path))
    assert (tmp_path / "data.bin.sha256").read_text() == f"{SHA256}  data.bin\n"
    assert_fetched(fetch(unsized, tmp_path))
    assert server.ranges == [None]


def test_broken_download_of_unknown_size_continues_where_it_broke(server, unsized, tmp_path):
    server.script = [serve(stop_at=HALF + 5)]
    assert_fetched(fetch(unsized, tmp_path))
    assert server.ranges == [None, f"bytes={HALF + 5}-"]


def test_complete_part_of_unknown_size_is_fetched_anew(server, unsized, tmp_path):
    put_part(tmp_path, CONTENT)
    server.script = [refuse(416)]  # there are no bytes behind the last one
    assert_fetched(fetch(unsized, tmp_path))
    assert server.ranges == [f"bytes={len(CONTENT)}-", None]


def test_hash_that_starts_otherwise_is_refused_and_deleted(server, unsized, tmp_path):
    other = CONTENT[::-1]
    server.script = [serve_whole(other)]
    received = hashlib.sha256(other).hexdigest()
    with pytest.raises(ValueError, match=rf"expected SHA-256 {PREFIX}\.\.\.\. Received: SHA-256 {received}$"):
        fetch(unsized, tmp_path)
    assert names_in(tmp_path) == []


def test_file_put_there_by_hand_is_judged_by_the_start_of_its_hash(server, unsized, tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENT[:100])
    with pytest.raises(ValueError, match=rf"expected SHA-256 {PREFIX}\.\.\..*Remove it"):
        fetch(unsized, tmp_path)
    (tmp_path / "data.bin").write_bytes(CONTENT)
    assert_fetched(fetch(unsized, tmp_path))
    assert server.ranges == []


def test_error_without_a_known_size_names_the_start_of_the_hash(server, unsized, tmp_path):
    server.script = [refuse(404)]
    with pytest.raises(
        ConnectionError, match=rf"fetch it by hand \(SHA-256 {PREFIX}\.\.\.\) and put it at .*data\.bin$"
    ):
        fetch(unsized, tmp_path)


@pytest.mark.parametrize("sha256", ["", "abc", "ABCDEF01", SHA256 + "0"])
def test_hash_that_is_none_is_refused(sha256):
    with pytest.raises(ValueError, match="8 to 64 hexadecimal digits"):
        RemoteFile("https://host/a", None, sha256)


def test_disk_without_enough_space_is_told_before_the_download(server, remote, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match=f"not enough space.* {len(CONTENT)} bytes are needed, 1000 are free"):
        fetch(remote, tmp_path)
    assert server.ranges == []
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("below", ["", "deeper"])
def test_folder_that_is_a_file_is_refused(remote, tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"expected a folder.*file"):
        fetch(remote, tmp_path / "file" / below)


@pytest.mark.parametrize("url", ["ftp://host/a.zip", "file:///etc/passwd", "a.zip", "http://host/", "http://host/a/.."])
def test_url_that_is_not_of_a_file_on_a_web_server_is_refused(url):
    with pytest.raises(ValueError, match="expected the http or https URL of a file"):
        RemoteFile(url, 1, SHA256)


def test_name_is_the_last_part_of_the_path():
    assert RemoteFile("https://host/a/b.zip?download=1", 1, SHA256).name == "b.zip"


def test_cache_dir_is_in_the_home_folder_unless_the_environment_says_where(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for unset in (
        lambda: monkeypatch.delenv("SSD_TF_HOME", raising=False),
        lambda: monkeypatch.setenv("SSD_TF_HOME", ""),
    ):
        unset()
        assert cache_dir() == tmp_path / ".cache" / "ssd_tf"
    monkeypatch.setenv("SSD_TF_HOME", "~/data")
    assert cache_dir() == tmp_path / "data"
    monkeypatch.setenv("SSD_TF_HOME", "/mnt/data")
    assert cache_dir() == pathlib.Path("/mnt/data")

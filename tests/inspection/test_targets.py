# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""inspect replaces its own page and proposal, and no other file."""

import dataclasses
import json

import pytest

from ssd_tf.inspection.targets import find_targets
from ssd_tf.pages.page import page_html
from ssd_tf.specs import spec, spec_to_json


def proposal() -> str:
    return json.dumps(spec_to_json(dataclasses.replace(spec("ssd128_tiny"), name="ssd128_tiny_proposed")))


def test_own_files_are_replaced(tmp_path):
    (tmp_path / "x.html").write_text(page_html("title", "", []))
    (tmp_path / "proposed_detector.json").write_text(proposal())
    assert find_targets(f"{tmp_path}/x.html", "ssd128_tiny") == (
        tmp_path / "x.html",
        tmp_path / "proposed_detector.json",
    )


def test_the_detector_that_the_page_is_about_is_not_replaced(tmp_path):
    (tmp_path / "proposed_detector.json").write_text(proposal())
    targets = find_targets(f"{tmp_path}/x.html", f"{tmp_path}/proposed_detector.json")
    assert targets.proposal == tmp_path / "next_proposed_detector.json"


@pytest.mark.parametrize("name", ["x.html", "proposed_detector.json"])
@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><p>mine", b'{"images": []}', b"\x80"])
def test_a_file_of_the_user_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"--output: expected no .*Received: {tmp_path}/{name}"):
        find_targets(f"{tmp_path}/x.html", "")
    assert (tmp_path / name).read_bytes() == content

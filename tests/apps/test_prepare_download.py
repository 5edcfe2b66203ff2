# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""prepare --download: without a network, with contradicting flags, and with a small archive in COCO's place."""

import hashlib
import json
import pathlib
import socket
import subprocess
import sys
import zipfile

import pytest

from ssd_tf.data.formats import coco_download, shapes
from tests.apps.conftest import ROOT, run


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that starts with "error:"; all others may only be progress bars."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(errors) == 1, done.stderr
    return errors[0]


@pytest.fixture
def no_network(monkeypatch):
    """A proxy that refuses every connection stands for a machine without a network, on any machine."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        # Bound and not listening: nobody else gets the port, and connections to it are refused.
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield


def test_without_a_network_the_error_says_what_to_fetch_by_hand(no_network, tmp_path, monkeypatch):
    monkeypatch.setenv("SSD_TF_HOME", str(tmp_path / "home"))
    error = error_line(run("prepare", "--download=coco2017", f"--output_dir={tmp_path / 'out'}", "--split=val"))
    wanted = coco_download.ANNOTATIONS
    assert error.startswith(f"error: cannot download {wanted.url} (")
    assert f"fetch it by hand ({wanted.size} bytes, SHA-256 {wanted.sha256})" in error
    assert error.endswith(f"put it at {tmp_path}/home/coco2017/annotations_trainval2017.zip")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flag", ["annotations", "images"])
def test_download_with_files_of_ones_own_is_refused(tmp_path, flag):
    error = error_line(run("prepare", "--download=coco2017", f"--{flag}=mine", f"--output_dir={tmp_path}"))
    assert error == "error: expected either --download, or --annotations and --images. Received: both"


@pytest.mark.parametrize("given", [(), ("--images=images",)])
def test_without_download_annotations_are_needed(tmp_path, given):
    error = error_line(run("prepare", *given, f"--output_dir={tmp_path}"))
    assert "expected --annotations, or --download=coco2017" in error


def test_unknown_data_set_is_refused_with_the_known_ones(tmp_path):
    error = error_line(run("prepare", "--download=coco1999", f"--output_dir={tmp_path}"))
    assert "coco1999" in error and "coco2017" in error


# The program, with the archives of COCO 2017 replaced by those in a folder.
SMALL_COCO = """
import hashlib, pathlib, sys
from ssd_tf.apps import cli
from ssd_tf.data.formats import coco_download
from ssd_tf.utils.download import RemoteFile
def small(name):
    content = pathlib.Path(sys.argv[1], name).read_bytes()
    return RemoteFile(f"http://host.invalid/{name}", len(content), hashlib.sha256(content).hexdigest())
coco_download.ANNOTATIONS = small("annotations_trainval2017.zip")
coco_download.IMAGES = {"val": small("val2017.zip")}
del sys.argv[1]
cli.run("prepare")
"""


def put_archives(folder: pathlib.Path, drawings: pathlib.Path) -> None:
    """Writes annotations_trainval2017.zip and val2017.zip with three synthetic images."""
    folder.mkdir(parents=True)
    annotations = shapes.draw_shapes(drawings, 3, image_size=(64, 64))
    with zipfile.ZipFile(folder / "annotations_trainval2017.zip", "w") as archive:
        archive.write(annotations, "annotations/instances_val2017.json")
    with zipfile.ZipFile(folder / "val2017.zip", "w") as archive:
        for path in (drawings / "images").iterdir():
            archive.write(path, f"val2017/{path.name}")


def test_archives_put_there_by_hand_are_unpacked_and_prepared_without_a_network(no_network, tmp_path, monkeypatch):
    monkeypatch.setenv("SSD_TF_HOME", str(tmp_path / "home"))
    cache = tmp_path / "home" / "coco2017"
    put_archives(cache, tmp_path / "drawings")
    flags = ["--download=coco2017", f"--output_dir={tmp_path / 'out'}", "--split=val"]
    command = [sys.executable, "-c", SMALL_COCO, str(cache), *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "val: 3 images" in done.stdout
    manifest = json.loads((tmp_path / "out" / "val.json").read_text())
    assert manifest["source"] == {
        "format": "coco",
        "annotations": str(cache / "annotations" / "instances_val2017.json"),
        "images": str(cache / "val2017"),
        "exif": "upright",
    }
    content = (cache / "val2017.zip").read_bytes()
    assert (cache / "val2017.zip.sha256").read_text() == f"{hashlib.sha256(content).hexdigest()}  val2017.zip\n"

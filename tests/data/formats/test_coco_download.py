# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO 2017 in small: archives of synthetic images with COCO's names, on a server of this machine."""

import functools
import hashlib
import http.server
import json
import pathlib
import re
import threading
import zipfile

import pytest

from ssd_tf.data.formats import coco_download, shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.coco_download import download_coco2017
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.utils.download import RemoteFile

NUM_IMAGES = {"train": 6, "val": 4}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and writes down what was asked for."""

    def __init__(self, requests: list[str], *args, **kwargs):
        self.requests = requests
        super().__init__(*args, **kwargs)

    def log_request(self, *args):
        self.requests.append(self.path)


def make_archives(folder: pathlib.Path, drawings: pathlib.Path) -> None:
    """Writes the three archives of COCO 2017 to `folder`, laid out as COCO's are."""
    with zipfile.ZipFile(folder / "annotations_trainval2017.zip", "w") as annotations:
        for k, (split, number) in enumerate(NUM_IMAGES.items()):
            drawn = shapes.draw_shapes(drawings / split, number, seed=k, image_size=(64, 64), start_id=100 * k + 1)
            annotations.write(drawn, f"annotations/instances_{split}2017.json")
            with zipfile.ZipFile(folder / f"{split}2017.zip", "w") as images:
                images.mkdir(f"{split}2017")
                for path in sorted((drawn.parent / "images").iterdir()):
                    images.write(path, f"{split}2017/{path.name}")


@pytest.fixture(scope="module")
def archives(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("archives")
    make_archives(folder, tmp_path_factory.mktemp("drawings"))
    return folder


@pytest.fixture
def requests(archives, monkeypatch):
    """The paths that are asked for, while the tables name the small archives instead of COCO's."""
    asked: list[str] = []
    handler = functools.partial(Handler, asked, directory=str(archives))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def small(name: str) -> RemoteFile:
            content = (archives / name).read_bytes()
            url = f"http://127.0.0.1:{server.server_address[1]}/{name}"
            return RemoteFile(url, len(content), hashlib.sha256(content).hexdigest())

        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(coco_download, "ANNOTATIONS", small("annotations_trainval2017.zip"))
        monkeypatch.setattr(coco_download, "IMAGES", {split: small(f"{split}2017.zip") for split in NUM_IMAGES})
        yield asked
        server.shutdown()
        thread.join()


def test_tables_name_the_archives_of_coco():
    remotes = {"annotations_trainval2017.zip": coco_download.ANNOTATIONS}
    remotes |= {f"{split}2017.zip": remote for split, remote in coco_download.IMAGES.items()}
    assert set(coco_download.IMAGES) == {"train", "val"}
    for name, remote in remotes.items():
        assert remote.name == name
        assert remote.url.startswith("http://images.cocodataset.org/")
        assert re.fullmatch("[0-9a-f]{64}", remote.sha256)
    # As the COCO site rounds them: 18 GB, 1 GB and 241 MB, in units of 1024.
    sizes = [coco_download.IMAGES["train"].size, coco_download.IMAGES["val"].size, coco_download.ANNOTATIONS.size]
    assert [round(size / 2**20) for size in sizes] == [18441, 778, 241]


@pytest.mark.parametrize("split", NUM_IMAGES)
def test_split_is_downloaded_and_unpacked(requests, tmp_path, split):
    annotations, images = download_coco2017(split, tmp_path)
    assert annotations == tmp_path / "annotations" / f"instances_{split}2017.json"
    assert images == tmp_path / f"{split}2017"
    listed = {image["file_name"] for image in json.loads(annotations.read_text())["images"]}
    assert {path.name for path in images.iterdir()} == listed
    assert len(listed) == NUM_IMAGES[split]
    # The other split's images, 19 GB perhaps, stay where they are.
    assert requests == ["/annotations_trainval2017.zip", f"/{split}2017.zip"]


def test_downloaded_split_can_be_prepared(requests, tmp_path):
    manifest = prepare(read_coco(*download_coco2017("val", tmp_path)), tmp_path / "data", "val", source={})
    assert manifest.num_images == NUM_IMAGES["val"]
    assert all(kind.startswith("look: ") for kind in manifest.findings)


def test_second_call_fetches_nothing_and_puts_back_what_is_gone(requests, tmp_path):
    annotations, images = download_coco2017("val", tmp_path)
    first = min(images.iterdir())
    kept = max(images.iterdir()).stat().st_mtime_ns
    first.unlink()
    assert download_coco2017("val", tmp_path) == (annotations, images)
    assert first.is_file()
    assert max(images.iterdir()).stat().st_mtime_ns == kept
    assert len(requests) == 2


def test_other_split_needs_only_its_images(requests, tmp_path):
    download_coco2017("val", tmp_path)
    download_coco2017("train", tmp_path)
    assert requests == ["/annotations_trainval2017.zip", "/val2017.zip", "/train2017.zip"]


@pytest.mark.parametrize("split", ["test", "val2017", "annotations", ""])
def test_split_that_coco_does_not_have_is_refused_before_anything_is_fetched(requests, tmp_path, split):
    with pytest.raises(ValueError, match=rf"split: expected one of .*train, val\. Received: '{split}'"):
        download_coco2017(split, tmp_path / "new")
    assert requests == []
    assert not (tmp_path / "new").exists()

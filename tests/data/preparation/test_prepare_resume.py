# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A preparation that was stopped at any moment continues, and ends with the files of one that was not stopped."""

import pathlib
import shutil

import pytest
from absl import logging

from ssd_tf.data import records
from ssd_tf.data.annotations import AnnotatedDataset
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.preparation import shards
from ssd_tf.data.preparation.prepare import prepare

N = 12
SHARDS = 4


@pytest.fixture
def dataset(tmp_path) -> AnnotatedDataset:
    """N synthetic images, of which the second is text, so that there are findings."""
    annotations = shapes.draw_shapes(tmp_path / "drawn", N, image_size=(64, 64))
    dataset = read_coco(annotations, annotations.parent / "images")
    dataset.images[1].path.write_text("words")
    return dataset


@pytest.fixture
def calls(monkeypatch) -> list[int]:
    """The ids of the images whose records are made; two runs of a whole data set double it."""
    serialize, calls = records.serialize, []

    def counted(image, *args):
        calls.append(image.image_id)
        return serialize(image, *args)

    monkeypatch.setattr(records, "serialize", counted)
    return calls


def run(dataset, folder, **options):
    return prepare(dataset, folder, "train", {"format": "coco"}, **{"num_shards": SHARDS, "num_workers": 1, **options})


def stop_at(call: int, dataset, folder, error=KeyboardInterrupt) -> None:
    """A preparation in which the record of that number fails. 11 images are readable, in shards of 2 or 3."""
    serialize, count = records.serialize, iter(range(1000))

    def fails(*args):
        if next(count) == call:
            raise error("stopped")
        return serialize(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "serialize", fails)
        with pytest.raises(error, match="stopped"):
            run(dataset, folder)


def files_in(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def whole(dataset, tmp_path) -> dict[str, bytes]:
    """The files of a preparation that was not stopped."""
    run(dataset, tmp_path / "whole")
    files = files_in(tmp_path / "whole")
    assert sorted(files) == [*(shards.shard_name("train", k, SHARDS) for k in range(SHARDS)), "train.json"]
    return files


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_finished_shards_are_kept_and_the_rest_is_written(dataset, whole, tmp_path, monkeypatch, calls, caplog, error):
    calls.clear()
    monkeypatch.setattr(logging.get_absl_logger(), "propagate", True)
    stop_at(7, dataset, tmp_path / "out", error)  # in the third shard
    kept = [shards.note_path(tmp_path / "out" / shards.shard_name("train", k, SHARDS)).exists() for k in range(SHARDS)]
    # The last one may be finished too, before the thread that writes it hears of the error.
    assert kept[:3] == [True, True, False]
    before = len(calls)
    with caplog.at_level("INFO", logger="absl"):
        manifest = run(dataset, tmp_path / "out")
    assert f"{sum(kept)} of 4 shards were finished before and are kept" in caplog.text
    assert len(calls) - before == sum(shard.images for shard, had in zip(manifest.shards, kept, strict=True) if not had)
    assert files_in(tmp_path / "out") == whole
    assert load_manifest(tmp_path / "out", "train") == manifest
    assert len(manifest.findings["unreadable"]) == 1


def test_stopped_at_any_moment_it_ends_with_the_same_files(dataset, whole, tmp_path, monkeypatch, calls):
    # What a kill leaves is what lies there at some moment: at each record, and around each file that takes its place
    # or is removed, the folder is copied; a preparation of each copy must end as one that was never stopped.
    out, copies = tmp_path / "out", []

    def keep():
        copies.append(shutil.copytree(out, tmp_path / f"copy{len(copies)}"))

    def around(function):
        def watched(path, *args, **options):
            if path.parent != out or not path.exists():
                return function(path, *args, **options)
            keep()
            result = function(path, *args, **options)
            keep()
            return result

        return watched

    serialize = records.serialize
    with monkeypatch.context() as patch:
        patch.setattr(records, "serialize", lambda *args: (keep(), serialize(*args))[1])
        patch.setattr(pathlib.Path, "replace", around(pathlib.Path.replace))
        patch.setattr(pathlib.Path, "unlink", around(pathlib.Path.unlink))
        run(dataset, out)
    # 11 records, SHARDS shards and their notes and the manifest twice each, and the notes again.
    assert len(copies) == 11 + 2 * (2 * SHARDS + 1) + 2 * SHARDS
    calls.clear()
    for copy in copies:
        run(dataset, copy)
        assert files_in(copy) == whole, copy.name
    # What was finished was kept: on average half of it.
    assert len(calls) < 0.7 * len(copies) * 11


def test_finished_preparation_that_is_run_again_replaces_all(dataset, tmp_path, calls):
    for _ in range(2):
        calls.clear()
        run(dataset, tmp_path / "out")
        assert len(calls) == N - 1


def test_changed_image_is_in_the_shard_that_is_written_again(dataset, tmp_path, calls):
    stop_at(10, dataset, tmp_path / "out")  # in the last shard
    changed, other = dataset.images[2].path, dataset.images[3].path
    changed.write_bytes(other.read_bytes())
    calls.clear()
    run(dataset, tmp_path / "out")
    assert dataset.images[2].image_id in calls
    assert len(calls) <= 6  # its shard, and the one that was not finished
    run(dataset, tmp_path / "anew")
    assert files_in(tmp_path / "out") == files_in(tmp_path / "anew")


@pytest.mark.parametrize("options", [{"num_shards": 3}, {"limit": 9}])
def test_other_job_keeps_nothing_and_leaves_nothing_of_the_stopped_one(dataset, tmp_path, calls, options):
    stop_at(10, dataset, tmp_path / "out")
    calls.clear()
    manifest = run(dataset, tmp_path / "out", **options)
    assert len(calls) == manifest.num_images
    run(dataset, tmp_path / "anew", **options)
    assert files_in(tmp_path / "out") == files_in(tmp_path / "anew")


def test_notes_of_another_split_are_left_alone(dataset, tmp_path):
    stop_at(10, dataset, tmp_path / "out")
    notes = sorted((tmp_path / "out").glob("train-*.done"))
    prepare(dataset, tmp_path / "out", "train-extra", {}, num_shards=2)
    assert sorted((tmp_path / "out").glob("*.done")) == notes != []

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""An Apache Beam pipeline writes the files that threads write, whoever wrote a part of them before."""

import pathlib
import sys

import pytest

from ssd_tf.data import records
from ssd_tf.data.annotations import AnnotatedDataset
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.preparation import beam
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.data.preparation.shards import ShardJob, finished, written

# Runs in this process, and needs nothing from a network.
IN_MEMORY = ("--runner=FnApiRunner",)


@pytest.fixture
def apache_beam():
    return pytest.importorskip("apache_beam", reason="Apache Beam is not here: pip install '.[beam]'")


@pytest.fixture
def dataset(tmp_path) -> AnnotatedDataset:
    """Twelve synthetic images, of which the second is text, so that there are findings."""
    annotations = shapes.draw_shapes(tmp_path / "drawn", 12, image_size=(64, 64))
    dataset = read_coco(annotations, annotations.parent / "images")
    dataset.images[1].path.write_text("words")
    return dataset


@pytest.fixture
def job(dataset, tmp_path) -> ShardJob:
    (tmp_path / "out").mkdir()
    return ShardJob(tmp_path / "out" / "train-00000-of-00001.tfrecord", dataset.images, dataset.categories)


def run(dataset, folder, runner="beam", **options):
    if runner == "beam":
        options["beam_options"] = IN_MEMORY
    return prepare(dataset, folder, "train", {"format": "coco"}, num_shards=4, runner=runner, **options)


def files_in(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.proof
@pytest.mark.usefixtures("apache_beam")
def test_beam_writes_the_same_shards_and_manifest_as_threads(dataset, tmp_path):
    by_threads = run(dataset, tmp_path / "local", "local")
    by_beam = run(dataset, tmp_path / "beam")
    assert by_beam == by_threads
    assert by_beam.num_images == 11
    assert len(files_in(tmp_path / "local")) == 5
    assert files_in(tmp_path / "beam") == files_in(tmp_path / "local")


@pytest.mark.proof
@pytest.mark.usefixtures("apache_beam")
def test_paths_that_are_relative_are_those_of_the_folder_where_the_program_runs(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    relative = read_coco("drawn/annotations.json", "drawn/images")
    run(relative, "beam")
    run(dataset, "local", "local")
    assert files_in(tmp_path / "beam") == files_in(tmp_path / "local")


@pytest.mark.proof
@pytest.mark.usefixtures("apache_beam")
def test_beam_continues_where_threads_were_stopped(dataset, tmp_path, monkeypatch):
    run(dataset, tmp_path / "whole", "local")
    serialize, calls = records.serialize, []

    def stops_at_the_eighth(image, *args):
        calls.append(image.image_id)
        if len(calls) == 8:  # in the third shard of 3 images, one of which is no image
            raise KeyboardInterrupt
        return serialize(image, *args)

    monkeypatch.setattr(records, "serialize", stops_at_the_eighth)
    with pytest.raises(KeyboardInterrupt):
        run(dataset, tmp_path / "out", "local", num_workers=1)
    # The interrupt reaches the main thread while the worker goes on: the fourth shard may be finished by then.
    finished_before = {path.name for path in (tmp_path / "out").glob("*.tfrecord")}
    calls.clear()
    calls.extend([0] * 10)  # stops no more
    manifest = run(dataset, tmp_path / "out")
    rest = [shard for shard in manifest.shards if shard.file not in finished_before]
    assert len(finished_before) >= 2 and manifest.shards[2] in rest
    assert len(calls) - 10 == sum(shard.images for shard in rest)
    assert files_in(tmp_path / "out") == files_in(tmp_path / "whole")


@pytest.mark.proof
@pytest.mark.usefixtures("apache_beam")
def test_worker_that_fails_is_one_clear_error_and_the_next_run_continues(dataset, tmp_path, monkeypatch):
    serialize = records.serialize

    def fails_at_the_ninth(image, *args):
        if image.image_id == 9:
            raise OSError(28, "No space left on device")
        return serialize(image, *args)

    with monkeypatch.context() as patch:
        patch.setattr(records, "serialize", fails_at_the_ninth)
        with pytest.raises(OSError, match=r"the Beam pipeline failed.*No space left on device") as caught:
            run(dataset, tmp_path / "out")
    assert "\n" not in str(caught.value)
    left = files_in(tmp_path / "out")
    assert not any(name.endswith((".job", ".tmp", ".json")) for name in left)
    run(dataset, tmp_path / "out")
    run(dataset, tmp_path / "whole", "local")
    assert files_in(tmp_path / "out") == files_in(tmp_path / "whole")


@pytest.mark.proof
@pytest.mark.usefixtures("apache_beam")
def test_interrupt_stays_one(dataset, tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(records, "serialize", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(dataset, tmp_path / "out")
    assert files_in(tmp_path / "out") == {}


@pytest.mark.proof
@pytest.mark.usefixtures("apache_beam")
def test_shard_that_does_not_arrive_is_an_error(job, monkeypatch):
    # Workers that write to a disk of their own.
    monkeypatch.setattr(beam, "write_from_file", lambda path: None)
    with pytest.raises(OSError, match=r"train-00000-of-00001\.tfrecord: expected a shard and its note"):
        beam.write_shards([job], beam.open_pipeline(IN_MEMORY))


@pytest.mark.proof
@pytest.mark.usefixtures("apache_beam")
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--runner=Nobody", "Unexpected pipeline runner: Nobody"),
        ("--direct_num_workers=few", "^Beam options: argument --direct_num_workers: invalid int value: 'few'$"),
    ],
)
def test_wrong_option_is_refused_before_anything_is_touched(dataset, tmp_path, option, message, capfd):
    run(dataset, tmp_path / "out", "local")
    before = files_in(tmp_path / "out")
    with pytest.raises(ValueError, match=message):
        prepare(dataset, tmp_path / "out", "train", {}, runner="beam", beam_options=[option])
    assert files_in(tmp_path / "out") == before
    assert "usage" not in capfd.readouterr().err


def test_option_that_is_none_is_refused(dataset, tmp_path):
    with pytest.raises(ValueError, match=r"Beam options: expected the form --name=value\. Received: runner=X"):
        prepare(dataset, tmp_path / "out", "train", {}, runner="beam", beam_options=["--a=b", "runner=X"])


def test_without_the_package_one_line_says_what_to_install(dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ValueError, match=r"needs apache_beam.*pip install 'ssd_tf\[beam\]'") as caught:
        prepare(dataset, tmp_path / "out", "train", {}, runner="beam")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runner": "spark"}, "expected one of local, beam. Received: 'spark'"),
        ({"beam_options": ["--runner=FlinkRunner"]}, "runner=beam only. Received: .'--runner=FlinkRunner'."),
    ],
)
def test_runner_and_options_that_do_not_fit_are_refused(dataset, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        prepare(dataset, tmp_path / "out", "train", {}, **options)


def test_worker_writes_the_shard_of_a_job_file(job):
    path = beam._leave(job)
    beam.write_from_file(str(path))
    result = written(job.path)
    assert result.shard.images == 11
    assert finished(job) == result


def test_second_try_of_a_worker_leaves_the_finished_shard(job, monkeypatch):
    path = beam._leave(job)
    beam.write_from_file(str(path))
    monkeypatch.setattr(beam, "write_shard", None)
    beam.write_from_file(str(path))


def test_worker_that_does_not_see_the_folder_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.job: not found.*same path"):
        beam.write_from_file(str(tmp_path / "nowhere.job"))

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Checkpoints of a run: what is saved comes back, and the best is kept.

A damaged one is reported and the one before used, and a full disk leaves what was there.
"""

import logging as std_logging
import os
import pathlib
import subprocess

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ssd_tf.training.checkpoints import Checkpoints, read_made_with
from ssd_tf.training.optimizer import SGD
from ssd_tf.weights.model_dir import find_checkpoint, list_checkpoints, remove_leftovers, restore_model
from tests.fixtures.small_runs import assert_filled, checkpoint_names, filled, train, trained, values

# Of a file's name.
PRINTABLE = "".join(c for c in map(chr, range(32, 127)) if c != "/")


def new_run(folder: pathlib.Path, units: int = 2, **settings) -> tuple[keras.Model, Checkpoints]:
    """A stand-in for a detector, all of it 0, and its checkpoints."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, name="dense")], name="small")
    fill(model, 0.0)
    optimizer = SGD(momentum=0.9)
    optimizer.build(model.trainable_variables)
    return model, Checkpoints(folder, model, optimizer, **settings)


def fill(model: keras.Model, value: float) -> None:
    for variable in model.variables:
        variable.assign(np.full(variable.shape, value))


def value_of(model: keras.Model) -> float:
    """The one value of all its weights."""
    values = {float(value) for variable in model.variables for value in np.ravel(variable.numpy())}
    assert len(values) == 1
    return values.pop()


@pytest.fixture
def saved(tmp_path) -> pathlib.Path:
    """A folder with checkpoints of steps 10 and 20; their weights are all 10 and all 20."""
    model, checkpoints = new_run(tmp_path)
    for step in (10, 20):
        fill(model, step)
        checkpoints.save(step)
    return tmp_path


@settings(derandomize=True, max_examples=8, deadline=None)
@example("[1]")
@example("*?\\{}")
@given(st.text(PRINTABLE, min_size=1, max_size=6).filter(lambda name: name not in (".", "..")))
def test_folder_of_any_name_keeps_the_last_checkpoints_and_gives_them_back(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("any") / name
    folder.mkdir()
    model, checkpoints = new_run(folder, kept=1)
    for step in (1, 2):
        fill(model, step)
        checkpoints.save(step)
        checkpoints.save_if_best(step, step / 10)
    again, checkpoints = new_run(folder, made_with={"settings": 1})
    assert checkpoints.restore() == 2 and value_of(again) == 2.0
    assert [path.name for path in sorted((folder / "checkpoints").glob("*.index"))] == ["ckpt-2.index"]
    assert [path.name for path in sorted((folder / "best").glob("*.index"))] == ["ckpt-2.index"]
    assert read_made_with(folder) == (str(folder / "checkpoints" / "ckpt-2"), {})
    fill(again, 0.0)
    restore_model(again, list_checkpoints(folder, "best")[-1])
    assert value_of(again) == 2.0


def cut_off(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change_every_byte(path: pathlib.Path) -> None:
    path.write_bytes(bytes(byte ^ 255 for byte in path.read_bytes()))


DAMAGES = [
    ("data-00000-of-00001", cut_off),
    ("data-00000-of-00001", change_every_byte),
    ("data-00000-of-00001", pathlib.Path.unlink),
    ("index", cut_off),
    ("index", change_every_byte),
    ("index", lambda path: path.write_bytes(b"")),
]
DAMAGE_IDS = ["data_cut_off", "data_changed", "no_data", "index_cut_off", "index_changed", "empty_index"]


@pytest.fixture
def log(caplog):
    caplog.set_level(std_logging.INFO, logger="absl")
    return caplog


@pytest.mark.parametrize(("ending", "damage"), DAMAGES, ids=DAMAGE_IDS)
def test_damaged_last_checkpoint_is_reported_and_the_one_before_used(saved, log, ending, damage):
    damage(saved / "checkpoints" / f"ckpt-20.{ending}")
    model, checkpoints = new_run(saved)
    assert checkpoints.restore() == 10
    assert value_of(model) == 10.0
    assert f"{saved}/checkpoints/ckpt-20 cannot be restored: " in log.text
    assert f"going back to {saved}/checkpoints/ckpt-10" in log.text


def test_run_saves_again_in_place_of_the_damaged_checkpoint(saved):
    cut_off(saved / "checkpoints" / "ckpt-20.data-00000-of-00001")
    model, checkpoints = new_run(saved)
    checkpoints.restore()
    fill(model, 21)
    checkpoints.save(20)
    model, checkpoints = new_run(saved)
    assert checkpoints.restore() == 20
    assert value_of(model) == 21.0


def test_whole_last_checkpoint_is_used_without_a_word(saved, log):
    model, checkpoints = new_run(saved)
    assert checkpoints.restore() == 20
    assert value_of(model) == 20.0
    assert "ckpt" not in log.text


def test_run_of_which_no_checkpoint_can_be_read_does_not_begin_anew(saved):
    for step in (10, 20):
        cut_off(saved / "checkpoints" / f"ckpt-{step}.data-00000-of-00001")
    with pytest.raises(ValueError, match="ckpt-20: cannot be restored"):
        new_run(saved)[1].restore()


def test_checkpoints_of_another_model_are_refused(saved):
    with pytest.raises(ValueError, match="ckpt-20: cannot be restored"):
        new_run(saved, units=5)[1].restore()


def test_what_a_save_that_was_cut_off_left_is_removed(saved):
    folder = saved / "checkpoints"
    before = sorted(folder.iterdir())
    half = folder / "ckpt-30_temp" / "part-00000-of-00001.data-00000-of-00001"
    half.parent.mkdir()
    half.write_bytes(b"half")
    # Killed between the two files of a checkpoint: the index is written last.
    (folder / "ckpt-30.data-00000-of-00001").write_bytes(b"whole, but nobody knows of what")
    assert new_run(saved)[1].restore() == 20
    assert sorted(folder.iterdir()) == before


def test_whole_checkpoints_are_no_leftovers(saved):
    before = sorted((saved / "checkpoints").iterdir())
    remove_leftovers(saved / "checkpoints")
    assert sorted((saved / "checkpoints").iterdir()) == before


def test_what_a_run_was_made_with_is_read_back(tmp_path):
    made_with = {"settings": {"seed": 7, "lr_decay_epochs": [40, 50]}, "data": {"shards": "тоst"}}
    new_run(tmp_path, made_with=made_with)[1].save(3)
    assert read_made_with(tmp_path) == (f"{tmp_path}/checkpoints/ckpt-3", made_with)


def test_restored_run_keeps_what_it_is_made_with_itself(tmp_path):
    new_run(tmp_path, made_with={"seed": 1})[1].save(3)
    _, checkpoints = new_run(tmp_path, made_with={"seed": 2})
    checkpoints.restore()
    checkpoints.save(6)
    assert read_made_with(tmp_path) == (f"{tmp_path}/checkpoints/ckpt-6", {"seed": 2})


def test_nothing_is_known_of_a_folder_without_checkpoints(tmp_path):
    assert read_made_with(tmp_path) is None


def test_what_a_run_was_made_with_is_read_from_the_checkpoint_before_a_damaged_one(tmp_path):
    _, checkpoints = new_run(tmp_path, made_with={"seed": 1})
    for step in (3, 6):
        checkpoints.save(step)
    cut_off(tmp_path / "checkpoints" / "ckpt-6.index")
    assert read_made_with(tmp_path) == (f"{tmp_path}/checkpoints/ckpt-3", {"seed": 1})


def test_best_survives_a_restart_and_lower_numbers(saved):
    model, checkpoints = new_run(saved)
    checkpoints.restore()
    fill(model, 7)
    assert checkpoints.save_if_best(20, 0.5)
    checkpoints.save(30)
    _, checkpoints = new_run(saved)
    checkpoints.restore()
    assert checkpoints.best_ap == 0.5
    assert not checkpoints.save_if_best(40, 0.4)
    assert list_checkpoints(saved, "best") == [f"{saved}/best/ckpt-20"]


# Its folder is thrown away with it, of which Python warns.
@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")
def test_worker_that_does_not_keep_restores_what_the_others_wrote_and_writes_nothing(saved):
    before = sorted(saved.rglob("*"))
    model, checkpoints = new_run(saved, keeps=False)
    assert checkpoints.restore() == 20
    assert value_of(model) == 20.0
    checkpoints.save(30)
    checkpoints.save_if_best(30, 0.5)
    assert sorted(saved.rglob("*")) == before


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"mounting a small tmpfs is not allowed here: {mounted.stderr.decode()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_full_disk_is_an_error_that_names_the_checkpoint_before_which_stays_whole(small_disk):
    # 3 x 30,000 numbers of 4 bytes and their velocities are 0.7 MB: two of them do not fit.
    model, checkpoints = new_run(small_disk, units=30_000)
    fill(model, 10)
    checkpoints.save(10)
    fill(model, 20)
    folder = small_disk / "checkpoints"
    message = rf"step 20 cannot be written to {folder}: {folder}/.*; {folder}/ckpt-10 is whole"
    with pytest.raises(OSError, match=message):
        checkpoints.save(20)
    assert not list((small_disk / "checkpoints").glob("ckpt-20*"))
    model, checkpoints = new_run(small_disk, units=30_000)
    assert checkpoints.restore() == 10
    assert value_of(model) == 10.0


def test_first_save_on_a_full_disk_says_that_there_is_none_from_before(small_disk):
    with pytest.raises(OSError, match=r"step 10 cannot be written .*there is none from before"):
        new_run(small_disk, units=60_000)[1].save(10)


def test_best_of_after_the_restored_checkpoint_is_forgotten(tmp_path):
    """As a kill between the two files of a save leaves it; --model would take the later one."""
    _, checkpoints = new_run(tmp_path)
    checkpoints.save_if_best(10, 0.5)
    checkpoints.save(10)
    for path in list((tmp_path / "best").glob("ckpt-10.*")):
        path.with_name(path.name.replace("ckpt-10", "ckpt-20")).write_bytes(path.read_bytes())
    assert new_run(tmp_path)[1].restore() == 10
    assert list_checkpoints(tmp_path, "best") == [str(tmp_path / "best" / "ckpt-10")]


def test_fresh_folder_starts_at_step_zero(small_run):
    model, optimizer = trained(0)
    before = values(model)
    assert Checkpoints(small_run, model, optimizer).restore() == 0
    for variable, value in zip(values(model), before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_run_is_restored_with_its_optimizer_step_and_best(small_run):
    model, optimizer = trained(3)
    checkpoints = Checkpoints(small_run, model, optimizer)
    checkpoints.save_if_best(2, 0.25)
    checkpoints.save(3)

    again_model, again_optimizer = trained(0)
    assert any((a != b).any() for a, b in zip(values(model), values(again_model), strict=True))
    again = Checkpoints(small_run, again_model, again_optimizer)
    assert again.restore() == 3
    for found, expected in zip(values(again_model, again_optimizer), values(model, optimizer), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert int(again_optimizer.iterations.numpy()) == 3
    # The best AP came back too: an equal one is no better.
    assert not again.save_if_best(4, 0.25)
    assert again.save_if_best(4, 0.26)


def test_restored_run_continues_as_if_it_had_not_stopped(small_run):
    model, optimizer = trained(3)
    Checkpoints(small_run, model, optimizer).save(3)
    train(model, optimizer, range(3, 6))
    again_model, again_optimizer = trained(0)
    train(again_model, again_optimizer, range(Checkpoints(small_run, again_model, again_optimizer).restore(), 6))
    for found, expected in zip(values(again_model, again_optimizer), values(model, optimizer), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_last_two_checkpoints_are_kept(small_run):
    checkpoints = Checkpoints(small_run, *trained(1))
    for step in (10, 20, 30, 40):
        checkpoints.save(step)
    assert checkpoint_names(small_run / "checkpoints") == ["ckpt-30.index", "ckpt-40.index"]


def test_two_are_kept_across_a_restart_as_well(small_run):
    Checkpoints(small_run, *trained(1)).save(10)
    for step in (20, 30):
        checkpoints = Checkpoints(small_run, *trained(0))
        checkpoints.restore()
        checkpoints.save(step)
    assert checkpoint_names(small_run / "checkpoints") == ["ckpt-20.index", "ckpt-30.index"]


def test_step_that_is_saved_already_is_not_saved_again(small_run):
    checkpoints = Checkpoints(small_run, *trained(1))
    checkpoints.save(10)
    before = (small_run / "checkpoints" / "ckpt-10.index").stat().st_mtime_ns
    checkpoints.save(10)
    assert (small_run / "checkpoints" / "ckpt-10.index").stat().st_mtime_ns == before
    # Step 0 is the same last digit, but another step.
    checkpoints.save(0)
    assert checkpoint_names(small_run / "checkpoints") == ["ckpt-0.index", "ckpt-10.index"]


def test_best_is_replaced_only_by_a_better_one(small_run):
    model, optimizer = trained(0)
    checkpoints = Checkpoints(small_run, model, optimizer)
    kernel = model.get_layer("dense").kernel
    kept = []
    for step, ap in ((1, 0.2), (2, 0.1), (3, 0.2), (4, 0.3), (5, 0.29)):
        kernel.assign(np.full((3, 2), step))
        kept.append(checkpoints.save_if_best(step, ap))
    assert kept == [True, False, False, True, False]
    assert checkpoint_names(small_run / "best") == ["ckpt-4.index"]
    restore_model(model, find_checkpoint(small_run)[1])
    np.testing.assert_array_equal(kernel, np.full((3, 2), 4))


def test_first_evaluation_is_the_best_even_at_zero(small_run):
    assert Checkpoints(small_run, *trained(0)).save_if_best(1, 0.0)
    assert checkpoint_names(small_run / "best") == ["ckpt-1.index"]


def test_while_ap_is_0_the_weights_that_were_trained_longest_are_kept(small_run):
    checkpoints = Checkpoints(small_run, *trained(0))
    kept = [checkpoints.save_if_best(step, ap) for step, ap in ((1, 0.0), (2, 0.0), (3, 0.1), (4, 0.0), (5, 0.1))]
    assert kept == [True, True, True, False, False]
    assert checkpoint_names(small_run / "best") == ["ckpt-3.index"]


def test_a_split_in_which_ap_is_not_defined_has_no_best(small_run):
    assert not Checkpoints(small_run, *trained(0)).save_if_best(1, -1.0)
    assert not (small_run / "best").exists()


def test_as_many_checkpoints_are_kept_as_asked_for(small_run):
    checkpoints = Checkpoints(small_run, *trained(1), kept=3)
    for step in (10, 20, 30, 40, 50):
        checkpoints.save(step)
    assert checkpoint_names(small_run / "checkpoints") == ["ckpt-30.index", "ckpt-40.index", "ckpt-50.index"]


def test_run_is_restored_with_its_average(averaged_small_run):
    model, average, optimizer = filled(0), filled(0), SGD(momentum=0.9)
    optimizer.build(model.trainable_variables)
    assert Checkpoints(averaged_small_run, model, optimizer, average).restore() == 30
    assert_filled(model, 5)
    assert_filled(average, 6)


def test_run_without_an_average_cannot_continue_with_one(small_run_with_checkpoints):
    model, optimizer = trained(0)
    checkpoints = Checkpoints(small_run_with_checkpoints, model, optimizer, filled(0))
    with pytest.raises(ValueError, match=r"checkpoints/ckpt-20: cannot be restored"):
        checkpoints.restore()

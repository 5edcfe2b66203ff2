# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A run's folder: what is saved comes back, the best is kept, and what does not fit is refused by name.

With an average of the weights, that is what a model is loaded from.
"""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.training.checkpoints import Checkpoints
from ssd_tf.training.optimizer import SGD
from ssd_tf.weights.model_dir import find_checkpoint, restore_model, save_model
from ssd_tf.weights.model_info import load_info, load_settings, save_config
from tests.fixtures.small_runs import INFO, assert_filled, filled, small_model, trained, values


@pytest.mark.parametrize(
    ("place", "prefix"),
    [
        ("", "best/ckpt-10"),
        ("best", "best/ckpt-10"),
        ("checkpoints", "checkpoints/ckpt-20"),
        ("checkpoints/ckpt-10", "checkpoints/ckpt-10"),
        ("checkpoints/ckpt-10.index", "checkpoints/ckpt-10"),
        ("best/ckpt-10.index", "best/ckpt-10"),
    ],
)
@pytest.mark.parametrize("form", [str, lambda path: path], ids=["text", "path"])
def test_what_a_path_to_a_model_means(small_run_with_checkpoints, place, prefix, form):
    run = small_run_with_checkpoints
    assert find_checkpoint(form(run / place)) == (run, str(run / prefix))


def test_model_dir_without_an_evaluation_stands_for_its_last_checkpoint(small_run):
    Checkpoints(small_run, *trained(1)).save(10)
    assert find_checkpoint(small_run) == (small_run, str(small_run / "checkpoints" / "ckpt-10"))


def test_model_dir_may_be_moved(small_run_with_checkpoints):
    moved = small_run_with_checkpoints.rename(small_run_with_checkpoints.with_name("moved"))
    for place, prefix in (("", "best/ckpt-10"), ("checkpoints", "checkpoints/ckpt-20")):
        assert find_checkpoint(moved / place) == (moved, str(moved / prefix))
    assert Checkpoints(moved, *trained(0)).restore() == 20


def test_model_dir_may_be_relative(small_run_with_checkpoints, monkeypatch):
    monkeypatch.chdir(small_run_with_checkpoints)
    for place in (".", "best", "best/ckpt-10"):
        model_dir, prefix = find_checkpoint(place)
        assert load_info(model_dir) == INFO
        restore_model(small_model(), prefix)


def test_model_dir_without_a_checkpoint_is_refused(small_run):
    with pytest.raises(FileNotFoundError, match=f"{small_run} has no checkpoint yet"):
        find_checkpoint(small_run)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nothing", r"no model at .*nothing: expected a model_dir or one of its checkpoints"),
        ("run/checkpoints/ckpt-99", r"no model at .*ckpt-99"),
        ("run/checkpoints/ckpt-99.index", r"no model at .*ckpt-99"),
        ("run/config.json", r"config\.json is no model_dir: weight files become one with ssd_tf\.apps\.import_weights"),
        ("", r"is not a model_dir: it has no config\.json"),
        ("run/tensorboard", "is not a model_dir"),
    ],
)
def test_path_without_a_model_is_refused_by_name(small_run_with_checkpoints, tmp_path, place, message):
    (small_run_with_checkpoints / "tensorboard").mkdir()
    with pytest.raises(FileNotFoundError, match=message):
        find_checkpoint(tmp_path / place)


def test_checkpoint_without_a_config_beside_it_is_refused(small_run_with_checkpoints):
    (small_run_with_checkpoints / "config.json").unlink()
    for place in ("", "checkpoints", "checkpoints/ckpt-20"):
        with pytest.raises(FileNotFoundError):
            find_checkpoint(small_run_with_checkpoints / place)


def test_weights_come_back_into_a_model(small_run_with_checkpoints):
    expected, _ = trained(1)
    model = small_model()
    Checkpoints(small_run_with_checkpoints, expected, SGD()).save(30)
    restore_model(model, str(small_run_with_checkpoints / "checkpoints" / "ckpt-30"))
    for found, value in zip(values(model), values(expected), strict=True):
        np.testing.assert_array_equal(found, value)


def test_checkpoint_of_another_shape_is_refused_by_name(small_run_with_checkpoints):
    prefix = find_checkpoint(small_run_with_checkpoints)[1]
    with pytest.raises(ValueError, match="best/ckpt-10: cannot be loaded into small"):
        restore_model(small_model(units=5), prefix)


def test_checkpoint_of_another_model_is_refused_by_name(small_run_with_checkpoints):
    prefix = find_checkpoint(small_run_with_checkpoints)[1]
    model = ssd_tf.build_model("ssd128_tiny", 1)
    with pytest.raises(ValueError, match="best/ckpt-10: cannot be loaded into ssd128_tiny"):
        restore_model(model, prefix)


@pytest.mark.parametrize("spoil", ["index", "data", "no data"])
def test_damaged_checkpoint_is_refused_by_name(small_run_with_checkpoints, spoil):
    folder = small_run_with_checkpoints / "best"
    data = folder / "ckpt-10.data-00000-of-00001"
    if spoil == "index":
        (folder / "ckpt-10.index").write_bytes(b"garbage")
    elif spoil == "data":
        data.write_bytes(data.read_bytes()[:10])
    else:
        data.unlink()
    with pytest.raises(ValueError, match="best/ckpt-10: cannot be loaded into small"):
        restore_model(small_model(), str(folder / "ckpt-10"))


@pytest.mark.parametrize(
    ("place", "value"),
    [("", 4), ("best", 4), ("checkpoints", 6), ("checkpoints/ckpt-20", 4), ("checkpoints/ckpt-30", 6)],
)
def test_average_is_what_a_model_is_loaded_from(averaged_small_run, place, value):
    model = filled(0)
    restore_model(model, find_checkpoint(averaged_small_run / place)[1])
    assert_filled(model, value)


def two_layers(value):
    layers = [keras.layers.Dense(3, name="body"), keras.layers.Dense(2, name="head")]
    model = keras.Sequential([keras.Input((3,)), *layers], name="two")
    model.set_weights([np.full(weight.shape, value, np.float32) for weight in model.weights])
    return model


@pytest.fixture(params=["imported", "averaged"])
def model_of_sevens(request, tmp_path):
    """The prefix of a checkpoint of two layers, from which they load as 7."""
    folder = tmp_path / "sevens"
    if request.param == "imported":
        save_model(folder, INFO, two_layers(7), [])
    else:
        folder.mkdir()
        save_config(folder, INFO, {})
        Checkpoints(folder, two_layers(1), SGD(), two_layers(7)).save(5)
    return find_checkpoint(folder)[1]


def test_only_the_layers_that_are_asked_for_are_loaded(model_of_sevens):
    model = two_layers(0)
    restore_model(model, model_of_sevens, only=lambda name: name == "body")
    for name, value in (("body", 7), ("head", 0)):
        for weight in model.get_layer(name).get_weights():
            np.testing.assert_array_equal(weight, np.full(weight.shape, value))


def test_layer_that_is_not_loaded_may_have_another_shape(model_of_sevens):
    layers = [keras.layers.Dense(3, name="body"), keras.layers.Dense(9, name="head")]
    model = keras.Sequential([keras.Input((3,)), *layers], name="other")
    restore_model(model, model_of_sevens, only=lambda name: name == "body")
    np.testing.assert_array_equal(model.get_layer("body").kernel, np.full((3, 3), 7))
    with pytest.raises(ValueError, match=r"ckpt-.*: cannot be loaded into other"):
        restore_model(model, model_of_sevens)


def test_saved_model_is_a_model_dir(tmp_path):
    folder = tmp_path / "new" / "imported"
    save_model(folder, INFO, filled(3), ["elsewhere.pth"])
    assert find_checkpoint(folder) == (folder, str(folder / "best" / "ckpt-0"))
    assert find_checkpoint(folder / "best") == find_checkpoint(folder)
    assert load_info(folder) == INFO
    assert json.loads((folder / "config.json").read_text())["source"] == ["elsewhere.pth"]
    model = filled(0)
    restore_model(model, find_checkpoint(folder)[1])
    assert_filled(model, 3)
    assert not (folder / "checkpoints").exists()


def test_model_that_cannot_be_written_leaves_no_part_of_it(tmp_path):
    index = tmp_path / "best" / "ckpt-0.index"
    index.mkdir(parents=True)  # a file takes its name at the end of a save
    with pytest.raises(tf.errors.OpError):
        save_model(tmp_path, INFO, filled(3), [])
    assert list(tmp_path.rglob("*")) == [tmp_path / "best", index]


def test_saving_over_another_model_is_refused(averaged_small_run, tmp_path):
    save_model(tmp_path / "imported", INFO, filled(3), [])
    for folder in (averaged_small_run, tmp_path / "imported"):
        before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
        with pytest.raises(ValueError, match=f"{folder} holds a model already"):
            save_model(folder, INFO, filled(4), [])
        assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before


def test_folder_of_a_run_is_told_from_one_of_a_finished_model(tmp_path):
    """Also when the run was killed between its first evaluation and its first checkpoint: best/ is all it has then."""
    run, finished = tmp_path / "run", tmp_path / "finished"
    run.mkdir()
    save_config(run, INFO, {})
    Checkpoints(run, filled(1), SGD()).save_if_best(3, 0.2)
    save_model(finished, INFO, filled(1), [])
    assert (load_settings(run), load_settings(finished)) == ({}, None)

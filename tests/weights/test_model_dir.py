# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A run's folder: what is saved comes back, the best is kept, and what does not fit is refused by name.

With an average of the weights, that is what a model is loaded from.
"""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.training.checkpoints import Checkpoints
from ssd_tf.training.optimizer import SGD
from ssd_tf.weights.model_dir import (
    ModelInfo,
    find_checkpoint,
    load_info,
    load_settings,
    require_same_model,
    restore_model,
    save_config,
    save_model,
)

INFO = ModelInfo(ssd_tf.spec("ssd128_tiny"), (Category(1, "person"), Category(90, "тоstbrush \"'")))


def small_model(units=2):
    """A stand-in for a detector: a checkpoint does not care what the model is."""
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, name="dense")], name="small")


def trained(steps):
    """A model and an optimizer after some steps, so that the velocities are not zero."""
    model, optimizer = small_model(), SGD(momentum=0.9)
    optimizer.build(model.trainable_variables)
    train(model, optimizer, range(steps))
    return model, optimizer


def train(model, optimizer, steps):
    """Steps whose gradients depend on the step alone."""
    optimizer.learning_rate.assign(0.1)
    for step in steps:
        rng = np.random.default_rng(step)
        gradients = [tf.constant(rng.normal(size=v.shape), tf.float32) for v in model.trainable_variables]
        optimizer.apply(gradients, model.trainable_variables)


def values(*things):
    return [variable.numpy() for thing in things for variable in thing.variables]


def checkpoint_names(folder):
    return sorted(path.name for path in folder.glob("*.index"))


@pytest.fixture
def run(tmp_path):
    """A model_dir with its configuration, without checkpoints."""
    folder = tmp_path / "run"
    folder.mkdir()
    save_config(folder, INFO, {"seed": 7})
    return folder


def test_config_gives_the_model_back(run):
    assert load_info(run) == INFO
    assert json.loads((run / "config.json").read_text())["settings"] == {"seed": 7}


def test_folder_without_config_is_not_a_model_dir(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path} is not a model_dir"):
        load_info(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"detector": "ssd128_tiny"}',
        b'{"detector": "ssd128_tiny", "categories": [1]}',
        b'{"detector": "ssd128_tiny", "categories": [{"id": 1}]}',
        b'{"detector": "ssd128_tiny", "categories": null}',
        b'{"detector": ["ssd128_tiny"], "categories": []}',
        b'{"detector": "another", "categories": []}',
        b"\xff\xfe\x00",
    ],
)
def test_garbage_config_is_refused_by_name(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json") as raised:
        load_info(tmp_path)
    assert str(tmp_path) in str(raised.value)


def test_same_model_passes(tmp_path):
    require_same_model(tmp_path, INFO, ModelInfo(INFO.spec, tuple(INFO.categories)))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (ModelInfo(ssd_tf.spec("ssd300_resnet34"), INFO.categories), "run holds a ssd128_tiny, not a ssd300_resnet34"),
        (
            ModelInfo(ssd_tf.spec("ssd128_tiny"), INFO.categories[:1]),
            "run was trained for 2 classes, the data set has 1",
        ),
        (
            ModelInfo(ssd_tf.spec("ssd128_tiny"), (INFO.categories[0], Category(2, "dog"))),
            r"run was trained for other classes.*: 90 .* where the data set has 2 'dog'",
        ),
        (ModelInfo(ssd_tf.spec("ssd128_tiny"), INFO.categories[::-1]), "1 'person' where the data set has 90"),
    ],
    ids=["detector", "number", "name", "order"],
)
def test_other_model_is_refused_with_what_both_are(tmp_path, wanted, message):
    with pytest.raises(ValueError, match=message):
        require_same_model(tmp_path / "run", INFO, wanted)


def test_fresh_folder_starts_at_step_zero(run):
    model, optimizer = trained(0)
    before = values(model)
    assert Checkpoints(run, model, optimizer).restore() == 0
    for variable, value in zip(values(model), before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_run_is_restored_with_its_optimizer_step_and_best(run):
    model, optimizer = trained(3)
    checkpoints = Checkpoints(run, model, optimizer)
    checkpoints.save_if_best(2, 0.25)
    checkpoints.save(3)

    again_model, again_optimizer = trained(0)
    assert any((a != b).any() for a, b in zip(values(model), values(again_model), strict=True))
    again = Checkpoints(run, again_model, again_optimizer)
    assert again.restore() == 3
    for found, expected in zip(values(again_model, again_optimizer), values(model, optimizer), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert int(again_optimizer.iterations.numpy()) == 3
    # The best AP came back too: an equal one is no better.
    assert not again.save_if_best(4, 0.25)
    assert again.save_if_best(4, 0.26)


def test_restored_run_continues_as_if_it_had_not_stopped(run):
    model, optimizer = trained(3)
    Checkpoints(run, model, optimizer).save(3)
    train(model, optimizer, range(3, 6))
    again_model, again_optimizer = trained(0)
    train(again_model, again_optimizer, range(Checkpoints(run, again_model, again_optimizer).restore(), 6))
    for found, expected in zip(values(again_model, again_optimizer), values(model, optimizer), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_newest_two_checkpoints_are_kept(run):
    checkpoints = Checkpoints(run, *trained(1))
    for step in (10, 20, 30, 40):
        checkpoints.save(step)
    assert checkpoint_names(run / "checkpoints") == ["ckpt-30.index", "ckpt-40.index"]


def test_two_are_kept_across_a_restart_as_well(run):
    Checkpoints(run, *trained(1)).save(10)
    for step in (20, 30):
        checkpoints = Checkpoints(run, *trained(0))
        checkpoints.restore()
        checkpoints.save(step)
    assert checkpoint_names(run / "checkpoints") == ["ckpt-20.index", "ckpt-30.index"]


def test_step_that_is_saved_already_is_not_saved_again(run):
    checkpoints = Checkpoints(run, *trained(1))
    checkpoints.save(10)
    before = (run / "checkpoints" / "ckpt-10.index").stat().st_mtime_ns
    checkpoints.save(10)
    assert (run / "checkpoints" / "ckpt-10.index").stat().st_mtime_ns == before
    # Step 0 is the same last digit, but another step.
    checkpoints.save(0)
    assert checkpoint_names(run / "checkpoints") == ["ckpt-0.index", "ckpt-10.index"]


def test_best_is_replaced_only_by_a_better_one(run):
    model, optimizer = trained(0)
    checkpoints = Checkpoints(run, model, optimizer)
    kernel = model.get_layer("dense").kernel
    kept = []
    for step, ap in ((1, 0.2), (2, 0.1), (3, 0.2), (4, 0.3), (5, 0.29)):
        kernel.assign(np.full((3, 2), step))
        kept.append(checkpoints.save_if_best(step, ap))
    assert kept == [True, False, False, True, False]
    assert checkpoint_names(run / "best") == ["ckpt-4.index"]
    restore_model(model, find_checkpoint(run)[1])
    np.testing.assert_array_equal(kernel, np.full((3, 2), 4))


def test_first_evaluation_is_the_best_even_at_zero(run):
    assert Checkpoints(run, *trained(0)).save_if_best(1, 0.0)
    assert checkpoint_names(run / "best") == ["ckpt-1.index"]


@pytest.fixture
def run_with_checkpoints(run):
    """Checkpoints of steps 10 and 20; the best is of step 10."""
    checkpoints = Checkpoints(run, *trained(1))
    checkpoints.save(10)
    checkpoints.save_if_best(10, 0.5)
    checkpoints.save(20)
    return run


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
def test_what_a_path_to_a_model_means(run_with_checkpoints, place, prefix, form):
    run = run_with_checkpoints
    assert find_checkpoint(form(run / place)) == (run, str(run / prefix))


def test_model_dir_without_an_evaluation_stands_for_its_newest_checkpoint(run):
    Checkpoints(run, *trained(1)).save(10)
    assert find_checkpoint(run) == (run, str(run / "checkpoints" / "ckpt-10"))


def test_model_dir_may_be_moved(run_with_checkpoints):
    moved = run_with_checkpoints.rename(run_with_checkpoints.with_name("moved"))
    for place, prefix in (("", "best/ckpt-10"), ("checkpoints", "checkpoints/ckpt-20")):
        assert find_checkpoint(moved / place) == (moved, str(moved / prefix))
    assert Checkpoints(moved, *trained(0)).restore() == 20


def test_model_dir_may_be_relative(run_with_checkpoints, monkeypatch):
    monkeypatch.chdir(run_with_checkpoints)
    for place in (".", "best", "best/ckpt-10"):
        model_dir, prefix = find_checkpoint(place)
        assert load_info(model_dir) == INFO
        restore_model(small_model(), prefix)


def test_model_dir_without_a_checkpoint_is_refused(run):
    with pytest.raises(FileNotFoundError, match=f"{run} has no checkpoint yet"):
        find_checkpoint(run)


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
def test_path_without_a_model_is_refused_by_name(run_with_checkpoints, tmp_path, place, message):
    (run_with_checkpoints / "tensorboard").mkdir()
    with pytest.raises(FileNotFoundError, match=message):
        find_checkpoint(tmp_path / place)


def test_checkpoint_without_a_config_beside_it_is_refused(run_with_checkpoints):
    (run_with_checkpoints / "config.json").unlink()
    for place in ("", "checkpoints", "checkpoints/ckpt-20"):
        with pytest.raises(FileNotFoundError):
            find_checkpoint(run_with_checkpoints / place)


def test_weights_come_back_into_a_model(run_with_checkpoints):
    expected, _ = trained(1)
    model = small_model()
    Checkpoints(run_with_checkpoints, expected, SGD()).save(30)
    restore_model(model, str(run_with_checkpoints / "checkpoints" / "ckpt-30"))
    for found, value in zip(values(model), values(expected), strict=True):
        np.testing.assert_array_equal(found, value)


def test_checkpoint_of_another_shape_is_refused_by_name(run_with_checkpoints):
    prefix = find_checkpoint(run_with_checkpoints)[1]
    with pytest.raises(ValueError, match="best/ckpt-10: cannot be loaded into small"):
        restore_model(small_model(units=5), prefix)


def test_checkpoint_of_another_model_is_refused_by_name(run_with_checkpoints):
    prefix = find_checkpoint(run_with_checkpoints)[1]
    model = ssd_tf.build_model("ssd128_tiny", 1)
    with pytest.raises(ValueError, match="best/ckpt-10: cannot be loaded into ssd128_tiny"):
        restore_model(model, prefix)


@pytest.mark.parametrize("spoil", ["index", "data", "no data"])
def test_damaged_checkpoint_is_refused_by_name(run_with_checkpoints, spoil):
    folder = run_with_checkpoints / "best"
    data = folder / "ckpt-10.data-00000-of-00001"
    if spoil == "index":
        (folder / "ckpt-10.index").write_bytes(b"garbage")
    elif spoil == "data":
        data.write_bytes(data.read_bytes()[:10])
    else:
        data.unlink()
    with pytest.raises(ValueError, match="best/ckpt-10: cannot be loaded into small"):
        restore_model(small_model(), str(folder / "ckpt-10"))


def test_as_many_checkpoints_are_kept_as_asked_for(run):
    checkpoints = Checkpoints(run, *trained(1), kept=3)
    for step in (10, 20, 30, 40, 50):
        checkpoints.save(step)
    assert checkpoint_names(run / "checkpoints") == ["ckpt-30.index", "ckpt-40.index", "ckpt-50.index"]


def filled(value):
    """The stand-in with one value everywhere."""
    model = small_model()
    model.set_weights([np.full(weight.shape, value, np.float32) for weight in model.weights])
    return model


def assert_filled(model, value):
    for weight in model.get_weights():
        np.testing.assert_array_equal(weight, np.full(weight.shape, value))


@pytest.fixture
def averaged_run(run):
    """A run whose weights are 1, 3 and 5 and whose averages 2, 4 and 6 at steps 10, 20 and 30; 20 is the best."""
    model, average, optimizer = filled(1), filled(2), SGD(momentum=0.9)
    optimizer.build(model.trainable_variables)
    checkpoints = Checkpoints(run, model, optimizer, average)
    for step, ap, weight in ((10, 0.2, 1), (20, 0.3, 3), (30, 0.25, 5)):
        model.set_weights(filled(weight).get_weights())
        average.set_weights(filled(weight + 1).get_weights())
        checkpoints.save_if_best(step, ap)
        checkpoints.save(step)
    return run


@pytest.mark.parametrize(
    ("place", "value"),
    [("", 4), ("best", 4), ("checkpoints", 6), ("checkpoints/ckpt-20", 4), ("checkpoints/ckpt-30", 6)],
)
def test_average_is_what_a_model_is_loaded_from(averaged_run, place, value):
    model = filled(0)
    restore_model(model, find_checkpoint(averaged_run / place)[1])
    assert_filled(model, value)


def test_run_is_restored_with_its_average(averaged_run):
    model, average, optimizer = filled(0), filled(0), SGD(momentum=0.9)
    optimizer.build(model.trainable_variables)
    assert Checkpoints(averaged_run, model, optimizer, average).restore() == 30
    assert_filled(model, 5)
    assert_filled(average, 6)


def test_run_without_an_average_cannot_continue_with_one(run_with_checkpoints):
    model, optimizer = trained(0)
    checkpoints = Checkpoints(run_with_checkpoints, model, optimizer, filled(0))
    with pytest.raises(ValueError, match=r"checkpoints/ckpt-20: cannot be restored"):
        checkpoints.restore()


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


def test_saving_over_another_model_is_refused(averaged_run, tmp_path):
    save_model(tmp_path / "imported", INFO, filled(3), [])
    for folder in (averaged_run, tmp_path / "imported"):
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


def test_config_of_before_specs_were_kept_loads_by_the_detector_s_name(tmp_path):
    (tmp_path / "config.json").write_text('{"detector": "ssd128_tiny", "categories": [{"id": 7, "name": "seven"}]}')
    assert load_info(tmp_path) == ModelInfo(ssd_tf.spec("ssd128_tiny"), (Category(7, "seven"),))


def test_model_of_another_spec_of_the_same_name_is_refused_by_the_fields_that_differ(tmp_path):
    other = dataclasses.replace(INFO, spec=dataclasses.replace(INFO.spec, clip="none"))
    with pytest.raises(ValueError, match="holds another ssd128_tiny: its spec differs in clip"):
        require_same_model(tmp_path, INFO, other)

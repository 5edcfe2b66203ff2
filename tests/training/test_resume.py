# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A run continues with the settings and the data it was made with; others are refused by name."""

import dataclasses
import json
import logging as std_logging
import types

import keras
import pytest

import ssd_tf
from ssd_tf.data.annotations import Category, ClassCount
from ssd_tf.data.manifest import Manifest, Shard
from ssd_tf.settings import flat_settings, train_config
from ssd_tf.training.checkpoints import Checkpoints
from ssd_tf.training.optimizer import SGD
from ssd_tf.training.resume import changed_settings, decisive, made_with, open_model_dir, shards_hash
from ssd_tf.weights.model_info import ModelInfo, save_config
from tests.training.settings import SETTINGS as ANY_SETTINGS
from tests.training.settings import changed

SETTINGS = {**ANY_SETTINGS, "data_dir": "data", "lr_decay_epochs": (4, 5)}
SHARDS = (Shard("train-0.tfrecord", 40, 1000, "ab"), Shard("train-1.tfrecord", 40, 1001, "cd"))
CATEGORY = Category(1, "circle")


def plan(shards=SHARDS, images=80, categories=(CATEGORY,)):
    """As much of a Plan as a run's folder is checked against."""
    classes = tuple(ClassCount(category, images, images) for category in categories)
    manifest = Manifest("train", classes, images, images, 3, shards, {}, {})
    info = ModelInfo(ssd_tf.spec("ssd128_tiny"), manifest.categories)
    return types.SimpleNamespace(info=info, train_manifest=manifest, epoch_steps=images // 8)


@pytest.fixture
def before(tmp_path):
    """The settings of a run with a checkpoint of step 3 in its folder."""
    config = train_config(**{**SETTINGS, "model_dir": str(tmp_path)})
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    optimizer = SGD(momentum=0.9)
    optimizer.build(model.trainable_variables)
    save_config(tmp_path, plan().info, dataclasses.asdict(config))
    Checkpoints(tmp_path, model, optimizer, made_with=made_with(config, plan())).save(3)
    return config


def test_same_settings_and_data_continue(before, tmp_path):
    assert open_model_dir(before, plan()) == tmp_path


def checkpoint_with(made, tmp_path):
    """A checkpoint of step 4 that says this of its run."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    optimizer = SGD(momentum=0.9)
    optimizer.build(model.trainable_variables)
    Checkpoints(tmp_path, model, optimizer, made_with=made).save(4)


def test_checkpoint_of_before_specs_were_kept_resumes(before, tmp_path):
    made = made_with(before, plan())
    del made["spec"]
    checkpoint_with(made, tmp_path)
    assert open_model_dir(before, plan()) == tmp_path


def test_checkpoint_of_before_a_setting_was_there_had_its_default(before, tmp_path):
    made = made_with(before, plan())
    del made["settings"]["train_on_difficult"]
    checkpoint_with(made, tmp_path)
    assert open_model_dir(before, plan()) == tmp_path
    other = dataclasses.replace(before, augment=dataclasses.replace(before.augment, train_on_difficult=False))
    with pytest.raises(ValueError, match=r"other settings: --train_on_difficult=True \(now False\)"):
        open_model_dir(other, plan())


def test_checkpoint_of_another_spec_is_refused_by_the_fields_that_differ(before, tmp_path):
    made = made_with(before, plan())
    made["spec"]["loss"]["normalized_by"] = "batch"
    checkpoint_with(made, tmp_path)
    with pytest.raises(ValueError, match="made with another spec of ssd128_tiny, which differs in loss"):
        open_model_dir(before, plan())


BOUND = {
    "batch_size": 16,
    "learning_rate": 0.25,
    "seed": 1,
    "lr_decay_epochs": (4, 6),
    "lr_schedule": "cosine",
    "ema_decay": 0.5,
    "precision": "bfloat16",
    "train_split": "other",
}


@pytest.mark.parametrize("name", BOUND)
def test_changed_setting_is_refused_by_name(before, tmp_path, name):
    with pytest.raises(
        ValueError, match=rf"ckpt-3 was made with other settings: --{name}=.* \(now .*\)\. Continue"
    ) as refused:
        open_model_dir(changed(before, **{name: BOUND[name]}), plan())
    assert str(refused.value).count("--") == 3  # the setting, --init_from and --model_dir


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("momentum", 0.8, "--momentum=0.9 (now 0.8)"),
        ("loss", "focal", "--loss=multibox (now focal)"),
        ("random_flip", False, "--random_flip=True (now False)"),
        ("sync_bn", True, "--sync_bn=False (now True)"),
    ],
    ids=["optimizer", "loss", "augment", "distribution"],
)
def test_changed_setting_of_a_group_is_refused_by_its_flag(before, name, value, text):
    with pytest.raises(ValueError, match="other settings") as refused:
        open_model_dir(changed(before, **{name: value}), plan())
    assert text in str(refused.value)


def test_all_changed_settings_are_named_at_once(before):
    with pytest.raises(ValueError, match=r"--learning_rate=0\.5 \(now 1\.0\), --seed=0 \(now 3\)"):
        open_model_dir(changed(before, seed=3, learning_rate=1.0), plan())


FREE = {
    "batch_splits": 2,
    "jit_compile": "off",
    "data_dir": "moved",
    "val_split": "val2",
    "epochs": 20,
    "eval_every_epochs": 1,
    "target_map": 0.2,
    "patience": 3,
    "log_every_steps": 1,
    "profile_steps": "1:2",
    "checkpoint_every_steps": 7,
    "keep_checkpoints": 5,
    "skip_bad_records": True,
    "strategy": "mirrored",
    "num_virtual_devices": 2,
    "input_service": "grpc://x:1",
}


@pytest.mark.parametrize("name", FREE)
def test_setting_that_the_numbers_do_not_depend_on_may_change(before, caplog, name):
    caplog.set_level(std_logging.INFO, logger="absl")
    open_model_dir(changed(before, **{name: FREE[name]}), plan())
    assert "other settings than before: --" in caplog.text


def test_cosine_run_keeps_its_length(tmp_path):
    first = train_config(**{**SETTINGS, "model_dir": str(tmp_path), "lr_schedule": "cosine"})
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    optimizer = SGD(momentum=0.9)
    optimizer.build(model.trainable_variables)
    Checkpoints(tmp_path, model, optimizer, made_with=made_with(first, plan())).save(3)
    open_model_dir(changed(first, log_every_steps=1), plan())
    with pytest.raises(ValueError, match=r"--epochs=10 \(now 20\)"):
        open_model_dir(changed(first, epochs=20), plan())


@pytest.mark.parametrize(
    "other",
    [
        plan(shards=SHARDS[:1]),
        plan(shards=(SHARDS[0], dataclasses.replace(SHARDS[1], head_sha256="ce"))),
        plan(images=88),
    ],
    ids=["fewer_shards", "other_contents", "more_images"],
)
def test_other_data_is_refused(before, other):
    with pytest.raises(ValueError, match=r"was made with other data: 80 training images .* in data\. Continue"):
        open_model_dir(before, other)


def test_other_classes_are_refused(before):
    with pytest.raises(ValueError, match="trained for other classes: 1 'circle'"):
        open_model_dir(before, plan(categories=(Category(2, "star"),)))


def test_new_folder_is_made(tmp_path):
    config = train_config(**{**SETTINGS, "model_dir": str(tmp_path / "a" / "b")})
    assert open_model_dir(config, plan()).is_dir()


def test_file_in_the_way_is_named(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(NotADirectoryError, match="/a, where a file is"):
        open_model_dir(train_config(**{**SETTINGS, "model_dir": str(tmp_path / "a")}), plan())


def test_finished_model_is_no_run_to_continue_with(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({**dataclasses.asdict(plan().info), "source": ["x.pth"]}))
    with pytest.raises(ValueError, match="start from it with --init_from="):
        open_model_dir(train_config(**{**SETTINGS, "model_dir": str(tmp_path)}), plan())


def test_part_of_a_run_is_not_logged_for_mlperf(before):
    with pytest.raises(ValueError, match="--mlperf_log: a run is logged from its first step on"):
        open_model_dir(changed(before, mlperf_log="log"), plan())


def test_setting_that_an_older_checkpoint_lacks_counts_as_changed():
    assert changed_settings({"seed": 1}, {"seed": 1, "new": 2}) == {"new": "--new=None (now 2)"}


def test_hash_of_shards_depends_on_their_order():
    assert shards_hash(plan().train_manifest) != shards_hash(plan(shards=SHARDS[::-1]).train_manifest)


def test_decisive_settings_are_those_that_never_change_in_a_run():
    found = decisive(flat_settings(train_config(**SETTINGS)))
    assert {"detector", "batch_size", "learning_rate", "momentum", "focal_gamma"} <= set(found)
    assert not {"model_dir", "data_dir", "epochs", "log_every_steps", "strategy", "profile_steps"} & set(found)
    assert found["lr_decay_epochs"] == (4, 5)
    assert "epochs" in decisive(flat_settings(train_config(**{**SETTINGS, "lr_schedule": "cosine"})))

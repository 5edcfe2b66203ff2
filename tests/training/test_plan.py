# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a run will do, from its settings and its data: steps, rates, evaluations, and settings that do not fit."""

import dataclasses

import pytest

import ssd_tf
from ssd_tf.data.annotations import Category, ClassCount
from ssd_tf.data.manifest import NOTHING_COUNTS, Manifest, describe_shard, save_manifest
from ssd_tf.settings import train_config
from ssd_tf.training.config import start_weights
from ssd_tf.training.plan import (
    data_notes,
    ends_epoch,
    evaluates,
    evaluation_epochs,
    logs,
    make_plan,
    make_schedule,
    mlperf_hyperparameters,
    saves,
)
from ssd_tf.training.schedule import Schedule, learning_rate
from ssd_tf.weights.model_info import ModelInfo
from tests.training.settings import SETTINGS


def config(**settings):
    return train_config(**{**SETTINGS, **settings})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("", "")),
        ({"init_from": "a", "detector": "ssd128_tiny"}, ("a", "")),
        ({"backbone_weights": "b.pth"}, ("", "b.pth")),
        ({"backbone_weights": "torchvision:resnet34"}, ("", "torchvision:resnet34")),
        ({"backbone_weights": "torchvision"}, ("", "torchvision:resnet34-333f7ec4")),
        ({"weights": "imagenet"}, ("", "torchvision:resnet34-333f7ec4")),
        ({"weights": "coco", "detector": "ssd300_vgg16_torchvision"}, ("torchvision:ssd300_vgg16", "")),
    ],
)
def test_words_for_published_weights_become_their_names(settings, expected):
    started = config(**{"detector": "ssd300_resnet34", **settings})
    assert start_weights(started, ssd_tf.spec(started.detector)) == expected


def prepare(folder, split, names=("circle", "star"), images=40, images_with_boxes=35):
    """A split with one shard, whose records nobody reads here."""
    path = folder / f"{split}.tfrecord"
    path.write_bytes(split.encode())
    classes = tuple(ClassCount(Category(10 * k, name), images, images) for k, name in enumerate(names, start=1))
    shards = (describe_shard(path, images),)
    save_manifest(Manifest(split, classes, images, images_with_boxes, 3, shards, {}, {}), folder)


@pytest.fixture
def data(tmp_path):
    """Splits train, of 4 batches of 8 in an epoch, and val."""
    prepare(tmp_path, "train")
    prepare(tmp_path, "val", images=20, images_with_boxes=15)
    return str(tmp_path)


def test_background_images_are_counted_and_noted(data):
    left_out, kept = config(data_dir=data), config(data_dir=data, keep_background_images=True)
    # 35 of 40 images have boxes; batches of 8.
    assert (make_plan(left_out).epoch_steps, make_plan(kept).epoch_steps) == (4, 5)
    start = "split 'train': 5 of 40 images have no objects and are "
    told = start + "left out; --keep_background_images trains on them"
    assert data_notes(left_out, make_plan(left_out)) == [told]
    assert data_notes(kept, make_plan(kept)) == [start + "trained on"]


def test_what_one_of_the_splits_lacks_is_noted(data, tmp_path):
    prepare(tmp_path, "train", images_with_boxes=40)
    settings = config(data_dir=data)
    assert data_notes(settings, make_plan(settings)) == []
    plan = make_plan(settings)
    circle, star = plan.val_manifest.classes
    findings = {"dropped": ["a"], "clipped": ["b", "c"], "missing": ["d.jpg"], NOTHING_COUNTS: ["..."]}
    classes = (circle, dataclasses.replace(star, boxes=0))
    val = dataclasses.replace(plan.val_manifest, classes=classes, findings=findings)
    assert data_notes(settings, dataclasses.replace(plan, val_manifest=val)) == [
        "classes with boxes in split 'train' and none in 'val': star",
        "split 'val': AP is of the cleaned boxes: 20 of 21, 2 of them clipped to their image",
        "split 'val': AP is of 20 of 21 images: the others cannot be read",
        "split 'val': nothing counts: no image has a box that is not a crowd, so AP is not defined",
    ]


@pytest.mark.parametrize(
    ("every", "extra", "last", "expected"),
    [
        (5, (), 20, (5, 10, 15, 20)),
        (5, (), 12, (5, 10, 12)),
        (5, (), 3, (3,)),
        (0, (), 7, (7,)),
        (0, (3, 5), 7, (3, 5, 7)),
        (5, (7, 5, 2), 10, (2, 5, 7, 10)),
        (1, (), 3, (1, 2, 3)),
    ],
    ids=["every", "rest", "shorter", "last_alone", "extra", "both", "each"],
)
def test_evaluation_epochs(every, extra, last, expected):
    # Ascending, each once, none beyond the last one, which is always among them.
    assert evaluation_epochs(config(eval_every_epochs=every, eval_epochs=extra), last) == expected


@pytest.mark.parametrize("epoch", [0, -1, 11])
def test_evaluation_after_an_epoch_that_the_run_does_not_have_is_refused(epoch):
    with pytest.raises(ValueError, match=rf"--eval_epochs: expected epochs from 1 to 10. Received: \(5, {epoch}\)"):
        evaluation_epochs(config(eval_epochs=(5, epoch)), 10)


def test_schedule_counts_in_steps():
    settings = config(lr_decay_epochs=(4, 6), lr_warmup_epochs=0.5, lr_warmup_factor=2, mlperf_warmup_quirk=True)
    assert make_schedule(settings, epoch_steps=100, total_steps=1000) == Schedule(
        base=0.5, decay_steps=(400, 600), warmup_steps=50, warmup_factor=2, mlperf_warmup_quirk=True, cosine_steps=0
    )


def test_warm_up_in_epochs_is_rounded_to_whole_steps():
    # 0.3 * 9 = 2.7 steps.
    assert make_schedule(config(lr_warmup_epochs=0.3), 9, 90).warmup_steps == 3
    assert make_schedule(config(lr_warmup_steps=7), 9, 90).warmup_steps == 7


def test_cosine_ends_with_the_run():
    schedule = make_schedule(config(lr_schedule="cosine", lr_decay_epochs=(4, 6)), epoch_steps=100, total_steps=1000)
    assert schedule.cosine_steps == 1000
    assert learning_rate(schedule, 500) == pytest.approx(0.25)
    assert learning_rate(schedule, 1000) == 0


def test_run_of_epochs(data):
    plan = make_plan(config(data_dir=data, lr_decay_epochs=(5,), eval_epochs=(7,)))
    # 35 images with boxes make 4 whole batches of 8.
    assert (plan.epoch_steps, plan.total_steps) == (4, 40)
    assert plan.eval_epochs == (5, 7, 10)
    assert plan.schedule.decay_steps == (20,)
    assert plan.spec.name == "ssd128_tiny"
    assert plan.info == ModelInfo(ssd_tf.spec("ssd128_tiny"), (Category(10, "circle"), Category(20, "star")))
    assert (plan.train_manifest.split, plan.val_manifest.split) == ("train", "val")


def test_run_of_steps_may_end_inside_an_epoch(data):
    plan = make_plan(config(data_dir=data, epochs=0, steps=22, lr_schedule="cosine"))
    # Step 22 is in the sixth epoch of 4 steps.
    assert (plan.total_steps, plan.eval_epochs, plan.schedule.cosine_steps) == (22, (5, 6), 22)


def test_splits_with_other_classes_are_refused(data, tmp_path):
    prepare(tmp_path, "val", names=("circle", "star", "moon"))
    with pytest.raises(ValueError, match=r"splits 'train' and 'val' in .* have different classes: 2 and 3 of them"):
        make_plan(config(data_dir=data))


def test_splits_with_the_same_number_of_other_classes_are_refused(data, tmp_path):
    prepare(tmp_path, "val", names=("star", "circle"))
    with pytest.raises(ValueError, match="have different classes: 2 and 2 of them; class "):
        make_plan(config(data_dir=data))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "expected either --epochs or --steps. Received: epochs=0, steps=0"),
        ({"steps": 5}, "expected either --epochs or --steps. Received: epochs=10, steps=5"),
        ({"lr_warmup_epochs": 0.5, "lr_warmup_steps": 5}, "at most one of --lr_warmup_epochs and --lr_warmup_steps"),
        ({"lr_decay_epochs": (6, 4)}, r"--lr_decay_epochs: expected ascending epochs. Received: \(6, 4\)"),
        ({"init_from": "a", "backbone_weights": "b"}, "at most one of --backbone_weights, --init_from. Received: 2 of"),
        ({"init_from": "a", "weights": "coco"}, "at most one of --weights, --init_from. Received: 2 of them"),
        ({"weights": "imagenet"}, "weights 'imagenet': expected one of ssd300_resnet34, .* Received: ssd128_tiny"),
        ({"backbone_weights": "torchvision"}, "weights 'imagenet': expected one of ssd300_resnet34, "),
        ({"init_from": "torchvision:ssd"}, "expected one of torchvision:ssd300_vgg16, "),
        ({"init_from": "torchvision:resnet34"}, "Received: torchvision:resnet34, a backbone alone"),
        ({"backbone_weights": "torchvision:vgg"}, "Received: torchvision:vgg"),
        ({"batch_splits": 3}, "--batch_splits: expected a divisor of --batch_size=8. Received: 3"),
        ({"batch_splits": 16}, "--batch_splits: expected a divisor of --batch_size=8. Received: 16"),
        (
            {"keep_background_images": True, "train_on_difficult": False},
            "--keep_background_images: expected --train_on_difficult",
        ),
        (
            {"mlperf_warmup_quirk": True, "lr_schedule": "cosine"},
            "--mlperf_warmup_quirk: expected --lr_schedule=step. Received: cosine",
        ),
        (
            {"batch_splits": 2, "sync_bn": True},
            "--batch_splits: expected 1 with --sync_bn, since replicas meet in batch norm. Received: 2",
        ),
        (
            {"jit_compile": "on", "sync_bn": True},
            "--jit_compile=on: expected --nosync_bn, since replicas meet in batch norm. Received: --sync_bn",
        ),
        (
            {"mlperf_log": "log.txt"},
            "--mlperf_log: expected --detector=ssd300_resnet34. Received: ssd128_tiny",
        ),
        (
            {"mlperf_log": "log.txt", "detector": "ssd300_resnet34", "epochs": 0, "steps": 5},
            "--mlperf_log: expected a run of whole --epochs. Received: --steps",
        ),
        (
            {"mlperf_log": "log.txt", "detector": "ssd300_resnet34", "target_map": 0.2},
            "--mlperf_log: expected --target_map=0.23 or more. Received: 0.2",
        ),
        (
            {
                "mlperf_log": "log.txt",
                "detector": "ssd300_resnet34",
                "target_map": 0.23,
                "ema_decay": 0.9,
                "loss": "focal",
            },
            "--mlperf_division=closed: expected the reference's training. Received: another --loss, --ema_decay, which",
        ),
        *(
            (
                {"mlperf_log": "log.txt", "detector": "ssd300_resnet34", "target_map": 0.23, name: value},
                f"--mlperf_division=closed: expected the reference's training. Received: another --{name}, which",
            )
            for name, value in (("augmentation", "ssd"), ("mosaic", 0.5), ("mixup", 0.1), ("double_bias_rate", True))
        ),
        (
            {"optimizer": "adamw", "learning_rate": 1e-4, "double_bias_rate": True},
            "--double_bias_rate: expected --optimizer=sgd. Received: adamw",
        ),
        ({"mosaic": 1.5}, "--mosaic: expected from 0.0 to 1.0. Received: 1.5"),
        ({"detector": "ssd9000"}, "unknown detector 'ssd9000'"),
        ({"class_weights": (1.0,) * 3}, "class_weights: expected 2, one a class. Received: 3"),
        ({"loss": "hinge"}, "--loss: expected one of multibox, focal. Received: hinge"),
        ({"batch_size": 36}, "batch size 36 is larger than split 'train', which has 35 images with boxes"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(data, settings, message):
    with pytest.raises(ValueError, match=message):
        make_plan(config(data_dir=data, **settings))


def test_split_that_was_not_prepared_is_refused(data):
    with pytest.raises(FileNotFoundError, match="split 'test' has not been prepared"):
        make_plan(config(data_dir=data, val_split="test"))


def test_settings_that_do_fit_are_taken(data):
    for settings in (
        {"mlperf_log": "log.txt", "detector": "ssd300_resnet34", "target_map": 0.23},
        {
            "mlperf_log": "log.txt",
            "mlperf_division": "open",
            "detector": "ssd300_resnet34",
            "target_map": 0.3,
            "ema_decay": 0.9,
            "mixup": 0.1,
        },
        {"batch_splits": 4},
        {"loss": "focal", "class_weights": (1.0, 2.0)},
        {"init_from": "somewhere"},
    ):
        assert make_plan(config(data_dir=data, **settings)).total_steps == 40


def test_hyperparameters_are_those_of_the_run_under_the_rules_names(data):
    # The reference's recipe for 8 devices, but for the batch, which the data set here has to fill.
    settings = config(
        data_dir=data,
        detector="ssd300_resnet34",
        epochs=70,
        batch_size=16,
        batch_splits=2,
        learning_rate=3e-3,
        weight_decay=1.3e-4,
        lr_decay_epochs=(44, 55),
        lr_warmup_epochs=2.5,
        lr_warmup_factor=2,
        seed=17,
        crop_tries=50,
    )
    assert mlperf_hyperparameters(settings, make_plan(settings), replicas=4) == {
        "seed": 17,
        # Images with boxes of the one split, all images of the other.
        "train_samples": 35,
        "eval_samples": 20,
        "max_samples": 50,
        "global_batch_size": 16,
        "gradient_accumulation_steps": 2,
        # Batch norm sees half of a replica's four images.
        "model_bn_span": 2,
        "opt_base_learning_rate": 3e-3,
        "opt_weight_decay": 1.3e-4,
        # 2.5 epochs of 2 steps.
        "opt_learning_rate_warmup_steps": 5,
        "opt_learning_rate_warmup_factor": 2,
        "opt_learning_rate_decay_boundary_epochs": [44, 55],
    }


def due(data, rule, **settings):
    """The steps after which the rule says that something is due, in a run with epochs of 4 steps."""
    given = config(data_dir=data, **settings)
    plan = make_plan(given)
    return [step for step in range(1, plan.total_steps + 1) if rule(given, plan, step)]


def test_epochs_end_after_their_last_step(data):
    assert due(data, lambda _, plan, step: ends_epoch(plan, step), epochs=0, steps=10) == [4, 8]


def test_lines_are_due_every_so_many_steps_and_at_the_end(data):
    assert due(data, logs, epochs=0, steps=10, log_every_steps=4) == [4, 8, 10]


@pytest.mark.parametrize(
    ("settings", "expected"),
    # 14 steps are three epochs and a half: the end counts as an epoch.
    [({"eval_every_epochs": 2}, [8, 14]), ({"eval_every_epochs": 0}, [14]), ({"eval_epochs": (1,)}, [4, 14])],
    ids=["every_second", "at_the_end", "named"],
)
def test_evaluations_are_due_after_their_epochs_and_at_the_end(data, settings, expected):
    assert due(data, lambda _, plan, step: evaluates(plan, step), epochs=0, steps=14, **settings) == expected


@pytest.mark.parametrize(
    ("epochs", "steps", "expected"),
    [(1, 0, [4, 8, 10]), (2, 0, [8, 10]), (0, 0, [10]), (0, 3, [3, 6, 9, 10]), (2, 3, [3, 6, 8, 9, 10])],
    ids=["each_epoch", "every_second", "at_the_end", "steps", "both"],
)
def test_checkpoints_are_due_by_epochs_and_by_steps_and_at_the_end(data, epochs, steps, expected):
    settings = {"checkpoint_every_epochs": epochs, "checkpoint_every_steps": steps}
    assert due(data, saves, epochs=0, steps=10, **settings) == expected

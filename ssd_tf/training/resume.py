# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What must be the same when a run continues: its model, its data, and the settings that its numbers depend on."""

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

from absl import logging

from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import images_of_epoch
from ssd_tf.settings import TrainConfig, setting_fields
from ssd_tf.specs import differences, spec_from_json, spec_to_json
from ssd_tf.training.checkpoints import read_made_with
from ssd_tf.training.config import named_settings
from ssd_tf.training.plan import Plan
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import make_folder
from ssd_tf.weights.model_dir import CHECKPOINTS
from ssd_tf.weights.model_info import CONFIG, load_info, load_settings, require_same_model

# May change: they say where things are, how long the run is, what is reported and kept, and who computes it.
_FREE = {
    *("data_dir", "model_dir", "val_split", "epochs", "steps", "weights", "backbone_weights", "init_from"),
    *(
        "eval_every_epochs",
        "eval_epochs",
        "eval_batch_size",
        "target_map",
        "patience",
        "log_every_steps",
        "profile_steps",
    ),
    *("checkpoint_every_epochs", "checkpoint_every_steps", "keep_checkpoints", "skip_bad_records"),
    *("strategy", "num_virtual_devices", "input_service", "batch_splits", "jit_compile"),
    *("mlperf_log", "mlperf_org", "mlperf_platform", "mlperf_division", "mlperf_status"),
}
# The cosine schedule depends on the length of the run.
_LENGTH = {"epochs", "steps"}


def made_with(config: TrainConfig, plan: Plan) -> dict[str, Any]:
    """What a checkpoint says of its run: settings by flag, the detector's spec, and the training data."""
    data = {
        "images": images_of_epoch(plan.train_manifest, config.keep_background_images),
        "epoch_steps": plan.epoch_steps,
        "shards": shards_hash(plan.train_manifest),
    }
    # As JSON gives it back, so that what was saved and what is now can be compared.
    return json.loads(
        json.dumps({"settings": named_settings(config), "spec": spec_to_json(plan.info.spec), "data": data})
    )


def decisive(settings: dict[str, Any]) -> dict[str, Any]:
    """Of the settings by flag those that the numbers of a run depend on, which never change when it continues."""
    free = free_settings(settings["lr_schedule"])
    return {name: value for name, value in settings.items() if name not in free}


def free_settings(lr_schedule: str) -> set[str]:
    """The flags that may change when a run continues."""
    return _FREE - (_LENGTH if lr_schedule == "cosine" else set())


def shards_hash(manifest: Manifest) -> str:
    """Identifies a set of shards."""
    shards = [dataclasses.astuple(shard) for shard in manifest.shards]
    return hashlib.sha256(json.dumps(shards).encode()).hexdigest()


def open_model_dir(config: TrainConfig, plan: Plan) -> pathlib.Path:
    """Makes the folder, or checks that the run in it can continue with these settings and data.

    Raises:
      ValueError: it cannot; the message says which settings differ.
      NotADirectoryError: a file is in the way.
    """
    model_dir = pathlib.Path(config.model_dir)
    make_folder(model_dir)
    if (model_dir / CONFIG).is_file():
        require_same_model(model_dir, load_info(model_dir), plan.info)
        if load_settings(model_dir) is None:
            raise UserError(
                f"{model_dir} holds a finished model, not a run: start from it with --init_from={model_dir}"
            )
    found = read_made_with(model_dir)
    if found:
        _require_same_run(found[0], found[1], made_with(config, plan), config)
    if config.submission.mlperf_log and (model_dir / CHECKPOINTS).is_dir():
        raise UserError(
            f"--mlperf_log: a run is logged from its first step on, and {model_dir} holds a part of one; continue "
            "without a log, or log a new run in another --model_dir"
        )
    return model_dir


def _require_same_run(checkpoint: str, before: dict[str, Any], now: dict[str, Any], config: TrainConfig) -> None:
    if not before:
        return  # it was not written by a training run
    free = free_settings(config.schedule.lr_schedule)
    # A setting that is younger than the checkpoint had its default.
    defaults = {name: field.default for name, field in setting_fields().items()}
    changed = changed_settings({**json.loads(json.dumps(defaults)), **before["settings"]}, now["settings"])
    bound = {name: text for name, text in changed.items() if name not in free}
    if bound:
        raise UserError(
            f"{checkpoint} was made with other settings: {', '.join(bound.values())}. Continue with those, or start "
            f"a new run with --init_from={checkpoint} and another --model_dir"
        )
    # A checkpoint of before specs were kept has a name only, and the same name is required above.
    if "spec" in before and (fields := differences(spec_from_json(before["spec"]), spec_from_json(now["spec"]))):
        raise UserError(
            f"{checkpoint} was made with another spec of {now['settings']['detector']}, which differs in "
            f"{', '.join(fields)}. Use that spec, or start a new run in another --model_dir"
        )
    if before["data"] != now["data"]:
        raise UserError(
            f"{checkpoint} was made with other data: {before['data']['images']} training images in other shards than "
            f"the {now['data']['images']} in {config.data_dir}. Continue with those, or start a new run with "
            f"--init_from={checkpoint} and another --model_dir"
        )
    if changed:
        logging.warning("other settings than before: %s", ", ".join(changed.values()))


def changed_settings(before: dict[str, Any], now: dict[str, Any]) -> dict[str, str]:
    """The settings that differ, by name, each with a text such as "--seed=1 (now 2)". An absent one is null."""
    names = sorted({*before, *now})
    return {
        name: f"--{name}={before.get(name)} (now {now.get(name)})"
        for name in names
        if before.get(name) != now.get(name)
    }

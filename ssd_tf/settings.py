# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The settings of a training run: each with its default, its range and its help in one place.

The flags of `train` are made from these fields. A flag has the name of its field, whatever the group, so no two groups
share a name. `training/config.py` checks what must hold among them.
"""

import dataclasses
import difflib
import os
import typing
from typing import Any

from ssd_tf.specs import DetectorSpec
from ssd_tf.specs.encoding import decoded
from ssd_tf.utils.errors import UserError

EPOCHS = 70
# MLPerf ssd-v1: the learning rate of a batch of 32, which grows with the batch.
LEARNING_RATE = 2.5e-3
LEARNING_RATE_BATCH = 32
# Epochs from which on random crops are worth it: they help where images would be learnt by heart; in shorter runs they
# made AP lower, or no higher (docs/training.md).
CROPPED_EPOCHS = 25


def setting(
    default: Any,
    help_text: str,
    *,
    lower: float | None = None,
    upper: float | None = None,
    choices: tuple[str, ...] = (),
    required: bool = False,
    path: bool = False,
) -> Any:
    """A field of a settings dataclass. `required` is for programs: Python may fill it in later. `path`: a file or a
    folder."""
    metadata = {"help": help_text, "lower": lower, "upper": upper, "choices": choices}
    metadata |= {"required": required, "path": path}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """The update of the weights. AdamW keeps its usual betas, 0.9 and 0.999; its weight decay is decoupled."""

    optimizer: str = setting("sgd", "How weights are updated; adamw wants a --learning_rate.", choices=("sgd", "adamw"))
    momentum: float = setting(0.9, "Of SGD.", lower=0.0, upper=1.0)
    weight_decay: float = setting(5e-4, "On every parameter, as in the reference.", lower=0.0)
    decay_bias_and_norm: bool = setting(True, "Weight decay on biases and batch norm as well, as in the reference.")
    double_bias_rate: bool = setting(False, "Twice the learning rate for biases, as Caffe's SSD; of SGD.")
    clip_gradient_norm: float = setting(0.0, "Scale gradients down to this norm over all of them; 0: never.", lower=0.0)


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """The learning rate over time."""

    learning_rate: float | None = setting(
        None, "After warm-up, before decay; by default the reference's 2.5e-3 * batch_size / 32.", lower=0.0
    )
    lr_schedule: str = setting(
        "step", "Decay by --lr_decay_epochs, or down to 0 at the end.", choices=("step", "cosine")
    )
    lr_decay_epochs: tuple[int, ...] = setting((40, 50), "Epochs after which the learning rate is divided by 10.")
    lr_warmup_epochs: float = setting(0.0, "Length of the linear warm-up, in epochs.", lower=0.0)
    lr_warmup_steps: int = setting(0, "Length of the linear warm-up in steps, instead.", lower=0)
    lr_warmup_factor: int = setting(0, "The warm-up starts at learning_rate * (1 - 2**-factor).", lower=0)
    mlperf_warmup_quirk: bool = setting(
        False, "Stay at the last warm-up value until the first decay, as the reference."
    )


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """What `multibox_loss_parts` computes; the default is the reference's loss."""

    loss: str = setting("multibox", "Hard negative mining, or the focal loss.", choices=("multibox", "focal"))
    focal_gamma: float = setting(2.0, "Of the focal loss: how little confident anchors count.", lower=0.0)
    focal_alpha: float = setting(
        0.25, "Of the focal loss: the weight of positives, 1 - alpha of negatives.", lower=0.0, upper=1.0
    )
    class_weights: tuple[float, ...] = setting(
        (), "Weight of each class in the classification loss, in the order of the classes; empty: 1 for each."
    )


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """What is done to training images and their boxes. Switches turn parts of the named augmentation off."""

    augmentation: str = setting(
        "mlperf",
        "Whose: MLPerf's; torchvision's for SSD or SSDLite; amdegroot's; or none. See docs/training.md.",
        choices=("mlperf", "ssd", "ssdlite", "amdegroot", "none"),
    )
    zoom_out: bool = setting(True, "Augment by making images a part of a larger one, where the augmentation does.")
    random_crop: bool = setting(True, "Augment with SSD's random crop.")
    crop_tries: int = setting(1, "Windows tried for each minimum IoU of MLPerf's random crop.", lower=1)
    random_flip: bool = setting(True, "Augment by mirroring half of the images.")
    color_jitter: bool = setting(True, "Augment brightness, contrast, saturation and hue, where the augmentation does.")
    mosaic: float = setting(
        0.0,
        "Make this part of the images of four, one in each corner; for small data sets.",
        lower=0.0,
        upper=1.0,
    )
    mixup: float = setting(
        0.0, "Let another image shine through this part of the images; for small data sets.", lower=0.0, upper=1.0
    )
    train_on_difficult: bool = setting(True, "Train on the objects that VOC marks as difficult, as Caffe's SSD does.")


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """When the run evaluates, and when it stops for it."""

    eval_every_epochs: int = setting(5, "Evaluate after so many epochs; 0: see --eval_epochs.", lower=0)
    eval_epochs: tuple[int, ...] = setting(
        (), "Evaluate after these epochs too; there is always an evaluation at the end."
    )
    eval_batch_size: int = setting(0, "Images in an evaluation step; 0 takes batch_size.", lower=0)
    target_map: float = setting(0.0, "Stop when an evaluation reaches this AP; 0: never.", lower=0.0, upper=1.0)
    patience: int = setting(
        0, "Stop when so many evaluations in a row have not reached a higher AP than before; 0: never.", lower=0
    )


@dataclasses.dataclass(frozen=True)
class CheckpointConfig:
    """When the run saves, and what it keeps. The end is always saved."""

    checkpoint_every_epochs: int = setting(1, "Save after so many epochs; 0: at the end only.", lower=0)
    checkpoint_every_steps: int = setting(0, "Save after so many steps too; 0: see above.", lower=0)
    keep_checkpoints: int = setting(2, "Keep so many checkpoints, the latest ones.", lower=1)


@dataclasses.dataclass(frozen=True)
class DistributionConfig:
    """Devices and machines."""

    strategy: str = setting(
        "auto",
        "auto: the machines of TF_CONFIG or SLURM, else all GPUs, else the CPU. See docs/distributed.md.",
        choices=("auto", "one_device", "mirrored", "multi_worker"),
    )
    num_virtual_devices: int = setting(0, "Cut the CPU into so many, to try --strategy=mirrored.", lower=0)
    sync_bn: bool = setting(False, "Batch norm over the whole batch instead of each device's part.")
    input_service: str = setting("", "Load the batches in this tf.data service, grpc://HOST:PORT.")


@dataclasses.dataclass(frozen=True)
class SubmissionConfig:
    """MLPerf's log: its file, empty for no log, and the words that the rules ask for."""

    mlperf_log: str = setting("", "Write the events that MLPerf training v1.1 asks for to this file.", path=True)
    mlperf_org: str = setting("ssd_tf", "Who submits.")
    mlperf_platform: str = setting("unnamed", "The machine's name.")
    mlperf_division: str = setting("closed", "The division of the submission.", choices=("closed", "open"))
    mlperf_status: str = setting("onprem", "What the machine is.", choices=("cloud", "onprem", "preview", "research"))


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """A run of `train`. The defaults are the MLPerf reference's, but for warm-up, target and ImageNet weights."""

    detector: str | DetectorSpec = setting(  # noqa: RUF009 - it is a field
        "ssd300_resnet34", "The detector's name, or a .json file with its spec.", path=True
    )
    image_size: int = setting(
        0, "Side of the model's input in pixels, for the ssdlite320 detectors, such as 512; 0: the detector's.", lower=0
    )
    data_dir: str = setting("", "The folder that `prepare` wrote.", required=True, path=True)
    model_dir: str = setting(
        "", "The run's folder: checkpoints, metrics, TensorBoard events.", required=True, path=True
    )
    train_split: str = setting("train", "Split to train on.")
    val_split: str = setting("val", "Split to evaluate on.")
    weights: str = setting(
        "",
        "Download weights to start from: a detector's trained on COCO, or a backbone's trained on ImageNet.",
        choices=("", "coco", "imagenet"),
    )
    backbone_weights: str = setting(
        "",
        "Start the backbone from this file (.pth, .safetensors, .npz), checkpoint, model_dir or torchvision:NAME; "
        "`torchvision` alone is --weights=imagenet.",
        path=True,
    )
    init_from: str = setting(
        "",
        "Start all weights from this file, checkpoint, model_dir or torchvision:NAME; the heads stay fresh where it "
        "is for other classes.",
        path=True,
    )
    freeze_backbone_stages: int = setting(
        0, "Do not train the stem and so many residual stages; 0: train all.", lower=0
    )
    precision: str = setting("auto", "What the layers compute in.", choices=("auto", "float32", "bfloat16"))
    jit_compile: str = setting(
        "auto", "Compile forward and backward with XLA; auto: on GPUs.", choices=("auto", "on", "off")
    )
    seed: int = setting(0, "Of the weights, the order of examples and the augmentation.", lower=0)
    batch_size: int = setting(32, "Images in a step, over all devices and machines.", lower=1)
    batch_splits: int = setting(1, "Parts that a device's batch goes through the model in, to save memory.", lower=1)
    epochs: int = setting(0, f"Length of the run; {EPOCHS} where --steps is not set either.", lower=0)
    steps: int = setting(0, "Length of the run in steps, instead of --epochs.", lower=0)
    ema_decay: float = setting(
        0.0, "Evaluate and keep a moving average of the weights with this decay, such as 0.9998; 0: none.", lower=0.0
    )
    keep_background_images: bool = setting(
        False, "Train on images without objects too, each with hard negatives as of one object."
    )
    skip_bad_records: bool = setting(False, "Continue over records that cannot be read, instead of stopping.")
    log_every_steps: int = setting(20, "Report loss and speed after so many steps.", lower=1)
    profile_steps: str = setting("", "Profile the steps FIRST:LAST, such as 100:110, for TensorBoard.")
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentConfig = AugmentConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    checkpoints: CheckpointConfig = CheckpointConfig()
    distribution: DistributionConfig = DistributionConfig()
    submission: SubmissionConfig = SubmissionConfig()


def setting_fields() -> dict[str, dataclasses.Field]:
    """Every setting by the name of its flag, those of the groups beside the others, in the order of the classes."""
    found: dict[str, dataclasses.Field] = {}
    for field in dataclasses.fields(TrainConfig):
        if _is_group(field):
            group: Any = field.default
            found.update({inner.name: inner for inner in dataclasses.fields(group)})
        else:
            found[field.name] = field
    return found


def train_config(**settings: Any) -> TrainConfig:
    """A TrainConfig from settings by the names of their flags, each put into its group; the rest at their defaults.

    A group may also be given whole, by the name of its field, such as augment=AugmentConfig(random_crop=False).

    Raises:
      ValueError: there is no setting of that name (the message lists the nearest), or a value is of a wrong type.
    """
    groups: dict[str, Any] = {
        field.name: field.default for field in dataclasses.fields(TrainConfig) if _is_group(field)
    }
    # Two groups have the name of a setting in them: optimizer, loss.
    whole = {
        name: value for name, value in settings.items() if name in groups and isinstance(value, type(groups[name]))
    }
    single = {name: value for name, value in settings.items() if name not in whole}
    known = list(setting_fields())
    for name in single:
        if name not in known:
            near = difflib.get_close_matches(name, [*known, *groups], n=3, cutoff=0.5)
            raise UserError(f"there is no setting {name}. The nearest: {', '.join(near or known)}")
    values: dict[str, Any] = {}
    for field in dataclasses.fields(TrainConfig):
        if field.name in groups:
            base: Any = whole.get(field.name, groups[field.name])
            inner = {f.name: single[f.name] for f in dataclasses.fields(base) if f.name in single}
            values[field.name] = dataclasses.replace(base, **inner)
        elif field.name in single:
            values[field.name] = single[field.name]
    config = TrainConfig(**values)
    check_types(config)
    return config


def check_types(config: TrainConfig) -> None:
    """Raises ValueError where a setting is not of its type, or a group is something else."""
    kinds = typing.get_type_hints(TrainConfig) | {"detector": str}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if _is_group(field):
            if not isinstance(value, type(field.default)):
                raise UserError(f"{field.name}: expected a {type(field.default).__name__}. Received: {value!r}")
            for name, kind in typing.get_type_hints(type(value)).items():
                _check_type(kind, name, getattr(value, name))
        elif not isinstance(value, DetectorSpec):
            _check_type(kinds[field.name], field.name, value)


def _check_type(kind: Any, name: str, value: Any) -> None:
    if kind is str and isinstance(value, os.PathLike):
        return
    decoded(kind, list(value) if isinstance(value, tuple) else value, f"--{name}", build=False)


def _is_group(field: dataclasses.Field) -> bool:
    return dataclasses.is_dataclass(field.default)


def flat_settings(config: TrainConfig) -> dict[str, Any]:
    """Every setting under the name of its flag; what the groups hold stands beside the rest."""
    settings: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        group = dataclasses.is_dataclass(field.default)  # a spec is a dataclass too, and one setting
        settings.update(dataclasses.asdict(value) if group else {field.name: value})
    return settings

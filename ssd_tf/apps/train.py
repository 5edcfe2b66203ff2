# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Trains a detector on a prepared data set; run again with the same --model_dir, it goes on where it stopped.

python train.py --flagfile=flags/mlperf.cfg --data_dir=data --model_dir=runs/mlperf
"""

import dataclasses
import signal
from typing import Any

from absl import flags, logging

from ssd_tf.apps import cli
from ssd_tf.specs import DETECTORS

FLAGS = flags.FLAGS
# Data and model.
flags.DEFINE_string("detector", "ssd300_resnet34", f"One of: {', '.join(DETECTORS)}.")
flags.DEFINE_string("data_dir", None, "The folder that `prepare` wrote.", required=True)
flags.DEFINE_string("model_dir", None, "The run's folder: checkpoints, metrics, TensorBoard events.", required=True)
flags.DEFINE_string("train_split", "train", "Split to train on.")
flags.DEFINE_string("val_split", "val", "Split to evaluate on.")
flags.DEFINE_string(
    "backbone_weights",
    "",
    "Start the backbone from this file (.pth, .safetensors, .npz), checkpoint or model_dir; `torchvision` downloads "
    "the ImageNet weights that MLPerf starts from.",
)
flags.DEFINE_string("init_from", "", "Start all weights from this file, checkpoint or model_dir.")
flags.DEFINE_integer(
    "freeze_backbone_stages", 0, "Do not train the stem and so many residual stages; 0: train all.", lower_bound=0
)
flags.DEFINE_enum("precision", "auto", ["auto", "float32", "bfloat16"], "What the layers compute in.")
flags.DEFINE_integer("seed", 0, "Of the weights, the order of examples and the augmentation.", lower_bound=0)
# Length and batch.
flags.DEFINE_integer("batch_size", 32, "Images in a step, over all devices and machines.", lower_bound=1)
flags.DEFINE_integer(
    "batch_splits", 1, "Parts that a device's batch goes through the model in, to save memory.", lower_bound=1
)
flags.DEFINE_integer("epochs", 0, "Length of the run; 70 where --steps is not set either.", lower_bound=0)
flags.DEFINE_integer("steps", 0, "Length of the run in steps, instead of --epochs.", lower_bound=0)
# Update.
flags.DEFINE_enum("optimizer", "sgd", ["sgd", "adamw"], "How weights are updated; adamw wants a --learning_rate.")
flags.DEFINE_float(
    "learning_rate", None, "After warm-up, before decay; by default the reference's 2.5e-3 * batch_size / 32.", 0.0
)
flags.DEFINE_float("momentum", 0.9, "Of SGD.", 0.0, 1.0)
flags.DEFINE_float("weight_decay", 5e-4, "On every parameter, as in the reference.", 0.0)
flags.DEFINE_bool("decay_bias_and_norm", True, "Weight decay on biases and batch norm as well, as in the reference.")
flags.DEFINE_float("clip_gradient_norm", 0.0, "Scale gradients down to this norm over all of them; 0: never.", 0.0)
flags.DEFINE_float(
    "ema_decay", 0.0, "Evaluate and keep a moving average of the weights with this decay, such as 0.9998; 0: none.", 0.0
)
flags.DEFINE_enum("lr_schedule", "step", ["step", "cosine"], "Decay by --lr_decay_epochs, or down to 0 at the end.")
flags.DEFINE_list("lr_decay_epochs", ["40", "50"], "Epochs after which the learning rate is divided by 10.")
flags.DEFINE_float("lr_warmup_epochs", 0.0, "Length of the linear warm-up, in epochs.", 0.0)
flags.DEFINE_integer("lr_warmup_steps", 0, "Length of the linear warm-up in steps, instead.", lower_bound=0)
flags.DEFINE_integer("lr_warmup_factor", 0, "The warm-up starts at learning_rate * (1 - 2**-factor).", lower_bound=0)
flags.DEFINE_bool(
    "mlperf_warmup_quirk", False, "Stay at the last warm-up value until the first decay, as the reference."
)
# Loss.
flags.DEFINE_enum("loss", "multibox", ["multibox", "focal"], "Hard negative mining, or the focal loss.")
flags.DEFINE_float("focal_gamma", 2.0, "Of the focal loss: how little sure anchors count.", 0.0)
flags.DEFINE_float("focal_alpha", 0.25, "Of the focal loss: the weight of positives, 1 - alpha of negatives.", 0.0, 1.0)
flags.DEFINE_list("class_weights", [], "Weight of each class in the classification loss, in the order of the classes.")
# Augmentation.
flags.DEFINE_bool("random_crop", True, "Augment with SSD's random crop.")
flags.DEFINE_integer("crop_tries", 1, "Windows tried for each minimum IoU of the random crop.", lower_bound=1)
flags.DEFINE_bool("random_flip", True, "Augment by mirroring half of the images.")
flags.DEFINE_bool("color_jitter", True, "Augment brightness, contrast, saturation and hue.")
# Evaluation, checkpoints, reports.
flags.DEFINE_integer("eval_every_epochs", 5, "Evaluate after so many epochs; 0: see --eval_epochs.", lower_bound=0)
flags.DEFINE_list("eval_epochs", [], "Evaluate after these epochs too; there is always an evaluation at the end.")
flags.DEFINE_integer("eval_batch_size", 0, "Images in an evaluation step; 0 takes batch_size.", lower_bound=0)
flags.DEFINE_float("target_map", 0.0, "Stop when an evaluation reaches this AP; 0: never.", 0.0, 1.0)
flags.DEFINE_integer("checkpoint_every_epochs", 1, "Save after so many epochs; 0: at the end only.", lower_bound=0)
flags.DEFINE_integer("checkpoint_every_steps", 0, "Save after so many steps too; 0: see above.", lower_bound=0)
flags.DEFINE_integer("keep_checkpoints", 2, "So many checkpoints stay, the newest ones.", lower_bound=1)
flags.DEFINE_integer("log_every_steps", 20, "Report loss and speed after so many steps.", lower_bound=1)
flags.DEFINE_string("profile_steps", "", "Profile the steps FIRST:LAST, such as 100:110, for TensorBoard.")
# Devices and machines.
flags.DEFINE_enum(
    "strategy",
    "auto",
    ["auto", "one_device", "mirrored", "multi_worker"],
    "auto: the machines of TF_CONFIG or SLURM, else all GPUs, else the CPU. See docs/distributed.md.",
)
flags.DEFINE_integer("num_virtual_devices", 0, "Cut the CPU into so many, to try --strategy=mirrored.", lower_bound=0)
flags.DEFINE_bool("sync_bn", False, "Batch norm over the whole batch instead of each device's part.")
flags.DEFINE_string("input_service", "", "Load the batches in this tf.data service, grpc://HOST:PORT.")
flags.DEFINE_bool("skip_bad_records", False, "Go on over records that cannot be read, instead of stopping.")
# MLPerf.
flags.DEFINE_string("mlperf_log", "", "Write the events that MLPerf training v1.1 asks for to this file.")
flags.DEFINE_string("mlperf_org", "ssd_tf", "Who submits.")
flags.DEFINE_string("mlperf_platform", "unnamed", "The machine's name.")
flags.DEFINE_enum("mlperf_division", "closed", ["closed", "open"], "The division of the submission.")
flags.DEFINE_enum("mlperf_status", "onprem", ["cloud", "onprem", "preview", "research"], "What the machine is.")


def main() -> int:
    from ssd_tf.distributed.workers import WorkerLostError
    from ssd_tf.training.loop import train

    # Until there are steps to save; a handler in Python would wait as long as TensorFlow waits for other machines.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        outcome = train(config_from_flags())
    except WorkerLostError as error:
        cli.leave(cli.EXIT_INTERRUPTED, error)
    if outcome.interrupted:
        how = "the same command without --mlperf_log" if FLAGS.mlperf_log else "the same command"
        logging.warning("interrupted at step %d; run %s to go on", outcome.step, how)
        return cli.EXIT_INTERRUPTED
    if outcome.metrics:
        print(f"AP {outcome.metrics['AP']:.4f}  AP50 {outcome.metrics['AP50']:.4f}  model in {FLAGS.model_dir}")
    else:
        print(f"nothing left to do at step {outcome.step}; model in {FLAGS.model_dir}")
    return cli.EXIT_OK


def config_from_flags():
    """The TrainConfig that the flags make; each setting is a flag of the same name."""
    from ssd_tf.data.pipeline import AugmentConfig
    from ssd_tf.distributed.strategy import DistributionConfig
    from ssd_tf.models.losses import LossConfig
    from ssd_tf.training.config import TrainConfig
    from ssd_tf.training.mlperf_log import SubmissionConfig
    from ssd_tf.training.monitoring.profiling import parse_steps
    from ssd_tf.training.optimizer import OptimizerConfig

    settings = _settings(TrainConfig)
    settings.update(
        epochs=FLAGS.epochs or (0 if FLAGS.steps else 70),
        lr_decay_epochs=_numbers("lr_decay_epochs", int),
        eval_epochs=_numbers("eval_epochs", int),
        profile_steps=parse_steps(FLAGS.profile_steps),
        optimizer=OptimizerConfig(**_settings(OptimizerConfig)),
        loss=LossConfig(**{**_settings(LossConfig), "class_weights": _numbers("class_weights", float)}),
        augment=AugmentConfig(**_settings(AugmentConfig)),
        distribution=DistributionConfig(**_settings(DistributionConfig)),
        submission=SubmissionConfig(**_settings(SubmissionConfig)),
    )
    if settings["learning_rate"] is None:
        if FLAGS.optimizer != "sgd":
            raise ValueError(f"--optimizer={FLAGS.optimizer}: expected a --learning_rate; 1e-4 is a usual one")
        settings["learning_rate"] = 2.5e-3 * FLAGS.batch_size / 32
    return TrainConfig(**settings)


def _settings(config_class: type) -> dict[str, Any]:
    return {field.name: FLAGS[field.name].value for field in dataclasses.fields(config_class) if field.name in FLAGS}


def _numbers(flag: str, number: type[int] | type[float]) -> tuple[Any, ...]:
    try:
        return tuple(number(text) for text in FLAGS[flag].value or ())
    except ValueError:
        kind = "whole numbers" if number is int else "numbers"
        raise ValueError(f"--{flag}: expected {kind}. Received: {FLAGS[flag].value}") from None


if __name__ == "__main__":
    cli.run(main)

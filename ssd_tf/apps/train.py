# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Trains a detector on a prepared data set; run again with the same --model_dir, it goes on where it stopped.

python train.py --flagfile=flags/mlperf.cfg --data_dir=data --model_dir=runs/mlperf
"""

import dataclasses
from typing import Any

from absl import flags, logging

from ssd_tf.apps import cli
from ssd_tf.detectors import DETECTORS

FLAGS = flags.FLAGS
flags.DEFINE_string("detector", "ssd300_resnet34", f"One of: {', '.join(DETECTORS)}.")
flags.DEFINE_string("data_dir", None, "The folder that `prepare` wrote.", required=True)
flags.DEFINE_string("model_dir", None, "The run's folder: checkpoints, metrics, TensorBoard events.", required=True)
flags.DEFINE_string("train_split", "train", "Split to train on.")
flags.DEFINE_string("val_split", "val", "Split to evaluate on.")
flags.DEFINE_integer("batch_size", 32, "Images in a step.", lower_bound=1)
flags.DEFINE_integer("epochs", 0, "Length of the run; 70 where --steps is not set either.", lower_bound=0)
flags.DEFINE_integer("steps", 0, "Length of the run in steps, instead of --epochs.", lower_bound=0)
flags.DEFINE_float(
    "learning_rate", None, "After warm-up, before decay; by default the reference's 2.5e-3 * batch_size / 32.", 0.0
)
flags.DEFINE_float("momentum", 0.9, "Of SGD.", 0.0, 1.0)
flags.DEFINE_float("weight_decay", 5e-4, "On every parameter, as in the reference.", 0.0)
flags.DEFINE_list("lr_decay_epochs", ["40", "50"], "Epochs after which the learning rate is divided by 10.")
flags.DEFINE_float("lr_warmup_epochs", 0.0, "Length of the linear warm-up, in epochs.", 0.0)
flags.DEFINE_integer("lr_warmup_steps", 0, "Length of the linear warm-up in steps, instead.", lower_bound=0)
flags.DEFINE_integer("lr_warmup_factor", 0, "The warm-up starts at learning_rate * (1 - 2**-factor).", lower_bound=0)
flags.DEFINE_bool(
    "mlperf_warmup_quirk", False, "Stay at the last warm-up value until the first decay, as the reference."
)
flags.DEFINE_bool("random_crop", True, "Augment with SSD's random crop.")
flags.DEFINE_integer("crop_tries", 1, "Windows tried for each minimum IoU of the random crop.", lower_bound=1)
flags.DEFINE_bool("random_flip", True, "Augment by mirroring half of the images.")
flags.DEFINE_bool("color_jitter", True, "Augment brightness, contrast, saturation and hue.")
flags.DEFINE_string("backbone_weights", "", "Start the backbone from this .npz or .safetensors file.")
flags.DEFINE_string("init_from", "", "Start all weights from this file, checkpoint or model_dir.")
flags.DEFINE_enum("precision", "auto", ["auto", "float32", "bfloat16"], "What the layers compute in.")
flags.DEFINE_integer("seed", 0, "Of the weights, the order of examples and the augmentation.", lower_bound=0)
flags.DEFINE_integer("eval_every_epochs", 5, "Evaluate after so many epochs; 0: at the end only.", lower_bound=0)
flags.DEFINE_integer("eval_batch_size", 0, "Images in an evaluation step; 0 takes batch_size.", lower_bound=0)
flags.DEFINE_integer("checkpoint_every_epochs", 1, "Save after so many epochs; 0: at the end only.", lower_bound=0)
flags.DEFINE_float("target_map", 0.0, "Stop when an evaluation reaches this AP; 0: never.", 0.0, 1.0)
flags.DEFINE_integer("log_every_steps", 20, "Report loss and speed after so many steps.", lower_bound=1)


def main() -> int:
    from ssd_tf.training.loop import train

    outcome = train(config_from_flags())
    if outcome.interrupted:
        logging.warning("interrupted at step %d; run the same command to go on", outcome.step)
        return cli.EXIT_INTERRUPTED
    if outcome.metrics:
        print(f"AP {outcome.metrics['AP']:.4f}  AP50 {outcome.metrics['AP50']:.4f}  model in {FLAGS.model_dir}")
    else:
        print(f"nothing left to do at step {outcome.step}; model in {FLAGS.model_dir}")
    return cli.EXIT_OK


def config_from_flags():
    from ssd_tf.data.pipeline import AugmentConfig
    from ssd_tf.training.config import TrainConfig

    try:
        decay_epochs = tuple(int(epoch) for epoch in FLAGS.lr_decay_epochs)
    except ValueError:
        raise ValueError(f"--lr_decay_epochs: expected whole numbers. Received: {FLAGS.lr_decay_epochs}") from None
    # Most settings are a flag of the same name; the others follow.
    settings: dict[str, Any] = {
        field.name: FLAGS[field.name].value for field in dataclasses.fields(TrainConfig) if field.name in FLAGS
    }
    settings.update(
        epochs=FLAGS.epochs or (0 if FLAGS.steps else 70),
        lr_decay_epochs=decay_epochs,
        augment=AugmentConfig(FLAGS.random_crop, FLAGS.crop_tries, FLAGS.random_flip, FLAGS.color_jitter),
    )
    if settings["learning_rate"] is None:
        settings["learning_rate"] = 2.5e-3 * FLAGS.batch_size / 32
    return TrainConfig(**settings)


if __name__ == "__main__":
    cli.run(main)

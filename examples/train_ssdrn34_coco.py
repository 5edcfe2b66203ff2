# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Trains SSD300-ResNet34 on COCO 2017 as MLPerf's reference does, then scores it on val2017.

python examples/train_ssdrn34_coco.py --coco=coco2017 --data_dir=data --model_dir=runs/ssdrn34

The folder of --coco has annotations/, train2017/ and val2017/ as COCO's archives unpack. The settings are those of
flags/mlperf.cfg, which says where each is from. The same command resumes a run that was stopped.
"""

import argparse
import pathlib

from absl import logging

import ssd_tf
from ssd_tf.settings import EvaluationConfig, OptimizerConfig, ScheduleConfig


def mlperf_config(data_dir: str, model_dir: str) -> ssd_tf.TrainConfig:
    """MLPerf training's ssd-v1 on one device."""
    return ssd_tf.TrainConfig(
        detector="ssd300_resnet34",
        data_dir=data_dir,
        model_dir=model_dir,
        backbone_weights="torchvision",  # ImageNet's, downloaded once
        batch_size=32,
        epochs=70,
        optimizer=OptimizerConfig(momentum=0.9, weight_decay=5e-4),
        schedule=ScheduleConfig(
            learning_rate=2.5e-3, lr_decay_epochs=(40, 50), lr_warmup_steps=300, mlperf_warmup_quirk=True
        ),
        evaluation=EvaluationConfig(eval_every_epochs=5, target_map=0.23),
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=pathlib.Path, required=True, help="COCO 2017")
    parser.add_argument("--data_dir", default="data", help="for the prepared shards: 20 GB")
    parser.add_argument("--model_dir", default="runs/ssdrn34", help="for checkpoints, metrics and TensorBoard")
    options = parser.parse_args(argv)
    for split in ("train", "val"):
        if not pathlib.Path(options.data_dir, f"{split}.json").is_file():
            annotations = options.coco / "annotations" / f"instances_{split}2017.json"
            ssd_tf.prepare(annotations, options.coco / f"{split}2017", options.data_dir, split)
    outcome = ssd_tf.train(mlperf_config(options.data_dir, options.model_dir))
    if outcome.interrupted:
        print(f"stopped at step {outcome.step}; the same command resumes")
        return
    metrics = ssd_tf.Detector.load(options.model_dir).evaluate(options.data_dir, split="val")
    for name, value in metrics.summary.items():
        print(f"{name:6} {value:.4f}")


if __name__ == "__main__":
    logging.set_verbosity(logging.INFO)
    main()

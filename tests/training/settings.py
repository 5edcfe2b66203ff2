# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A value for every setting of TrainConfig, for the tests of what takes one."""

from ssd_tf.data.pipeline import AugmentConfig
from ssd_tf.distributed.strategy import DistributionConfig
from ssd_tf.models.losses import LossConfig
from ssd_tf.training.mlperf_log import SubmissionConfig
from ssd_tf.training.optimizer import OptimizerConfig

# As the flags of `train`, for the small detector.
SETTINGS = {
    "detector": "ssd128_tiny",
    "data_dir": "unused",
    "model_dir": "unused",
    "train_split": "train",
    "val_split": "val",
    "batch_size": 8,
    "batch_splits": 1,
    "epochs": 10,
    "steps": 0,
    "optimizer": OptimizerConfig(),
    "loss": LossConfig(),
    "augment": AugmentConfig(),
    "learning_rate": 0.5,
    "lr_schedule": "step",
    "lr_decay_epochs": (),
    "lr_warmup_epochs": 0.0,
    "lr_warmup_steps": 0,
    "lr_warmup_factor": 0,
    "mlperf_warmup_quirk": False,
    "ema_decay": 0.0,
    "freeze_backbone_stages": 0,
    "backbone_weights": "",
    "init_from": "",
    "precision": "float32",
    "seed": 0,
    "eval_every_epochs": 5,
    "eval_epochs": (),
    "eval_batch_size": 0,
    "checkpoint_every_epochs": 1,
    "checkpoint_every_steps": 0,
    "keep_checkpoints": 2,
    "skip_bad_records": False,
    "target_map": 0.0,
    "log_every_steps": 20,
    "profile_steps": (),
    "distribution": DistributionConfig(),
    "submission": SubmissionConfig(),
}

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The log of a run as MLPerf training v1.1 wants it, written with MLCommons' own logger (package mlperf-logging).

`python -m mlperf_logging.compliance_checker --usage training --ruleset 1.1.0 FILE` checks it. The rules are of 1.1.0:
from 2.0.0 on their benchmark "ssd" is RetinaNet. Epochs count from 1. A block is what lies between two evaluations.
"""

import logging as std_logging
import os
import pathlib

from absl import logging

from ssd_tf.settings import SubmissionConfig
from ssd_tf.specs import DetectorSpec, ResNet
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.imports import import_extra

# The only detector that the rules of 1.1.0 know.
MLPERF_DETECTOR = "ssd300_resnet34"
MLPERF_TARGET = 0.23
_DROP_CACHES = pathlib.Path("/proc/sys/vm/drop_caches")


class MlperfLog:
    """Writes the events of one run; without a file it does nothing. A context manager: leaving it ends the run.

    The run is reported as aborted unless `run_stop` said before that it reached its target.

    Raises:
      ValueError: the package mlperf-logging is not installed, or the file has the log of a run that was started.
      OSError: the file cannot be written.
    """

    def __init__(self, config: SubmissionConfig):
        self._config = config
        self._handler: std_logging.Handler | None = None
        self._running = False
        self._evaluations: tuple[int, ...] = ()
        self._block = 1
        if not config.mlperf_log:
            return
        mllog = import_extra("mlperf_logging.mllog.mllog")
        path = pathlib.Path(config.mlperf_log)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and '"run_start"' in path.read_text(encoding="utf-8", errors="replace"):
            raise UserError(f"--mlperf_log: {path} has the log of another run: remove it, or give another name")
        # A logger of its own for each run: MLCommons' default one also prints, and never closes its file.
        logger = std_logging.Logger("mlperf", std_logging.INFO)
        self._handler = std_logging.FileHandler(path, mode="w")
        logger.addHandler(self._handler)
        self._mllog = mllog.MLLogger(logger, default_stack_offset=2, root_dir=str(pathlib.Path(__file__).parents[2]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._running:
            self.run_stop(reached=False)
        if self._handler:
            self._handler.close()

    def init_start(self) -> None:
        """Who submits, whether the machine's caches were cleared, and the start of the preparations."""
        if not self._handler:
            return
        self._event("submission_benchmark", "ssd")
        self._event("submission_org", self._config.mlperf_org)
        self._event("submission_division", self._config.mlperf_division)
        self._event("submission_status", self._config.mlperf_status)
        self._event("submission_platform", self._config.mlperf_platform)
        self._event("cache_clear", drop_caches())
        self._mllog.start("init_start")

    def hyperparameters(self, values: dict[str, object]) -> None:
        """One event each, under the rules' names."""
        for key, value in values.items():
            self._event(key, value)

    def weights(self, spec: DetectorSpec) -> None:
        """One event for each tensor that training starts from; to be called when they have their values."""
        for tensor in rule_names(spec) if self._handler else ():
            self._event("weights_initialization", metadata={"tensor": tensor})

    def run_start(self, evaluations: tuple[int, ...]) -> None:
        """From here on the clock runs: no training data may have been touched before.

        Args:
          evaluations: the epochs after which there will be an evaluation, ascending.
        """
        if self._handler:
            self._running = True
            self._evaluations = evaluations
            self._mllog.end("init_stop")
            self._mllog.start("run_start")

    def epoch_start(self, epoch: int) -> None:
        """The first epoch after an evaluation starts a block too."""
        if self._handler:
            before, after = (0, *self._evaluations), self._evaluations
            if epoch - 1 in before:
                self._block = epoch
                count = next(last for last in after if last >= epoch) - epoch + 1
                self._mllog.start("block_start", metadata={"first_epoch_num": epoch, "epoch_count": count})
            self._mllog.start("epoch_start", metadata={"epoch_num": epoch})

    def epoch_stop(self, epoch: int) -> None:
        if self._handler:
            self._mllog.end("epoch_stop", metadata={"epoch_num": epoch})

    def eval_start(self, epoch: int) -> None:
        """Ends the block as well."""
        if self._handler:
            self._mllog.end("block_stop", metadata={"first_epoch_num": self._block})
            self._mllog.start("eval_start", metadata={"epoch_num": epoch})

    def eval_stop(self, epoch: int, ap: float) -> None:
        if self._handler:
            self._event("eval_accuracy", ap, {"epoch_num": epoch})
            self._mllog.end("eval_stop", metadata={"epoch_num": epoch})

    def run_stop(self, reached: bool) -> None:
        """The end of the clock, and whether the target was reached."""
        if self._handler:
            self._running = False
            self._mllog.end("run_stop", metadata={"status": "success" if reached else "aborted"})

    def _event(self, key: str, value: object = None, metadata: dict[str, object] | None = None) -> None:
        if self._handler:
            self._mllog.event(key, value, metadata=metadata, stack_offset=3)


def drop_caches() -> bool:
    """Asks the kernel to forget what it holds of files; False where it does not let us: only root may."""
    os.sync()
    try:
        _DROP_CACHES.write_text("3\n")
    except OSError as error:
        logging.warning("the machine's file caches were not cleared (%s); as root: sysctl vm.drop_caches=3", error)
        return False
    return True


def rule_names(spec: DetectorSpec) -> list[str]:
    """The rules' names of all trained tensors, in the model's order: 119 for ssd300_resnet34.

    They are those of MXNet's implementation. It numbers the convolutions of a stage as they are made, and has one
    predictor a level, which stands for our two heads.

    Raises:
      ValueError: the backbone is no ResNet.
    """
    if not isinstance(spec.backbone, ResNet):
        raise UserError(f"--mlperf_log: the rules have no names for the tensors of {spec.name}")
    names = _conv_bn("ssd0_resnetmlperf0_", 0)
    channels = spec.backbone.stem_channels
    for number, stage in enumerate(spec.backbone.stages, start=1):
        shortcut = stage.stride != 1 or stage.channels != channels
        for index in range(2 * stage.blocks + shortcut):
            names += _conv_bn(f"ssd0_resnetmlperf0_stage{number}_", index)
        channels = stage.channels
    for index in range(len(spec.extra_blocks)):
        names += _conv_bias(f"ssd0_expand_trans_conv{index}") + _conv_bias(f"ssd0_expand_conv{index}")
    for index in range(len(spec.levels)):
        names += _conv_bias(f"ssd0_convpredictor{index}_conv0")
    return names


def _conv_bn(prefix: str, index: int) -> list[str]:
    return [f"{prefix}conv{index}_weight", f"{prefix}batchnorm{index}_gamma", f"{prefix}batchnorm{index}_beta"]


def _conv_bias(name: str) -> list[str]:
    return [f"{name}_weight", f"{name}_bias"]

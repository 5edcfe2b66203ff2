# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""All that a run says while it runs, in one place: metrics.jsonl, TensorBoard, MLPerf's log and the progress bar."""

import contextlib
import pathlib
from collections.abc import Iterator

import tqdm
from absl import logging

from ssd_tf.data.augmentation import augmentation_of
from ssd_tf.data.examples import TrainBatch
from ssd_tf.distributed.strategy import Distribution
from ssd_tf.evaluation.coco_metrics import SUMMARY_KEYS, per_class_table, summary_table, written_summary
from ssd_tf.evaluation.evaluator import Evaluation
from ssd_tf.plots.history import read_history
from ssd_tf.settings import TrainConfig
from ssd_tf.training.checks import CheckedStep
from ssd_tf.training.config import named_settings
from ssd_tf.training.mlperf_log import MlperfLog
from ssd_tf.training.monitoring.evaluation_summaries import report_evaluation
from ssd_tf.training.monitoring.event_log import Monitor
from ssd_tf.training.monitoring.example_grid import example_grid
from ssd_tf.training.monitoring.profiling import Clock
from ssd_tf.training.plan import Plan
from ssd_tf.training.resume import decisive
from ssd_tf.utils.hardware import used_megabytes
from ssd_tf.weights.model_dir import METRICS


class RunLog:
    """Reports a run from `start_step` on. Only the chief's reports are kept. Used as a context manager.

    Args:
      mlperf: the log of the same run, which says by itself how the preparations went.
      start_step: updates done before.
    """

    def __init__(self, config: TrainConfig, plan: Plan, distribution: Distribution, mlperf: MlperfLog, start_step: int):
        self._config, self._plan, self._distribution, self._mlperf = config, plan, distribution, mlperf
        self._chief = distribution.is_chief
        self._dispatched = start_step
        self._clock = Clock(start_step)
        self._monitor = Monitor(pathlib.Path(config.model_dir) if self._chief else None, start_step)
        settings = named_settings(config)
        self._monitor.settings(start_step, settings, decisive(settings))
        self._progress = tqdm.tqdm(
            initial=start_step,
            total=plan.total_steps,
            unit="step",
            desc="train",
            dynamic_ncols=True,
            disable=not self._chief,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._progress.close()
        self._monitor.close()

    def waiting_for_input(self) -> contextlib.AbstractContextManager[None]:
        """Around the wait for a batch."""
        return self._clock.waiting()

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """Around what is not training, and does not count in its speed."""
        return self._clock.paused()

    def epoch_starts(self, epoch: int) -> None:
        self._mlperf.epoch_start(epoch)

    def epoch_ends(self, epoch: int) -> None:
        self._mlperf.epoch_stop(epoch)

    def dispatched(self, step: int, batch: TrainBatch) -> None:
        """The device has got a step. The batch of the run's first one is shown as images."""
        self._dispatched = step
        self._progress.update()
        if step == 1 and self._chief:
            with self.paused():
                names = {k: category.name for k, category in enumerate(self._plan.info.categories, start=1)}
                part = self._distribution.first_part(batch)
                grid = example_grid(self._plan.spec, part, augmentation_of(self._config.augment).colors, names)
                self._monitor.image("train/examples", 0, grid)

    def trained(self, done: CheckedStep) -> None:
        """The numbers of a step, with the speed since the last such report."""
        steps_per_second, input_wait = self._clock.speed(self._dispatched)
        images_per_s = steps_per_second * self._config.batch_size
        values = {**done.values, "input_wait": input_wait, "images_per_s": images_per_s, **used_megabytes()}
        self._monitor.report("train", done.step, values)
        epoch, loss = f"{values['epoch']:.2f}", f"{values['loss']:.3f}"
        self._progress.set_postfix(epoch=epoch, loss=loss, img_s=f"{images_per_s:.1f}")

    @contextlib.contextmanager
    def evaluation(self, epoch: int) -> Iterator[None]:
        """Around an evaluation and its reports."""
        self._mlperf.eval_start(epoch)
        with self.paused():
            yield

    def evaluated(self, step: int, epoch: int, evaluation: Evaluation) -> None:
        """The numbers of an evaluation, and what TensorBoard shows of it."""
        metrics, split = evaluation.metrics, self._plan.val_manifest
        self._mlperf.eval_stop(epoch, metrics.summary["AP"])
        self._monitor.report("val", step, {"epoch": step / self._plan.epoch_steps, **written_summary(metrics.summary)})
        if self._chief:
            logging.info("evaluation on %s:\n%s\n%s", split.split, summary_table(metrics), per_class_table(metrics, 20))
            report_evaluation(self._monitor, step, evaluation, self._config.data_dir, split)

    def target_reached(self, epoch: int, ap: float) -> None:
        target = self._config.evaluation.target_map
        logging.info("target reached: AP %.4f >= %g at epoch %d", ap, target, epoch)
        self._mlperf.run_stop(reached=True)

    def stands_still(self, evaluations: int) -> None:
        logging.info("stopping: %d evaluations without a higher AP", evaluations)


def last_evaluation(model_dir: pathlib.Path) -> dict[str, float]:
    """The 12 numbers of the last evaluation that a run reported in its folder; empty where there was none."""
    curves = read_history(model_dir / METRICS).evaluations
    return {name: float(curves[name].values[-1]) for name in SUMMARY_KEYS if name in curves}


def evaluated_aps(model_dir: pathlib.Path, step: int) -> list[float]:
    """The AP of each evaluation until a step that a run reported in its folder, in their order."""
    curve = read_history(model_dir / METRICS).evaluations.get("AP")
    return [] if curve is None else curve.values[curve.steps <= step].tolist()

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Puts a trained detector, in any form, under MLPerf's LoadGen: speed by its rules, or AP of its accuracy log.

python -m ssd_tf.apps.loadgen --model=model.tflite --data_dir=data --scenario=SingleStream --output_dir=runs/loadgen
"""

import pathlib

from absl import flags, logging

from ssd_tf.apps import cli

FLAGS = flags.FLAGS
flags.DEFINE_string("model", None, cli.MODEL_HELP, required=True)
flags.DEFINE_string("data_dir", None, "The folder that `prepare` wrote.", required=True)
flags.DEFINE_string("split", "val", "The split that the pictures are of.")
flags.DEFINE_enum(
    "scenario",
    "SingleStream",
    ["SingleStream", "MultiStream", "Offline", "Server"],
    "LoadGen's: one picture after the other, eight at a time, all at once, or single ones at random times.",
)
flags.DEFINE_enum(
    "mode",
    "performance",
    ["performance", "accuracy"],
    "Measure the speed, or ask for every picture once and score the log.",
)
flags.DEFINE_string("output_dir", None, "For LoadGen's logs, and in accuracy mode evaluate's reports.", required=True)
flags.DEFINE_integer("batch_size", 8, "Most images in a step.", lower_bound=1)
flags.DEFINE_float(
    "target_qps",
    0.0,
    "Pictures a second that Server sends, or that Offline is to expect; 0 takes it from the model's speed.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "target_latency_ms",
    100.0,
    "Server: 99 % of the answers must come within this time; 100 is MLPerf's for SSD-ResNet34.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "min_duration_seconds", 10.0, "Performance: go on for at least so long; MLPerf's rules want 600.", lower_bound=0.0
)
flags.DEFINE_integer(
    "min_queries", 64, "Performance: at least so many queries; Offline: so many pictures.", lower_bound=1
)
flags.DEFINE_integer("loaded_pictures", 1024, "Pictures in memory at a time.", lower_bound=1)


def main() -> None:
    from ssd_tf.data.manifest import load_manifest
    from ssd_tf.inference.predictor import load_predictor_for
    from ssd_tf.performance.loadgen import LoadGenConfig
    from ssd_tf.performance.loadgen_images import SplitImages
    from ssd_tf.performance.loadgen_log import key_lines
    from ssd_tf.utils.extras import import_extra

    import_extra("mlperf_loadgen")
    config = LoadGenConfig(
        scenario=FLAGS.scenario,
        mode=FLAGS.mode,
        batch_size=FLAGS.batch_size,
        target_qps=FLAGS.target_qps,
        target_latency_ms=FLAGS.target_latency_ms,
        min_duration_seconds=FLAGS.min_duration_seconds,
        min_queries=FLAGS.min_queries,
        loaded_images=FLAGS.loaded_pictures,
    )
    manifest = load_manifest(FLAGS.data_dir, FLAGS.split)
    predictor = load_predictor_for(FLAGS.model, manifest)
    pictures = SplitImages(FLAGS.data_dir, manifest, predictor.spec.image_size)
    summary = _run_or_leave(predictor, pictures, config)
    print("\n".join(key_lines(summary.read_text())))
    print(f"LoadGen's summary: {summary}")
    if FLAGS.mode == "accuracy":
        _score(pictures)


def _run_or_leave(predictor, pictures, config) -> pathlib.Path:
    """The summary of the test; an error leaves the program at once, since LoadGen's thread may not have ended."""
    from ssd_tf.performance.loadgen import run_test

    try:
        return run_test(predictor, pictures, config, FLAGS.output_dir)
    except KeyboardInterrupt:
        cli.leave(cli.EXIT_KEYBOARD, InterruptedError("interrupted"))
    except Exception as error:
        logging.debug("traceback", exc_info=True)
        cli.leave(cli.EXIT_MISTAKE, error)


def _score(pictures) -> None:
    from ssd_tf.evaluation.coco_metrics import coco_metrics, per_class_table, summary_table, write_reports
    from ssd_tf.performance.loadgen_log import ACCURACY_LOG, results_of_log

    results = results_of_log(pathlib.Path(FLAGS.output_dir) / ACCURACY_LOG, pictures)
    metrics = coco_metrics(pictures.ground_truth, results)
    print(summary_table(metrics))
    print(per_class_table(metrics))
    write_reports(metrics, results, FLAGS.output_dir)
    print(f"metrics.json, results.json and per_class.csv in {FLAGS.output_dir}")


if __name__ == "__main__":
    cli.run(main)

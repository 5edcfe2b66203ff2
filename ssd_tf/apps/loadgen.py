# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Puts a trained detector, in any form, under MLPerf's LoadGen: speed by its rules, or AP of its accuracy log.

python -m ssd_tf.apps.loadgen --model=model.tflite --data_dir=data --scenario=SingleStream --output_dir=runs/loadgen
"""

import pathlib

from absl import flags

from ssd_tf.apps import cli


def define_flags(values: flags.FlagValues) -> None:
    cli.define_path("model", None, cli.MODEL_HELP, required=True, flag_values=values)
    cli.define_path("data_dir", None, "The folder that `prepare` wrote.", required=True, flag_values=values)
    flags.DEFINE_string("split", "val", "The split that the images are of.", flag_values=values)
    flags.DEFINE_enum(
        "scenario",
        "SingleStream",
        ["SingleStream", "MultiStream", "Offline", "Server"],
        "LoadGen's: one image after the other, eight at a time, all at once, or single ones at random times.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "mode",
        "performance",
        ["performance", "accuracy"],
        "Measure the speed, or ask for every image once and score the log.",
        flag_values=values,
    )
    cli.define_path(
        "output_dir",
        None,
        "For LoadGen's logs, and in accuracy mode evaluate's reports.",
        required=True,
        flag_values=values,
    )
    flags.DEFINE_integer("batch_size", 8, "Most images in a step.", lower_bound=1, flag_values=values)
    flags.DEFINE_float(
        "target_qps",
        0.0,
        "Images a second that Server sends, or that Offline is to expect; 0 takes it from the model's speed.",
        lower_bound=0.0,
        flag_values=values,
    )
    flags.DEFINE_float(
        "target_latency_ms",
        100.0,
        "Server: 99 % of the answers must come within this time; 100 is MLPerf's for SSD-ResNet34.",
        lower_bound=0.0,
        flag_values=values,
    )
    flags.DEFINE_float(
        "min_duration_seconds",
        10.0,
        "Performance: run for at least so long; MLPerf's rules want 600.",
        lower_bound=0.0,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "min_queries",
        64,
        "Performance: at least so many queries; Offline: so many images.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer("loaded_images", 1024, "Images in memory at a time.", lower_bound=1, flag_values=values)


def main(args: flags.FlagValues) -> None:
    from ssd_tf.data.manifest import load_manifest
    from ssd_tf.inference.load import load_predictor_for
    from ssd_tf.performance.loadgen import LoadGenConfig
    from ssd_tf.performance.loadgen_images import SplitImages
    from ssd_tf.performance.loadgen_log import key_lines
    from ssd_tf.utils.imports import import_extra

    import_extra("mlperf_loadgen")
    config = LoadGenConfig(
        scenario=args.scenario,
        mode=args.mode,
        batch_size=args.batch_size,
        target_qps=args.target_qps,
        target_latency_ms=args.target_latency_ms,
        min_duration_seconds=args.min_duration_seconds,
        min_queries=args.min_queries,
        loaded_images=args.loaded_images,
    )
    manifest = load_manifest(args.data_dir, args.split)
    predictor = load_predictor_for(args.model, manifest)
    images = SplitImages(args.data_dir, manifest, predictor.spec)
    summary = _run_or_leave(args, predictor, images, config)
    print("\n".join(key_lines(summary.read_text())))
    print(f"LoadGen's summary: {summary}")
    if args.mode == "accuracy":
        _score(args, images)


def _run_or_leave(args: flags.FlagValues, predictor, images, config) -> pathlib.Path:
    """The summary of the test; an error leaves the program at once, since LoadGen's thread may not have ended."""
    from ssd_tf.performance.loadgen import run_test

    try:
        return run_test(predictor, images, config, args.output_dir)
    except KeyboardInterrupt:
        cli.leave(cli.EXIT_KEYBOARD, InterruptedError("interrupted"))
    except Exception as error:
        cli.leave(cli.EXIT_MISTAKE, error)


def _score(args: flags.FlagValues, images) -> None:
    from ssd_tf.evaluation.coco_metrics import coco_metrics, per_class_table, summary_table, write_reports
    from ssd_tf.performance.loadgen_log import ACCURACY_LOG, results_of_log

    results = results_of_log(pathlib.Path(args.output_dir) / ACCURACY_LOG, images)
    metrics = coco_metrics(images.ground_truth, results)
    print(summary_table(metrics))
    print(per_class_table(metrics))
    write_reports(metrics, results, args.output_dir)
    print(f"metrics.json, results.json and per_class.csv in {args.output_dir}")


if __name__ == "__main__":
    cli.run("loadgen")

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Writes a page about a run: curves, precision and recall, errors and what they cost, the best and worst images.

python -m ssd_tf.apps.report --model_dir=runs/mine

It is one file, MODEL_DIR/report/report.html, for any browser; charts and images lie beside it as files of their own.
The best checkpoint is scored on the run's own validation split, unless --data_dir and --split name another.
"""

from absl import flags, logging

from ssd_tf.apps import cli


def define_flags(values: flags.FlagValues) -> None:
    cli.define_path(
        "model_dir", None, "The folder of the run, or of an imported model.", required=True, flag_values=values
    )
    cli.define_path("data_dir", "", "The folder that `prepare` wrote; empty: the run's own.", flag_values=values)
    flags.DEFINE_string(
        "split", "", "The split to score; empty: the one that the run was evaluated on.", flag_values=values
    )
    cli.define_path("output_dir", "", "For report.html and the images; empty: MODEL_DIR/report.", flag_values=values)
    flags.DEFINE_integer("batch_size", 8, "Images in a step of the evaluation.", lower_bound=1, flag_values=values)
    flags.DEFINE_float(
        "score_threshold", 0.3, "Of detections in the confusion matrix and in images.", 0.0, 1.0, flag_values=values
    )


def main(args: flags.FlagValues) -> None:
    from ssd_tf.report.build import ReportConfig, write_report

    written = write_report(
        ReportConfig(args.model_dir, args.data_dir, args.split, args.output_dir, args.batch_size, args.score_threshold)
    )
    for note in written.missing:
        logging.warning("%s", note)
    print(f"report: {written.page}")


if __name__ == "__main__":
    cli.run("report")

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Writes a page about a run: curves, precision and recall, errors and what they cost, the best and worst pictures.

python -m ssd_tf.apps.report --model_dir=runs/mine

It is one file, MODEL_DIR/report/report.html, for any browser; charts and pictures lie beside it as files of their own.
The best checkpoint is scored on the run's own validation split, unless --data_dir and --split name another.
"""

from absl import flags, logging

from ssd_tf.apps import cli

FLAGS = flags.FLAGS
flags.DEFINE_string("model_dir", None, "The folder of the run, or of an imported model.", required=True)
flags.DEFINE_string("data_dir", "", "The folder that `prepare` wrote; empty: the run's own.")
flags.DEFINE_string("split", "", "The split to score; empty: the one that the run was evaluated on.")
flags.DEFINE_string("output_dir", "", "For report.html and the pictures; empty: MODEL_DIR/report.")
flags.DEFINE_integer("batch_size", 8, "Images in a step of the evaluation.", lower_bound=1)
flags.DEFINE_float("score_threshold", 0.3, "Of detections in the confusion matrix and in pictures.", 0.0, 1.0)


def main() -> None:
    from ssd_tf.report.build import ReportConfig, write_report

    written = write_report(
        ReportConfig(
            FLAGS.model_dir, FLAGS.data_dir, FLAGS.split, FLAGS.output_dir, FLAGS.batch_size, FLAGS.score_threshold
        )
    )
    for note in written.missing:
        logging.warning("%s", note)
    print(f"report: {written.page}")


if __name__ == "__main__":
    cli.run(main)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Scores a trained detector on a prepared split: the 12 COCO numbers and AP of each class.

python -m ssd_tf.apps.evaluate --model=runs/mlperf --data_dir=data --split=val
"""

from absl import flags

from ssd_tf.apps import cli

FLAGS = flags.FLAGS
flags.DEFINE_string("model", None, cli.MODEL_HELP, required=True)
flags.DEFINE_string("data_dir", None, "The folder that `prepare` wrote.", required=True)
flags.DEFINE_string("split", "val", "The split to score.")
flags.DEFINE_string("output_dir", "", "For metrics.json, results.json and per_class.csv; empty writes none.")
flags.DEFINE_integer("batch_size", 8, "Images in a step.", lower_bound=1)


def main() -> None:
    from ssd_tf.data.manifest import load_manifest
    from ssd_tf.evaluation.coco_metrics import per_class_table, summary_table, write_reports
    from ssd_tf.evaluation.evaluator import evaluate_split
    from ssd_tf.inference.predictor import load_predictor_for

    manifest = load_manifest(FLAGS.data_dir, FLAGS.split)
    predictor = load_predictor_for(FLAGS.model, manifest)
    size = predictor.spec.image_size
    metrics, results, _ = evaluate_split(predictor, FLAGS.data_dir, manifest, size, FLAGS.batch_size)
    print(summary_table(metrics))
    print(per_class_table(metrics))
    if FLAGS.output_dir:
        write_reports(metrics, results, FLAGS.output_dir)
        print(f"metrics.json, results.json and per_class.csv in {FLAGS.output_dir}")


if __name__ == "__main__":
    cli.run(main)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Finds objects in pictures: writes annotated copies and predictions.json.

python predict.py --model=runs/mlperf --input=pictures --output_dir=found
"""

from absl import flags

from ssd_tf.apps import cli

FLAGS = flags.FLAGS
flags.DEFINE_string("model", None, cli.MODEL_HELP, required=True)
flags.DEFINE_string(
    "input", None, "A picture, a folder of pictures, or a pattern such as 'photos/*.jpg'.", required=True
)
flags.DEFINE_string("output_dir", None, "Where annotated pictures and predictions.json go.", required=True)
flags.DEFINE_float("score_threshold", 0.3, "Show detections with a score above this.", 0.0, 1.0)
flags.DEFINE_string("logdir", "", "Also write the annotated pictures to this folder as TensorBoard images.")
flags.DEFINE_integer("batch_size", 8, "Pictures in a step.", lower_bound=1)


def main() -> int:
    from ssd_tf.prediction import find_pictures, predict_pictures
    from ssd_tf.predictor import load_predictor, warn_of_min_score

    pictures = find_pictures(FLAGS.input)
    predictor = load_predictor(FLAGS.model)
    warn_of_min_score(predictor, FLAGS.score_threshold)
    summary = predict_pictures(
        predictor, pictures, FLAGS.output_dir, FLAGS.score_threshold, FLAGS.batch_size, FLAGS.logdir
    )
    print(
        f"{summary.detections} objects in {summary.pictures} pictures; annotated pictures and predictions.json in "
        f"{FLAGS.output_dir}"
    )
    if summary.unreadable:
        names = ", ".join(str(path) for path in summary.unreadable[:3])
        more = f" and {len(summary.unreadable) - 3} more" if len(summary.unreadable) > 3 else ""
        raise ValueError(f"not readable as a picture: {names}{more}")
    return cli.EXIT_OK


if __name__ == "__main__":
    cli.run(main)

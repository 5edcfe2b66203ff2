# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Scores a trained detector on a prepared split: the 12 COCO numbers and AP of each class; VOC's mAP if asked for.

python -m ssd_tf.apps.evaluate --model=runs/mlperf --data_dir=data --split=val
python -m ssd_tf.apps.evaluate --predictions=found/predictions.json --annotations=instances_val2017.json

The second form scores detections that are there already, of predict or of any other program, without a model.
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags, logging

from ssd_tf.apps import cli, tiling
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.text import one_line

if TYPE_CHECKING:  # imports TensorFlow, which takes seconds
    from ssd_tf.evaluation.coco_metrics import CocoMetrics

# Only a model needs it.
STARTS_TENSORFLOW = False


def define_flags(values: flags.FlagValues) -> None:
    cli.define_path("model", "", cli.MODEL_HELP, flag_values=values)
    cli.define_path("data_dir", "", "The folder that `prepare` wrote.", flag_values=values)
    cli.define_path(
        "predictions",
        "",
        "Instead of a model: predictions.json of `predict`, or a file of COCO results.",
        flag_values=values,
    )
    cli.define_path("annotations", "", "With --predictions: the COCO annotation file.", flag_values=values)
    flags.DEFINE_string("split", "val", "The split to score.", flag_values=values)
    flags.DEFINE_list(
        "metrics",
        ["coco"],
        "What to print: coco, voc07 (VOC's AP by 11 points), voc12 (the area under the curve); several with commas. "
        "The files always have COCO's.",
        flag_values=values,
    )
    cli.define_path(
        "output_dir", "", "For metrics.json, results.json and per_class.csv; empty writes none.", flag_values=values
    )
    flags.DEFINE_enum(
        "precision",
        "float32",
        ["auto", "float32", "bfloat16"],
        "What a checkpoint computes in, as in training; an exported model computes as it was exported.",
        flag_values=values,
    )
    flags.DEFINE_integer("batch_size", 8, "Images in a step.", lower_bound=1, flag_values=values)
    tiling.define_flags(values)


def check_flags(args: flags.FlagValues) -> None:
    given = {name for name in ("model", "data_dir", "predictions", "annotations") if args[name].value}
    if given not in ({"model", "data_dir"}, {"predictions", "annotations"}):
        received = ", ".join(f"--{name}" for name in sorted(given)) or "neither"
        raise UserError(f"expected --model and --data_dir, or --predictions and --annotations. Received: {received}")
    if tiling.tiling_of(args) and args.predictions:
        raise UserError(f"--tiles: expected --model with it. Received: --tiles={args.tiles} with --predictions")


def main(args: flags.FlagValues) -> None:
    from ssd_tf.evaluation.voc_metrics import voc_kinds

    voc = voc_kinds(args.metrics)
    if args.output_dir:
        _check_output(pathlib.Path(args.output_dir), [args.predictions, args.annotations])
    if args.predictions:
        _score_file(args, voc)
    else:
        _score_model(args, voc)


def _check_output(folder: pathlib.Path, inputs: Sequence[str]) -> None:
    """Makes the folder before scoring, and sees that files of an evaluation alone are replaced, and no input."""
    from ssd_tf.evaluation.coco_metrics import REPORT_FILES
    from ssd_tf.utils.files import make_folder, require_file_target

    make_folder(folder)
    there = [folder / name for name in REPORT_FILES if (folder / name).is_file()]
    for name in REPORT_FILES:
        require_file_target(folder / name)
        for path in inputs:
            if path and pathlib.Path(path).resolve() == (folder / name).resolve():
                raise UserError(f"--output_dir: expected a folder without what is read. Received: {path} lies there")
    if there and not _is_own(folder / REPORT_FILES[0]):
        raise UserError(f"--output_dir: expected no {there[0].name} there but of an evaluation. Received: {there[0]}")


def _is_own(metrics_file: pathlib.Path) -> bool:
    from ssd_tf.utils.files import parse_json

    try:
        return "per_class" in parse_json(metrics_file.read_bytes())
    except (OSError, ValueError, TypeError):
        return False


def _score_file(args: flags.FlagValues, voc: tuple[str, ...]) -> None:
    from ssd_tf.evaluation.coco_metrics import coco_metrics
    from ssd_tf.evaluation.result_files import read_scored

    truth, results, remarks = read_scored(args.predictions, args.annotations)
    print(f"{args.predictions} on {args.annotations}")
    metrics = coco_metrics(truth, results, voc)
    reason = metrics.undefined.get("AP")
    _report(args, metrics, results, [*remarks, f"AP is not defined: {reason}"] if reason else remarks)


def _score_model(args: flags.FlagValues, voc: tuple[str, ...]) -> None:
    cli.start_tensorflow()
    import keras

    from ssd_tf.data.manifest import load_manifest, notes
    from ssd_tf.evaluation.as_annotated import notes_as_annotated
    from ssd_tf.evaluation.evaluator import evaluate_split
    from ssd_tf.inference.load import load_predictor_for
    from ssd_tf.inference.predictor import Predictor
    from ssd_tf.training.precision import choose_precision

    policy, reason = choose_precision(args.precision)
    keras.mixed_precision.set_dtype_policy(policy)
    manifest = load_manifest(args.data_dir, args.split)
    predictor = load_predictor_for(args.model, manifest)
    remarks = notes(manifest)
    for remark in remarks:
        logging.info("%s", remark)
    computed = f"in {policy} ({reason})" if isinstance(predictor, Predictor) else "as it was exported"
    if args.tiles:
        predictor = tiling.tiled(args, predictor)
        computed += f", in {args.tiles} tiles and whole"
    evaluation = evaluate_split(
        predictor, args.data_dir, manifest, predictor.spec, args.batch_size, voc=voc, input_size=predictor.input_size
    )
    remarks += notes_as_annotated(manifest, evaluation)
    print(f"{args.model} on {args.split}, computed {computed}")
    _report(args, evaluation.metrics, evaluation.results, remarks)


def _report(
    args: flags.FlagValues, metrics: "CocoMetrics", results: Sequence[Mapping[str, Any]], remarks: list[str]
) -> None:
    from ssd_tf.evaluation.coco_metrics import per_class_table, summary_table, write_reports
    from ssd_tf.evaluation.voc_metrics import COCO

    print(summary_table(metrics, coco=COCO in args.metrics))
    print(per_class_table(metrics, coco=COCO in args.metrics))
    for remark in remarks:
        print(one_line(remark))
    if args.output_dir:
        write_reports(metrics, results, args.output_dir, remarks)
        print(f"metrics.json, results.json and per_class.csv in {args.output_dir}")


if __name__ == "__main__":
    cli.run("evaluate")

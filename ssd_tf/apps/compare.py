# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Compares the forms of a model on the same images: AP, difference from float32, speed, size, memory.

python -m ssd_tf.apps.compare --model=runs/mine --data_dir=data --split=val --output_dir=runs/mine/compare

A single checkpoint is exported to every form first. Forms that are there already are given as --model several times;
they are compared with the first.
"""

import pathlib

from absl import flags, logging

from ssd_tf.apps import cli
from ssd_tf.utils.errors import UserError


def define_flags(values: flags.FlagValues) -> None:
    cli.define_paths("model", None, cli.MODEL_HELP, required=True, flag_values=values)
    cli.define_path("data_dir", None, "The folder that `prepare` wrote.", required=True, flag_values=values)
    flags.DEFINE_string("split", "val", "The split to compare on.", flag_values=values)
    cli.define_path(
        "output_dir",
        None,
        "For compare.md, compare.csv, compare.png, and the exported forms.",
        required=True,
        flag_values=values,
    )
    flags.DEFINE_list(
        "forms", [], "Of a single checkpoint: the forms to export; by default all that can be run.", flag_values=values
    )
    flags.DEFINE_string("calibration_split", "train", "Of a single checkpoint: images for int8.", flag_values=values)
    flags.DEFINE_integer(
        "calibration_images", 300, "So many of them, or all there are.", lower_bound=1, flag_values=values
    )


def main(args: flags.FlagValues) -> None:
    from ssd_tf.data.manifest import load_manifest
    from ssd_tf.inference.load import load_predictor_for
    from ssd_tf.inference.predictor import Predictor
    from ssd_tf.performance.comparison import compare
    from ssd_tf.performance.comparison_report import markdown, report_title, write_report

    manifest = load_manifest(args.data_dir, args.split)
    predictors = [load_predictor_for(path, manifest) for path in args.model]
    spec = predictors[0].spec
    for path, predictor in zip(args.model, predictors, strict=True):
        if predictor.spec != spec:
            raise UserError(
                f"--model: expected models of {spec.name}, the first one's detector. Received: {path}, of "
                f"{predictor.spec.name if predictor.spec.name != spec.name else 'another spec of that name'}"
            )
    if len(args.model) == 1 and isinstance(predictors[0], Predictor):
        models = {"checkpoint": args.model[0], **_export_all(args)}
    elif args.forms:
        raise UserError(f"--forms needs a single checkpoint. Received: {', '.join(args.model)}")
    else:
        models = _named(args.model)
    del predictors  # their memory is for the models that run
    done = compare(
        models,
        args.data_dir,
        manifest,
        spec,
        lambda form: print(f"running {form}", flush=True),
    )
    title = report_title(spec.name, args.split, done.num_images)
    write_report(done.rows, title, args.output_dir)
    print(markdown(done.rows, title))
    print(f"compare.md, compare.csv and compare.png in {args.output_dir}")


def _named(paths: list[str]) -> dict[str, str]:
    """By the last parts of the paths; by whole paths where those are the same; numbered where these are too."""
    numbered = [f"{path} ({number})" for number, path in enumerate(paths, 1)]
    choices = ([pathlib.Path(path).name for path in paths], paths, numbered)
    names = next(names for names in choices if len(set(names)) == len(paths))
    return dict(zip(names, paths, strict=True))


def _export_all(args: flags.FlagValues) -> dict[str, str]:
    """Path by name of the forms of the one checkpoint."""
    from ssd_tf.data.manifest import load_manifest
    from ssd_tf.data.pipeline import images
    from ssd_tf.export.description import describe
    from ssd_tf.export.forms import export_forms
    from ssd_tf.inference.predictor import load_model

    forms = _forms(args)
    # Before anything is exported, which takes minutes.
    manifest = load_manifest(args.data_dir, args.calibration_split) if any("int8" in form for form in forms) else None
    info, model = load_model(args.model[0])
    calibration = images(args.data_dir, manifest, info.spec, args.calibration_images) if manifest else ()
    print(f"exporting {', '.join(forms)}", flush=True)
    return export_forms(describe(info), model, pathlib.Path(args.output_dir) / "forms", forms, calibration)


def _forms(args: flags.FlagValues) -> list[str]:
    """Those of --forms, or all that can be run here."""
    from ssd_tf.export.forms import FORMS, usable_forms

    if unknown := sorted(set(args.forms) - set(FORMS)):
        raise UserError(f"--forms: expected some of {', '.join(FORMS)}. Received: {', '.join(unknown)}")
    forms = args.forms or usable_forms()
    left_out = [] if args.forms else sorted(set(FORMS) - set(forms))
    if left_out:
        logging.warning("left out: %s; pip install 'ssd_tf[litert,onnx]' brings what they need", ", ".join(left_out))
    return forms


if __name__ == "__main__":
    cli.run("compare")

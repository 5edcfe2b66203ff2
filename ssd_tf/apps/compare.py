# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Compares the forms of a model on the same pictures: AP, difference from float32, speed, size, memory.

python -m ssd_tf.apps.compare --model=runs/mine --data_dir=data --split=val --output_dir=runs/mine/compare

A single checkpoint is exported to every form first. Forms that are there already are given as --model several times;
they are compared with the first.
"""

import itertools
import pathlib

from absl import flags, logging

from ssd_tf.apps import cli

FLAGS = flags.FLAGS
flags.DEFINE_multi_string("model", None, cli.MODEL_HELP, required=True)
flags.DEFINE_string("data_dir", None, "The folder that `prepare` wrote.", required=True)
flags.DEFINE_string("split", "val", "The split to compare on.")
flags.DEFINE_string(
    "output_dir", None, "For compare.md, compare.csv, compare.png, and the exported forms.", required=True
)
flags.DEFINE_list("forms", [], "Of a single checkpoint: the forms to export; by default all that can be run.")
flags.DEFINE_string("calibration_split", "train", "Of a single checkpoint: pictures for int8.")
flags.DEFINE_integer("calibration_images", 300, "So many of them, or all there are.", lower_bound=1)


def main() -> None:
    from ssd_tf.data.manifest import load_manifest
    from ssd_tf.evaluation.comparison import compare, markdown, write_report
    from ssd_tf.model_dir import ModelInfo, require_same_model
    from ssd_tf.predictor import Predictor, load_predictor

    manifest = load_manifest(FLAGS.data_dir, FLAGS.split)
    predictors = {path: load_predictor(path) for path in FLAGS.model}
    for path, predictor in predictors.items():
        wanted = ModelInfo(predictors[FLAGS.model[0]].spec.name, manifest.categories)
        require_same_model(pathlib.Path(path), ModelInfo(predictor.spec.name, predictor.categories), wanted)
    spec = predictors[FLAGS.model[0]].spec
    models = _named(FLAGS.model)
    if len(models) == 1 and isinstance(predictors[FLAGS.model[0]], Predictor):
        models = {"checkpoint": FLAGS.model[0], **_export_all()}
    del predictors
    rows = compare(models, FLAGS.data_dir, manifest, spec.image_size, lambda form: print(f"running {form}", flush=True))
    title = f"{spec.name} on {manifest.num_images} pictures of {FLAGS.split}, one at a time"
    write_report(rows, title, FLAGS.output_dir)
    print(markdown(rows, title))
    print(f"compare.md, compare.csv and compare.png in {FLAGS.output_dir}")


def _named(paths: list[str]) -> dict[str, str]:
    names = [pathlib.Path(path).name for path in paths]
    return dict(zip(names if len(set(names)) == len(names) else paths, paths, strict=True))


def _export_all() -> dict[str, str]:
    """Path by name of the forms of the one checkpoint."""
    from ssd_tf.data.manifest import load_manifest
    from ssd_tf.data.pipeline import pictures
    from ssd_tf.detectors import detector
    from ssd_tf.export.description import Description
    from ssd_tf.export.forms import FORMS, export_forms, usable_forms
    from ssd_tf.predictor import load_model

    info, model = load_model(FLAGS.model[0])
    forms = FLAGS.forms or usable_forms()
    if left_out := set(FORMS) - set(forms) if not FLAGS.forms else ():
        logging.warning(
            "left out: %s; pip install 'ssd_tf[litert,onnx]' brings what they need", ", ".join(sorted(left_out))
        )

    def calibration():
        manifest = load_manifest(FLAGS.data_dir, FLAGS.calibration_split)
        found = pictures(FLAGS.data_dir, manifest, detector(info.detector).image_size)
        return list(itertools.islice(found, FLAGS.calibration_images))

    print(f"exporting {', '.join(forms)}", flush=True)
    return export_forms(Description(info), model, pathlib.Path(FLAGS.output_dir) / "forms", forms, calibration)


if __name__ == "__main__":
    cli.run(main)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Writes a trained detector in a form that others run: SavedModel, LiteRT (TFLite) or ONNX.

python -m ssd_tf.apps.export --model=runs/mine --output=served/mine
python -m ssd_tf.apps.export --model=runs/mine --output=mine.tflite --quantize=int8 --data_dir=data
"""

import pathlib

from absl import flags

from ssd_tf.apps import cli
from ssd_tf.export.formats import FORMATS, format_of
from ssd_tf.utils.errors import UserError


def define_flags(values: flags.FlagValues) -> None:
    cli.define_path(
        "model", None, "A model_dir, one of its checkpoints, or a .keras file.", required=True, flag_values=values
    )
    flags.DEFINE_enum(
        "format",
        None,
        list(FORMATS),
        "For servers, for phones and boards, for ONNX Runtime; not given, by the ending of --output: a folder, .tflite "
        "or .onnx.",
        flag_values=values,
    )
    cli.define_path(
        "output",
        None,
        "The file; with saved_model the folder of versions, where a new one appears.",
        required=True,
        flag_values=values,
    )
    flags.DEFINE_float(
        "score_threshold", None, "The model answers detections with a score above this.", 0.0, 1.0, flag_values=values
    )
    flags.DEFINE_float(
        "iou_threshold",
        None,
        "Of two of a class that overlap so much, the better one stays.",
        0.0,
        1.0,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_detections", None, "The model answers so many detections of an image.", lower_bound=1, flag_values=values
    )
    flags.DEFINE_enum(
        "quantize",
        "none",
        ["none", "float16", "dynamic", "int8"],
        "litert: smaller numbers in the file: half the size; a quarter; a quarter and integer arithmetic.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "nms",
        "none",
        ["none", "op"],
        "litert: answer offsets and logits; or detections, by TFLite_Detection_PostProcess.",
        flag_values=values,
    )
    cli.define_path(
        "data_dir",
        "",
        "int8: the folder that `prepare` wrote; its images show the range of each tensor.",
        flag_values=values,
    )
    flags.DEFINE_string("calibration_split", "train", "int8: the split to take images from.", flag_values=values)
    flags.DEFINE_integer(
        "calibration_images",
        300,
        "int8: look at so many images, or all there are.",
        lower_bound=1,
        flag_values=values,
    )


def check_flags(args: flags.FlagValues) -> None:
    form = format_of(args.output, args.format)
    if form != "litert":
        for name in ("quantize", "nms"):
            if args[name].value != "none":
                raise UserError(f"--{name}={args[name].value} needs --format=litert. Received: {form}")
    if args.quantize == "int8" and not args.data_dir:
        raise UserError("--quantize=int8 needs --data_dir: images that show the range of every tensor")


def main(args: flags.FlagValues) -> None:
    from ssd_tf.data.manifest import load_manifest
    from ssd_tf.export.description import describe
    from ssd_tf.export.forms import calibration_images, export_model
    from ssd_tf.export.litert import LiteRTConfig
    from ssd_tf.inference.predictor import load_model
    from ssd_tf.performance.comparison import file_bytes

    if args.quantize == "int8":
        load_manifest(args.data_dir, args.calibration_split)  # says at once that there is none
    info, model = load_model(args.model)
    description = describe(info, args.score_threshold, args.iou_threshold, args.max_detections)
    calibration = calibration_images(
        args.quantize, args.data_dir, args.calibration_split, info.spec, args.calibration_images
    )
    form, litert = format_of(args.output, args.format), LiteRTConfig(args.quantize, args.nms)
    output = export_model(description, model, pathlib.Path(args.output), form, litert, calibration)
    print(f"{output}: {file_bytes(str(output)) / 1e6:.1f} MB")


if __name__ == "__main__":
    cli.run("export")

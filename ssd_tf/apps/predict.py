# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Finds objects in images and videos: writes annotated copies and predictions.json.

python predict.py --model=runs/mlperf --input=images --output_dir=found
python predict.py --model=torchvision:ssdlite320_mobilenet_v3_large --input=photo.jpg

Whether a file is an image or a video its content says, and not its name. A video becomes an mp4 with all its frames,
without its sound. For a camera or a stream see ssd_tf.apps.stream --headless.
"""

from typing import TYPE_CHECKING

from absl import flags

from ssd_tf.apps import cli, tiling
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.text import counted

if TYPE_CHECKING:  # imports TensorFlow, which takes seconds
    from ssd_tf.inference.files import Summary

# Files with a problem that are named at the end.
_SHOWN = 3
# It takes seconds, and LiteRT and ONNX models do without.
STARTS_TENSORFLOW = False


def define_flags(values: flags.FlagValues) -> None:
    cli.define_path("model", None, cli.MODEL_HELP, required=True, flag_values=values)
    cli.define_path(
        "input",
        None,
        "An image or video, a folder of images and videos, or a pattern such as 'photos/*.jpg'.",
        required=True,
        flag_values=values,
    )
    cli.define_path(
        "output_dir", "found", "Where annotated images, videos and predictions.json go.", flag_values=values
    )
    flags.DEFINE_float("score_threshold", 0.3, "Show detections with a score above this.", 0.0, 1.0, flag_values=values)
    cli.define_path(
        "logdir",
        "",
        "Also write the annotated images to this folder as TensorBoard images; of a video the first frame and three "
        "more, evenly spread.",
        flag_values=values,
    )
    flags.DEFINE_bool("overwrite", False, "Replace files that predict did not write, but no input.", flag_values=values)
    flags.DEFINE_integer("batch_size", 8, "Images or frames in a step.", lower_bound=1, flag_values=values)
    tiling.define_flags(values)


def check_flags(args: flags.FlagValues) -> None:
    tiling.tiling_of(args)


def main(args: flags.FlagValues) -> int:
    from ssd_tf.export.exported import needs_tensorflow
    from ssd_tf.inference.files import predict_images
    from ssd_tf.inference.load import load_predictor, warn_of_min_score
    from ssd_tf.media.inputs import find_images_and_videos, root_of

    files = find_images_and_videos(args.input)
    if args.logdir or needs_tensorflow(args.model):
        cli.start_tensorflow()
    predictor = load_predictor(args.model)
    warn_of_min_score(predictor, args.score_threshold)
    summary = predict_images(
        tiling.tiled(args, predictor),
        files,
        args.output_dir,
        args.score_threshold,
        args.batch_size,
        args.logdir,
        root=root_of(args.input),
        overwrite=args.overwrite,
    )
    print(_report(summary, args.output_dir))
    problems = [*summary.damaged, *summary.unreadable]
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise UserError("; ".join(problems[:_SHOWN]) + more)
    return cli.EXIT_OK


def _report(summary: "Summary", output_dir: str) -> str:
    """ "7 objects in 1 image and 24 frames of 2 videos; annotated copies and predictions.json in found"."""
    read = []
    if summary.images or not summary.videos:
        read.append(counted(summary.images, "image"))
    if summary.videos:
        read.append(f"{counted(summary.frames, 'frame')} of {counted(summary.videos, 'video')}")
    copies = "annotated copies and " if summary.images or summary.frames else ""
    objects = counted(summary.detections, "object")
    return f"{objects} in {' and '.join(read)}; {copies}predictions.json in {output_dir}"


if __name__ == "__main__":
    cli.run("predict")

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Turns other people's weights into a model_dir, which every program here takes; with --reverse, a model into theirs.

python -m ssd_tf.apps.import_weights --source=ssd_r34.pth --output=models/ssd_r34
python -m ssd_tf.apps.import_weights --source=resnet34-333f7ec4.pth --annotations=instances.json --output=models/start
python -m ssd_tf.apps.import_weights --source=VGG_SSD.caffemodel --prototxt=deploy.prototxt --output=models/caffe
python -m ssd_tf.apps.import_weights --source=torchvision:ssd300_vgg16 --output=models/ssd300_coco
python -m ssd_tf.apps.import_weights --reverse --source=runs/mlperf --output=mlperf.safetensors
"""

import pathlib

from absl import flags

from ssd_tf.apps import cli
from ssd_tf.specs import DETECTORS
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.text import counted

# The detector of a file that is given without one.
MLPERF = "ssd300_resnet34"
# The one whose reference has a fault in its non-maximum suppression.
INFERENCE = "ssd1200_resnet34"


def define_flags(values: flags.FlagValues) -> None:
    cli.define_path(
        "source",
        None,
        "A .pth, .pt, .safetensors, .npz or .caffemodel file, or torchvision:NAME, which is downloaded; with "
        "--reverse a model.",
        required=True,
        flag_values=values,
    )
    cli.define_path(
        "output",
        None,
        "The folder to make; with --reverse a .safetensors or .npz file.",
        required=True,
        flag_values=values,
    )
    cli.define_path(
        "detector",
        "",
        f"One of: {', '.join(DETECTORS)}; or a .json file with a spec. Without it that of torchvision:NAME, and "
        f"{MLPERF} for a file. Not used with --reverse.",
        flag_values=values,
    )
    cli.define_path(
        "prototxt",
        "",
        "The net of a .caffemodel, as for deployment; it takes the place of --detector.",
        flag_values=values,
    )
    cli.define_path(
        "annotations",
        "",
        "A COCO instances JSON file that lists the classes; by default the file's own, or COCO's where there are 80, "
        "or 90 of torchvision's. "
        "For a backbone alone give this or --num_classes.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "num_classes",
        0,
        "How many classes, without background; 0: as many as the file has.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_bool(
        "reference_nms",
        False,
        f"Suppress boxes with the fault of MLPerf inference's code, to compare with its results; {INFERENCE} alone.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "reverse", False, "Write a model as the state_dict of its reference, which PyTorch loads.", flag_values=values
    )


def check_flags(args: flags.FlagValues) -> None:
    if args.reference_nms and (args.reverse or args.detector != INFERENCE):
        received = "--reverse" if args.reverse else args.detector or "none"
        raise UserError(f"--reference_nms: expected --detector={INFERENCE}. Received: {received}")
    if args.reverse:
        if args.annotations or args.num_classes or args.prototxt:
            raise UserError("--reverse: expected no --annotations, --num_classes or --prototxt: the model has its own")
    elif pathlib.Path(args.source).suffix == ".caffemodel" and not (args.prototxt or args.detector):
        raise UserError(f"expected --prototxt, the net of {args.source}; or --detector where it has Caffe's own names")
    elif args.prototxt and args.detector:
        raise UserError("expected --detector or --prototxt. Received: both")


def main(args: flags.FlagValues) -> None:
    output = pathlib.Path(args.output)
    if args.reverse:
        export(args, output)
        return
    from ssd_tf import specs
    from ssd_tf.data.formats.coco import read_coco
    from ssd_tf.specs.detector import with_negative_overlaps
    from ssd_tf.weights.convert import import_caffe_model, import_model
    from ssd_tf.weights.published import find, is_published

    categories = read_coco(args.annotations, images="").categories if args.annotations else ()
    if args.num_classes and categories and args.num_classes != len(categories):
        raise UserError(f"--num_classes={args.num_classes}, but --annotations lists {len(categories)} classes")
    if args.prototxt:
        net = pathlib.Path(args.prototxt)
        info = import_caffe_model(pathlib.Path(args.source), net, output, categories, args.num_classes)
    else:
        detector = args.detector or (find(args.source).detector if is_published(args.source) else MLPERF)
        spec = specs.spec(detector)
        if args.reference_nms:
            spec = with_negative_overlaps(spec)
        info = import_model(args.source, spec, output, categories, args.num_classes)
    print(f"{info.spec.name} for {counted(len(info.categories), 'class')} in {output}")


def export(args: flags.FlagValues, output: pathlib.Path) -> None:
    """The other way: a model of ours -> its reference's tensors."""
    from ssd_tf.inference.predictor import load_model
    from ssd_tf.weights.convert import require_writable, write_tensors

    require_writable(output)
    info, model = load_model(args.source)
    write_tensors(output, model, info.spec.weight_names)
    print(f"{args.source} as a state_dict with the names of {info.spec.weight_names} in {output}")


if __name__ == "__main__":
    cli.run("import_weights")

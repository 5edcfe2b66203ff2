# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Divides one annotated data set into train, val and test, stratified by class.

python -m ssd_tf.apps.split --annotations=all.json --fractions=0.8,0.1,0.1 --output_dir=parts
python -m ssd_tf.apps.prepare --annotations=parts/train.json --images=images --output_dir=data --split=train

Writes COCO files. Of a COCO file they keep all fields; of other formats they name the images by where they lie.
"""

import pathlib

from absl import flags

from ssd_tf.apps import cli
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.text import counted, one_line

PARTS = ("train", "val", "test")


def define_flags(values: flags.FlagValues) -> None:
    cli.define_annotations(values)
    cli.define_subset(values)
    flags.DEFINE_list(
        "fractions", "0.8,0.1,0.1", "Of train, val and test; two numbers: of train and val.", flag_values=values
    )
    flags.DEFINE_integer("seed", 0, "Another seed divides otherwise.", lower_bound=0, flag_values=values)
    cli.define_path(
        "output_dir",
        "",
        "Where train.json, val.json, test.json go; without it, beside the annotations.",
        flag_values=values,
    )


def main(args: flags.FlagValues) -> None:
    from ssd_tf.data.annotations import count_classes
    from ssd_tf.data.formats import fields
    from ssd_tf.data.formats.coco import json_file
    from ssd_tf.data.formats.coco_writer import write_coco, write_part
    from ssd_tf.data.formats.readers import as_paths, read_dataset
    from ssd_tf.data.preparation.splitting import split_images

    if not args.annotations:
        raise UserError("expected --annotations")
    fractions = [fields.number(value, "fraction", "--fractions") for value in args.fractions]
    if not 2 <= len(fractions) <= len(PARTS):
        raise UserError(f"fractions: expected two or three numbers. Received: {','.join(args.fractions)}")
    dataset, source = read_dataset(args.annotations, args.images, args.format, args.subset, args.classes)
    if any(image.stored for image in dataset.images):
        raise UserError(
            f"--annotations: expected images in files of their own, which a COCO file names. Received: "
            f"{source['annotations']}, which holds them"
        )
    given = as_paths(args.annotations)
    first = pathlib.Path(given[0])
    first = json_file(first) if source["format"] == "coco" else first
    output = pathlib.Path(args.output_dir or (first if first.is_dir() else first.parent))
    paths = [output / f"{part}.json" for part in PARTS[: len(fractions)]]
    for path in paths:
        if path.exists():
            raise FileExistsError(f"{path} is there already: remove it, or choose another --output_dir")
    parts = split_images(dataset.images, fractions, args.seed)
    output.mkdir(parents=True, exist_ok=True)
    is_one_file = source["format"] == "coco" and len(given) == 1 and not args.classes
    try:
        for path, chosen in zip(paths, parts, strict=True):
            if is_one_file:
                write_part(path, first, chosen)
            else:
                write_coco(path, dataset, chosen)
    except BaseException:  # with a part of them there, the same command would be refused
        for path in paths:
            path.unlink(missing_ok=True)
        raise
    counts = [count_classes(dataset.categories, [dataset.images[k] for k in chosen]) for chosen in parts]
    print(" ".join(f"{path.stem + ' boxes':>12}" for path in paths) + "  name")
    for row in zip(*counts, strict=True):
        print(" ".join(f"{count.boxes:12d}" for count in row) + f"  {one_line(row[0].category.name)}")
    for path, chosen in zip(paths, parts, strict=True):
        print(f"{path}: {counted(len(chosen), 'image')}")


if __name__ == "__main__":
    cli.run("split")

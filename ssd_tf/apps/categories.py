# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Lists the categories of a data set: id, name, images and boxes.

python -m ssd_tf.apps.categories --annotations=instances_train2017.json
python -m ssd_tf.apps.categories --annotations=VOC2012

Of annotations in any format that `prepare` reads.
"""

from absl import flags

from ssd_tf.apps import cli
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.text import one_line


def define_flags(values: flags.FlagValues) -> None:
    cli.define_annotations(values)
    cli.define_subset(values)


def main(args: flags.FlagValues) -> None:
    from ssd_tf.data.annotations import count_classes
    from ssd_tf.data.formats.readers import read_dataset

    if not args.annotations:
        raise UserError("expected --annotations")
    dataset, _ = read_dataset(args.annotations, args.images, args.format, args.subset, args.classes)
    counts = count_classes(dataset.categories, dataset.images)
    names = [one_line(count.category.name) for count in counts]
    width = max(4, *map(len, names))
    print(f"{'id':>5}  {'name':<{width}}  {'images':>7}  {'boxes':>7}")
    for name, count in zip(names, counts, strict=True):
        print(f"{count.category.id:5d}  {name:<{width}}  {count.images:7d}  {count.boxes:7d}")
    boxes = sum(count.boxes for count in counts)
    print(f"{'':5}  {'all':<{width}}  {len(dataset.images):7d}  {boxes:7d}")


if __name__ == "__main__":
    cli.run("categories")

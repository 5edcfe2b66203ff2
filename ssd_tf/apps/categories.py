# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Lists the categories of a data set: id, name, images and boxes.

python -m ssd_tf.apps.categories --annotations=instances_train2017.json
"""

from absl import flags

from ssd_tf.apps import cli


def define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "annotations", None, "The annotations: a COCO instances JSON file.", required=True, flag_values=values
    )


def main(args: flags.FlagValues) -> None:
    from ssd_tf.data.annotations import count_classes
    from ssd_tf.data.formats.coco import read_coco

    dataset = read_coco(args.annotations, images="")
    counts = count_classes(dataset.categories, dataset.images)
    width = max(4, *(len(count.category.name) for count in counts))
    print(f"{'id':>5}  {'name':<{width}}  {'images':>7}  {'boxes':>7}")
    for count in counts:
        print(f"{count.category.id:5d}  {count.category.name:<{width}}  {count.images:7d}  {count.boxes:7d}")
    boxes = sum(count.boxes for count in counts)
    print(f"{'':5}  {'all':<{width}}  {len(dataset.images):7d}  {boxes:7d}")


if __name__ == "__main__":
    cli.run("categories")

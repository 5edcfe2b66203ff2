# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Lists COCO's 80 categories by class, id and name; of an annotations file its own, with images and boxes.

python examples/list_coco_cats.py
python examples/list_coco_cats.py coco2017/annotations/instances_val2017.json

The ids have gaps, 1 to 90. The model numbers the classes without gaps, from 1; class 0 is the background.
"""

import argparse

from ssd_tf.data.annotations import count_classes
from ssd_tf.data.formats.coco import COCO_CATEGORIES, read_coco


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", nargs="?", help="a COCO instances file")
    options = parser.parse_args(argv)
    if options.annotations is None:
        for k, category in enumerate(COCO_CATEGORIES, start=1):
            print(f"{k:5d} {category.id:5d}  {category.name}")
        return
    dataset = read_coco(options.annotations, images="")
    for k, count in enumerate(count_classes(dataset.categories, dataset.images), start=1):
        where = f"{count.boxes} boxes in {count.images} images"
        print(f"{k:5d} {count.category.id:5d}  {count.category.name:16} {where}")


if __name__ == "__main__":
    main()

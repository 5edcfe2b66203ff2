# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Writes COCO instances: some images of an annotated data set, or some of a COCO file with all that it says of them."""

import json
import os
import pathlib
from collections.abc import Sequence

from ssd_tf.data.annotations import FRACTIONS, AnnotatedDataset, AnnotatedImage
from ssd_tf.data.formats import fields
from ssd_tf.data.image_files import file_size
from ssd_tf.geometry.boxes import to_coco_xywh
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import write_atomically


def write_coco(path: pathlib.Path, dataset: AnnotatedDataset, chosen: Sequence[int]) -> None:
    """Writes the images at these places of the data set. File names are relative to the folder of `path`.

    A size that neither the annotations nor a file say is left out.

    Raises:
      ValueError: boxes are fractions of such a size.
    """
    images, annotations = [], []
    for image in (dataset.images[k] for k in chosen):
        name = pathlib.Path(os.path.relpath(image.path.absolute(), path.parent.absolute())).as_posix()
        images.append({"id": image.image_id, "file_name": name, **_size(image)})
        xywh = to_coco_xywh(image.boxes, image.height, image.width)
        for k, box in enumerate(xywh.tolist()):
            entry = {
                "id": len(annotations) + 1,
                "image_id": image.image_id,
                "category_id": int(image.category_ids[k]),
                "bbox": box,
                "area": float(image.areas[k]),
                "iscrowd": int(image.is_crowd[k]),
            }
            if image.is_difficult is not None and image.is_difficult[k]:
                entry["difficult"] = 1
            annotations.append(entry)
    categories = [{"id": category.id, "name": category.name} for category in dataset.categories]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_atomically(path, json.dumps(content))


def _size(image: AnnotatedImage) -> dict[str, int]:
    """Boxes in pixels stay what they are where `fields.size_of` had no file to look into: 1x1 stands for the size."""
    is_unknown = image.without_size and (image.height, image.width) == (1, 1) and file_size(image.path) is None
    if not is_unknown:
        return {"height": image.height, "width": image.width}
    if image.without_size == FRACTIONS and len(image.boxes):
        raise UserError(
            f"{image.path}: expected the image, since its boxes are fractions of a size that the annotations do not say"
        )
    return {}


def write_part(path: pathlib.Path, source: pathlib.Path, chosen: Sequence[int]) -> None:
    """Writes the images at these places of a COCO file that `read_coco` has read, and all that it says of them.

    File names stay what they are.
    """
    content = json.loads(source.read_text(encoding="utf-8-sig"))
    images = [content["images"][k] for k in chosen]
    ids = {fields.id_key(image["id"], "id", "image") for image in images}
    annotations = [
        entry for entry in content["annotations"] if fields.id_key(entry["image_id"], "image_id", "annotation") in ids
    ]
    write_atomically(path, json.dumps({**content, "images": images, "annotations": annotations}))

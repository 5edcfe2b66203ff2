# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A detector for larger or smaller images: the same layers, so that all weights fit, and more or fewer cells."""

import dataclasses

from ssd_tf.specs.detector import DetectorSpec
from ssd_tf.specs.parts import Level
from ssd_tf.utils.errors import UserError


def with_image_size(spec: DetectorSpec, image_size: int) -> DetectorSpec:
    """The detector for images of so many pixels a side; its default boxes keep their share of the image.

    Only where centres of default boxes are spread evenly over a level, as SSDLite's, is it clear what a level of more
    cells is. The name says the new size: "ssdlite320_mobilenet_v2" becomes "ssdlite512_mobilenet_v2".

    Args:
      image_size: a multiple of the stride of the backbone's last level (32 for SSDLite), and at least twice of it.

    Raises:
      ValueError: the size is none of those, or the detector has one size alone.
    """
    if image_size == spec.image_size:
        return spec
    if spec.heads.stride != 1 or any(level.step is not None for level in spec.levels):
        raise UserError(
            f"--image_size: {spec.name} works on {spec.image_size} pixels alone; expected one of the ssdlite320 "
            f"detectors. Received: {image_size}"
        )
    scale, of_backbone = image_size / spec.image_size, len(spec.backbone_levels)
    last = spec.image_size // spec.levels[of_backbone - 1].cells
    if image_size < 2 * last or image_size % last:
        raise UserError(
            f"--image_size: {spec.name} takes multiples of {last} from {2 * last} on. Received: {image_size}"
        )
    cells = [round(level.cells * scale) for level in spec.levels[:of_backbone]]
    for block in spec.extra_blocks:
        cells.append((cells[-1] + 2 * block.padding - block.kernel) // block.stride + 1)
    levels = tuple(_scaled(level, count, scale) for level, count in zip(spec.levels, cells, strict=True))
    before = str(spec.image_size)
    name = spec.name.replace(before, str(image_size), 1) if before in spec.name else f"{spec.name}_{image_size}"
    return dataclasses.replace(spec, name=name, image_size=image_size, levels=levels)


def _scaled(level: Level, cells: int, scale: float) -> Level:
    """The level of so many cells whose default boxes are `scale` times as large."""
    if level.size is None or level.next_size is None:
        boxes = tuple((height * scale, width * scale) for height, width in level.boxes)
        return dataclasses.replace(level, cells=cells, boxes=boxes)
    return dataclasses.replace(level, cells=cells, size=level.size * scale, next_size=level.next_size * scale)

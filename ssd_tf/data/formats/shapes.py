# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The embedded data set: textured shapes of five classes on cluttered backgrounds, with COCO boxes.

It exists so that every program can be tried, tested and trained without a download. The class is
to be recognised by the silhouette alone: colour, texture, size and (where the class allows) rotation are
random. Boxes are measured on the rendered mask, so that they are exact to the pixel. Category ids
are sparse on purpose, as COCO's are.
"""

import json
import os
import pathlib

import cv2
import numpy as np

from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import atomic_path, write_atomically

# Sparse and in no pattern, so that a program that confuses ids and labels fails at once.
CATEGORIES: dict[int, str] = {1: "circle", 3: "triangle", 7: "star", 8: "square", 12: "cross"}
CATEGORY_IDS = tuple(CATEGORIES)

MIN_SIDE = 64  # px; below this the smallest shapes have too few pixels to tell a class
MAX_SHAPES = 5
SIZE_RANGE = (0.12, 0.55)  # of the shorter image side: all but the finest SSD300 levels are used
MIN_INSIDE = 0.75  # part of a shape that must lie within the image
MAX_HIDDEN = 0.4  # part of a shape that later shapes may cover
MIN_CONTRAST = 90.0  # RGB distance of a shape's two colours from the background beneath it
PLACEMENT_TRIES = 12
JPEG_QUALITY = 90


def draw_shapes(
    output_dir: str | os.PathLike[str],
    num_images: int,
    seed: int = 0,
    image_size: tuple[int, int] = (320, 240),
    start_id: int = 1,
) -> pathlib.Path:
    """Writes a drawn data set: JPEGs and COCO instances.

    Image i is a function of (seed, i) and the size alone, not of `num_images`.

    Args:
      output_dir: folder to write to, made if missing: images/*.jpg and annotations.json.
      num_images: number of images, at least 1.
      seed: non-negative; different seeds give different images.
      image_size: (width, height) in pixels, each at least 64.
      start_id: COCO id of the first image and of the first annotation, at least 1: pycocotools
        takes a match with annotation 0 for no match.

    Returns:
      The path of annotations.json. Its boxes are [x, y, w, h] in pixels, the extent of the shape
      before others cover it, clipped to the image; `area` is the shape's pixels in the image.

    Raises:
      ValueError: an argument is out of range.
      OSError: a file cannot be written.
    """
    if num_images < 1:
        raise UserError(f"Expected num_images to be at least 1. Received: num_images={num_images}")
    if seed < 0:
        raise UserError(f"Expected seed to be non-negative. Received: seed={seed}")
    if start_id < 1:
        raise UserError(f"Expected start_id to be at least 1. Received: start_id={start_id}")
    _check_size(image_size)

    output = pathlib.Path(output_dir)
    (output / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for index in range(num_images):
        rng = np.random.default_rng([seed, index])
        image, boxes, category_ids, areas = draw_image(rng, image_size)
        image_id = start_id + index
        file_name = f"{image_id:08d}.jpg"
        _write_jpeg(output / "images" / file_name, image)
        images.append(
            {
                "id": image_id,
                "file_name": file_name,
                "width": image_size[0],
                "height": image_size[1],
            }
        )
        for box, category_id, area in zip(boxes, category_ids, areas, strict=True):
            annotations.append(
                {
                    "id": start_id + len(annotations),
                    "image_id": image_id,
                    "category_id": int(category_id),
                    "bbox": [int(value) for value in box],
                    "area": int(area),
                    "iscrowd": 0,
                }
            )
    path = output / "annotations.json"
    content = {
        "info": {"description": "ssd_tf drawn shapes", "seed": seed},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": key, "name": name, "supercategory": "shape"} for key, name in CATEGORIES.items()],
    }
    write_atomically(path, json.dumps(content))
    return path


def draw_image(
    rng: np.random.Generator, size: tuple[int, int] = (320, 240)
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draws one image of 1 to 5 shapes, later ones over earlier ones.

    Args:
      rng: the only source of randomness.
      size: (width, height) in pixels, each at least 64.

    Returns:
      image: uint8 RGB [height, width, 3].
      boxes: int32 [N, 4], [x, y, w, h] in pixels: the extent of each mask of `place_shapes`.
      category_ids: int32 [N], keys of CATEGORIES.
      areas: int32 [N], pixels of each mask.

    Raises:
      ValueError: the size is too small.
    """
    _check_size(size)
    image = _draw_background(rng, size)
    masks, category_ids = place_shapes(rng, size)
    for mask in masks:
        under = image[mask].mean(axis=0)
        x, y, w, h = mask_box(mask)
        window = image[y : y + h, x : x + w]
        cv2.copyTo(_draw_texture(rng, (w, h), under), mask[y : y + h, x : x + w].view("u1"), window)
    boxes = np.array([mask_box(mask) for mask in masks], np.int32)
    areas = np.array([np.count_nonzero(mask) for mask in masks], np.int32)
    return image, boxes, category_ids, areas


def place_shapes(rng: np.random.Generator, size: tuple[int, int]) -> tuple[list[np.ndarray], np.ndarray]:
    """Chooses the shapes of an image, none of them cut or hidden too much.

    Args:
      rng: the only source of randomness.
      size: (width, height) in pixels.

    Returns:
      masks: 1 to 5 bool [height, width], whole shapes clipped to the image, in drawing order.
      category_ids: int32 [N], keys of CATEGORIES.
    """
    wanted = int(rng.integers(1, MAX_SHAPES + 1))
    masks: list[np.ndarray] = []
    visible: list[np.ndarray] = []
    category_ids: list[int] = []
    # The first shape has none to hide and only fails on the rim: it is drawn until it fits.
    tries = 0
    while len(masks) < wanted and (not masks or tries < wanted * PLACEMENT_TRIES):
        tries += 1
        category_id = CATEGORY_IDS[rng.integers(len(CATEGORY_IDS))]
        mask = _random_mask(rng, category_id, size)
        if mask is None:
            continue
        remaining = [shown & ~mask for shown in visible]
        if any(
            np.count_nonzero(left) < (1 - MAX_HIDDEN) * np.count_nonzero(whole)
            for left, whole in zip(remaining, masks, strict=True)
        ):
            continue
        visible = [*remaining, mask]
        masks.append(mask)
        category_ids.append(category_id)
    return masks, np.array(category_ids, np.int32)


def mask_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The extent of a mask.

    Args:
      mask: bool [height, width] with at least one pixel set.

    Returns:
      (x, y, w, h) in whole pixels: the mask touches all four sides of the box.
    """
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    return x, y, w, h


def shape_polygon(category_id: int, radius: float, angle: float) -> np.ndarray:
    """Outline of a class, centred on the origin.

    Args:
      category_id: a key of CATEGORIES.
      radius: distance of the farthest point from the centre, in pixels.
      angle: rotation in radians.

    Returns:
      float64 [P, 2], (x, y) of the corners in order.

    Raises:
      ValueError: the category is not known.
    """
    name = CATEGORIES.get(category_id)
    if name == "circle":
        corners = _ring(48, 1.0)
    elif name == "triangle":
        corners = _ring(3, 1.0)
    elif name == "square":
        corners = _ring(4, 1.0)
    elif name == "star":
        corners = np.stack([_ring(5, 1.0), _ring(5, 0.42, 0.5)], axis=1).reshape(-1, 2)
    elif name == "cross":
        arm = 0.3  # half the width of an arm whose half length is 1
        quarter = np.array([[arm, arm], [arm, 1.0], [-arm, 1.0]]) / np.hypot(1.0, arm)
        turns = [np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), k) for k in range(4)]
        corners = np.concatenate([quarter @ turn.T for turn in turns])
    else:
        raise UserError(f"Expected category_id to be one of {CATEGORY_IDS}. Received: category_id={category_id}")
    cos, sin = np.cos(angle), np.sin(angle)
    return radius * corners @ np.array([[cos, sin], [-sin, cos]])


def _ring(points: int, radius: float, phase: float = 0.0) -> np.ndarray:
    """`points` points on a circle, the first at the top; phase in steps between two points."""
    angles = 2 * np.pi * (np.arange(points) + phase) / points - np.pi / 2
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _random_mask(rng: np.random.Generator, category_id: int, size: tuple[int, int]) -> np.ndarray | None:
    """A mask [height, width] of the class somewhere in the image; None where too much is cut."""
    width, height = size
    side = rng.uniform(*SIZE_RANGE) * min(size)
    outline = shape_polygon(category_id, 1.0, rng.uniform(0, 2 * np.pi))
    # The size is the longer side of the box, whatever the class and the rotation.
    outline *= side / np.ptp(outline, axis=0).max()
    centre = rng.uniform(0, 1, 2) * [width, height]
    whole = _polygon_area(outline)
    mask = np.zeros((height, width), np.uint8)
    fixed = np.rint((outline + centre) * 16).astype(np.int32)  # four fractional bits for OpenCV
    cv2.fillPoly(mask, [fixed[:, None]], 1, shift=4)
    if np.count_nonzero(mask) < MIN_INSIDE * whole:
        return None
    return mask.view(bool)


def _polygon_area(corners: np.ndarray) -> float:
    """Area of a polygon [P, 2] that does not cross itself, by the shoelace formula."""
    x, y = corners.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _check_size(size: tuple[int, int]) -> None:
    if min(size) < MIN_SIDE:
        raise UserError(
            f"Expected image_size (width, height) to be at least {MIN_SIDE} each. Received: image_size={size}"
        )


def _draw_background(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Gradient, clouds, muted lines, arcs and ragged blobs, noise: uint8 RGB [height, width, 3]."""
    width, height = size
    base = rng.uniform(50, 205, 3)
    coarse = rng.uniform(-22, 22, (4, 5, 3)) + base
    ramp = rng.uniform(-25, 25, (2, 3))
    coarse += np.linspace(ramp[0], ramp[1], 5)[None, :, :]
    coarse = np.clip(coarse, 0, 255).astype(np.uint8)
    image = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)

    for _ in range(rng.integers(6, 14)):
        colour = np.clip(base + rng.uniform(-28, 28, 3), 0, 255).tolist()
        points = rng.uniform(0, 1, (2, 2)) * [width, height]
        thickness = int(rng.integers(1, 4))
        kind = rng.integers(3)
        if kind == 0:
            start, end = points.astype(int).tolist()
            cv2.line(image, start, end, colour, thickness, cv2.LINE_AA)
        elif kind == 1:  # at most a third of an ellipse, so that it is no circle
            axes = (rng.uniform(0.1, 0.5, 2) * min(size)).astype(int).tolist()
            turn, first, span = rng.uniform([0, 0, 40], [360, 360, 120]).tolist()
            centre = points[0].astype(int).tolist()
            cv2.ellipse(image, centre, axes, turn, first, first + span, colour, thickness, cv2.LINE_AA)
        else:
            ragged = _ring(9, 1.0) * rng.uniform(0.6, 1.0, (9, 1)) * rng.uniform(0.6, 1.4, 2)
            corners = ragged * rng.uniform(0.05, 0.2) * min(size) + points[0]
            cv2.fillPoly(image, [corners.astype(np.int32)[:, None]], colour, cv2.LINE_AA)
    return _add_noise(rng, image, int(rng.integers(3, 13)))


def _draw_texture(rng: np.random.Generator, size: tuple[int, int], under: np.ndarray) -> np.ndarray:
    """Two colours, both far from `under` (RGB [3]), in a random pattern: uint8 [h, w, 3]."""
    width, height = size
    first = _contrasting_colour(rng, under)
    second = _contrasting_colour(rng, under)
    period = rng.uniform(0.15, 0.35) * max(size) + 3
    angle = rng.uniform(0, np.pi)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    along = (np.cos(angle) * x + np.sin(angle) * y) / period
    across = (np.cos(angle) * y - np.sin(angle) * x) / period
    pattern = rng.integers(5)
    if pattern == 0:  # stripes
        blend = along % 1 < 0.5
    elif pattern == 1:  # checks
        blend = (along % 1 < 0.5) != (across % 1 < 0.5)
    elif pattern == 2:  # dots
        blend = (along % 1 - 0.5) ** 2 + (across % 1 - 0.5) ** 2 < 0.09
    elif pattern == 3:  # a gradient that stays near the first colour: the middle may lack contrast
        blend = 0.4 * (along - along.min()) / max(float(np.ptp(along)), 1.0)
        second = first + 0.5 * (second - first)
    else:  # plain, with stronger noise
        blend = np.zeros((height, width), np.float32)
    blend = blend[..., None].astype(np.float32)
    texture = first.astype(np.float32) + blend * (second - first).astype(np.float32)
    amplitude = 30 if pattern == 4 else int(rng.integers(2, 12))
    return _add_noise(rng, texture.astype(np.uint8), amplitude)


def _contrasting_colour(rng: np.random.Generator, under: np.ndarray) -> np.ndarray:
    """A random RGB colour [3] at least MIN_CONTRAST away from `under`, which a corner always is."""
    while True:
        colour = rng.uniform(0, 255, 3)
        if np.linalg.norm(colour - under) >= MIN_CONTRAST:
            return colour


def _add_noise(rng: np.random.Generator, image: np.ndarray, amplitude: int) -> np.ndarray:
    """uint8 [h, w, 3] with even noise of +-amplitude added to each value, clipped."""
    noise = rng.integers(0, 2 * amplitude + 1, image.shape, np.uint8)
    return cv2.subtract(cv2.add(image, noise), np.full_like(image, amplitude))


def _write_jpeg(path: pathlib.Path, image: np.ndarray) -> None:
    """Writes uint8 RGB [h, w, 3]."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise OSError(f"Expected OpenCV to encode a JPEG. Received: path={path}")
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())

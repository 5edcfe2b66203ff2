# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images with boxes and labels drawn on them, readable from 100 to 4000 pixels.

A frame is a line in the colour of its class between two thin edges, dark at a light line and light at a dark one: the
line or the edges stand out, whatever the ground. Where labels go is decided in placement.py, what they look like in
labels.py. N is the number of boxes; pixel boxes are int [x0, y0, x1, y1] with the last row and column included.
"""

import dataclasses
import math
from collections.abc import Mapping

import cv2
import numpy as np

from ssd_tf.drawing.labels import fit_text, label_size, render_label
from ssd_tf.drawing.palette import Color, class_color, contrasting
from ssd_tf.drawing.placement import LabelMemory, place_labels
from ssd_tf.utils.errors import UserError

# Sizes as fractions of the image's "side", sqrt(height * width): 640 x 480 gets lines of 2 and letters of 13 pixels.
# Letters under 12 pixels are hard to read. Where room is short, letters are smaller by a fifth.
_LINE_WIDTH, _FONT_SIZE, _MIN_FONT_SIZE, _SMALLER = 1 / 280, 1 / 42, 12, 0.8
# A line is at most this fraction of the shorter side of its box, so that small boxes are not all line; where it would
# be twice this fraction, there is no edge inside.
_MOST_LINE = 1 / 16


@dataclasses.dataclass(frozen=True)
class _Sizes:
    """Pixels of an image's lines, and of the letters of its labels: of the long version and of the short one."""

    line: int
    font: int
    small_font: int


def draw_detections(
    image_u8_hw3: np.ndarray,
    boxes_n4: np.ndarray,
    classes_n: np.ndarray,
    scores_n: np.ndarray | None,
    names: Mapping[int, str],
    *,
    min_side: int = 320,
    text_scale: float = 1.0,
    memory: LabelMemory | None = None,
) -> np.ndarray:
    """Draws boxes with labels like "cat 0.87" on a copy of an image.

    The best score is drawn last, so that it lies on top, and chooses the place of its label first: above the box unless
    that hides something, else inside, below or beside, wherever it hides least of all boxes, small ones most of all.
    Labels never cover each other. Where room is short, a label is the name alone in smaller letters; where there is no
    place at all, only the frame is drawn. Labels stay inside the image; a name too long for it is shortened with "…".
    A character that no font of the system has appears as its escape, like "\\u732b".

    Args:
      image_u8_hw3: uint8 RGB.
      boxes_n4: float [N, 4], [ymin, xmin, ymax, xmax] normalised; clipped to the image. Boxes wholly outside the
        image and boxes with nan are left out.
      classes_n: int [N], keys of `names`.
      scores_n: float [N]; None for ground truth, which is labelled by its name alone and of which the last lies on top.
      names: class -> name; a class that it lacks is called "class 7".
      min_side: an image whose longer side is under this many pixels is enlarged by the smallest whole factor that
        reaches it, so that labels can be read; 0 leaves every image its size.
      text_scale: multiplies the letters and the width of the lines, for screens with fine pixels.
      memory: for the frames of one video, in order: labels then stay where they were in the last frame, if they can.

    Returns:
      A new uint8 RGB array, [H, W, 3], or [f H, f W, 3] for an image enlarged f times.

    Raises:
      ValueError: the image is not uint8 [H, W, 3] or empty, the lengths of the others differ, or text_scale is not
        above 0.
    """
    boxes_n4 = np.asarray(boxes_n4, np.float64).reshape(-1, 4)
    classes_n = np.asarray(classes_n).reshape(-1)
    known_n = np.zeros(len(boxes_n4)) if scores_n is None else np.asarray(scores_n).reshape(-1)
    _check(image_u8_hw3, boxes_n4, classes_n, known_n, text_scale)
    image = _enlarged(image_u8_hw3, min_side)
    sizes = _sizes(image, text_scale)

    order_n = np.argsort(known_n, kind="stable")[::-1]
    best_first = order_n[visible(boxes_n4)[order_n]].tolist()
    frames_n4 = _to_pixels(boxes_n4, *image.shape[:2])[best_first]
    classes = [int(classes_n[i]) for i in best_first]
    versions = []
    for i in best_first:
        name = names.get(int(classes_n[i]), f"class {classes_n[i]}")
        score = "" if scores_n is None else f" {known_n[i]:.2f}"
        versions.append(_versions(name, score, sizes, image.shape[1]))

    for frame, label in zip(frames_n4[::-1], classes[::-1], strict=True):
        _draw_frame(image, frame, class_color(label), sizes.line)
    _draw_labels(image, frames_n4, classes, versions, memory or LabelMemory())
    return image


def _check(image: np.ndarray, boxes_n4: np.ndarray, classes: np.ndarray, scores: np.ndarray, text_scale: float) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise UserError(f"Expected a uint8 image [H, W, 3]. Received: {image.dtype} {list(image.shape)}")
    if not image.size:
        raise UserError(f"Expected an image with pixels. Received: {list(image.shape)}")
    if not len(boxes_n4) == len(classes) == len(scores):
        raise UserError(
            "Expected as many boxes as classes and scores. "
            f"Received: {len(boxes_n4)} boxes, {len(classes)} classes, {len(scores)} scores"
        )
    if not text_scale > 0:
        raise UserError(f"Expected a text_scale above 0. Received: text_scale={text_scale}")


def _enlarged(image: np.ndarray, min_side: int) -> np.ndarray:
    """A copy, enlarged by a whole factor where it is smaller than min_side."""
    height, width = image.shape[:2]
    factor = math.ceil(min_side / max(height, width))
    if factor <= 1:
        return np.array(image, order="C")
    size = (width * factor, height * factor)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _sizes(image: np.ndarray, text_scale: float) -> _Sizes:
    side = math.sqrt(image.shape[0] * image.shape[1])
    font = max(_MIN_FONT_SIZE, side * _FONT_SIZE)
    return _Sizes(
        line=max(2, round(side * _LINE_WIDTH * text_scale)),
        font=max(1, round(font * text_scale)),
        small_font=max(1, round(max(_MIN_FONT_SIZE, font * _SMALLER) * text_scale)),
    )


def visible(boxes_n4: np.ndarray) -> np.ndarray:
    """bool [N]: which boxes have any part inside the image. Comparisons with nan are False."""
    ymin, xmin, ymax, xmax = boxes_n4.T
    ordered = (ymin <= ymax) & (xmin <= xmax)
    return ordered & (ymax > 0) & (xmax > 0) & (ymin < 1) & (xmin < 1)


def _to_pixels(boxes_n4: np.ndarray, height: int, width: int) -> np.ndarray:
    """Normalised yxyx boxes -> the pixels that they cover, int [N, 4], at least one by one."""
    scale = np.array([height, width, height, width])
    y0, x0, y1, x1 = np.rint(np.clip(np.nan_to_num(boxes_n4), 0, 1) * scale).astype(np.int64).T
    x0, y0 = np.minimum(x0, width - 1), np.minimum(y0, height - 1)
    return np.stack([x0, y0, np.maximum(x1 - 1, x0), np.maximum(y1 - 1, y0)], axis=-1)


def _versions(name: str, score: str, sizes: _Sizes, max_width: int) -> list[tuple[str, int]]:
    """Text and size of the letters of a label as it should be, and of the one for crowded images."""
    long, short = fit_text(name, score, sizes.font, max_width), fit_text(name, "", sizes.small_font, max_width)
    return [(long, sizes.font), (short, sizes.small_font)]


def _draw_labels(
    image: np.ndarray,
    frames_n4: np.ndarray,
    classes: list[int],
    versions: list[list[tuple[str, int]]],
    memory: LabelMemory,
) -> None:
    sizes_nv2 = np.array([[label_size(*version) for version in two] for two in versions], np.int64).reshape(-1, 2, 2)
    height, width = image.shape[:2]
    last_numbers_n = memory.recall(frames_n4, np.array(classes))
    places = place_labels(frames_n4, sizes_nv2, (height, width), last_numbers_n)
    memory.keep(frames_n4, np.array(classes), places)
    for place, two, label in zip(places, versions, classes, strict=True):
        if place:
            text, font_size = two[place.version]
            pixels = render_label(text, class_color(label), font_size)
            image[place.y : place.y + pixels.shape[0], place.x : place.x + pixels.shape[1]] = pixels


def _draw_frame(image: np.ndarray, frame: np.ndarray, color: Color, line: int) -> None:
    """Draws the line inwards, so that the frame of a box at the border is seen, and its edges on both sides of it."""
    x0, y0, x1, y1 = (int(v) for v in frame)
    short = min(x1 - x0, y1 - y0) + 1
    line = max(1, min(line, int(short * _MOST_LINE)))
    edge = max(1, line // 3)
    edges = _ring(image, x0 - edge, y0 - edge, x1 + edge, y1 + edge, edge)
    if line <= 2 * short * _MOST_LINE:
        edges += _ring(image, x0 + line, y0 + line, x1 - line, y1 - line, edge)
    for strip in edges:  # half of what is there and half black or white: softer, and dark or light enough
        strip //= 2
        strip += contrasting(color)[0] // 2
    for strip in _ring(image, x0, y0, x1, y1, line):
        strip[:] = color


def _ring(image: np.ndarray, x0: int, y0: int, x1: int, y1: int, width: int) -> list[np.ndarray]:
    """The four sides of a frame as views of the image that do not overlap; what lies outside it is cut off.

    The sides share no pixel even where the frame is so small that they would overlap.
    """
    top, bottom = (max(y0, 0), max(y0 + width, 0)), (max(y1 + 1 - width, y0 + width, 0), y1 + 1)
    left, right = (max(x0, 0), max(x0 + width, 0)), (max(x1 + 1 - width, x0 + width, 0), x1 + 1)
    rows, columns = image[top[1] : bottom[0]], slice(left[0], right[1])
    return [
        image[slice(*top), columns],
        image[slice(*bottom), columns],
        rows[:, slice(*left)],
        rows[:, slice(*right)],
    ]

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Pictures with boxes and labels drawn on them, readable from 100 to 4000 pixels.

Colours are Okabe and Ito's, which colour-blind people can tell apart. OpenCV's text is ASCII only,
so labels are drawn by Pillow in DejaVu Sans; matplotlib, a dependency of ours, brings both. N is
the number of boxes; pixel boxes are int [x0, y0, x1, y1] with the last row and column included.
"""

import functools
import math
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Okabe & Ito 2008, with grey in place of black, which would be lost in dark pictures.
_PALETTE = (
    (230, 159, 0),  # orange
    (86, 180, 233),  # sky blue
    (0, 158, 115),  # bluish green
    (240, 228, 66),  # yellow
    (0, 114, 178),  # blue
    (213, 94, 0),  # vermilion
    (204, 121, 167),  # reddish purple
    (153, 153, 153),  # grey
)
# (grey level to mix in, its share): as they are, lighter, darker.
_SHADES = ((0, 0.0), (255, 0.45), (0, 0.4))
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
# Sizes as fractions of the picture's "side", sqrt(height * width): 640 x 480 gets lines of 2 and
# letters of 13 pixels. Letters under 12 pixels are hard to read.
_LINE_WIDTH, _FONT_SIZE, _MIN_FONT_SIZE = 1 / 280, 1 / 42, 12


def class_color(class_index: int) -> tuple[int, int, int]:
    """The colour of a class as RGB in 0..255: always the same, different for the first 24."""
    cycle, hue = divmod(class_index, len(_PALETTE))
    level, share = _SHADES[cycle % len(_SHADES)]
    red, green, blue = (round(c + (level - c) * share) for c in _PALETTE[hue])
    return red, green, blue


def draw_detections(
    image_u8_hw3: np.ndarray,
    boxes_n4: np.ndarray,
    classes_n: np.ndarray,
    scores_n: np.ndarray | None,
    names: Mapping[int, str],
    *,
    min_side: int = 320,
) -> np.ndarray:
    """Draws boxes with labels like "cat 0.87" on a copy of a picture.

    The best score is drawn last, so that it lies on top, and chooses the place of its label first:
    above the box where there is room, else inside, below or beside, wherever it covers least of the
    other labels. Labels stay inside the picture; a name too long for it is shortened with "…". A
    character that the font lacks appears as its escape, like "\\u732b".

    Args:
      image_u8_hw3: uint8 RGB.
      boxes_n4: float [N, 4], [ymin, xmin, ymax, xmax] normalised; clipped to the picture. Boxes
        wholly outside the picture and boxes with nan are left out.
      classes_n: int [N], keys of `names`.
      scores_n: float [N]; None for ground truth, which is labelled by its name alone and of which
        the last lies on top.
      names: class -> name; a class that it lacks is called "class 7".
      min_side: a picture whose longer side is under this many pixels is enlarged by the smallest
        whole factor that reaches it, so that labels can be read; 0 leaves every picture its size.

    Returns:
      A new uint8 RGB array, [H, W, 3], or [f H, f W, 3] for a picture enlarged f times.

    Raises:
      ValueError: the picture is not uint8 [H, W, 3] or empty, or the lengths of the others differ.
    """
    boxes_n4 = np.asarray(boxes_n4, np.float64).reshape(-1, 4)
    classes = np.asarray(classes_n).reshape(-1).tolist()
    scores = np.zeros(len(boxes_n4)) if scores_n is None else np.asarray(scores_n).reshape(-1)
    if image_u8_hw3.dtype != np.uint8 or image_u8_hw3.ndim != 3 or image_u8_hw3.shape[2] != 3:
        raise ValueError(f"Expected a uint8 image [H, W, 3]. Received: {image_u8_hw3.dtype} {list(image_u8_hw3.shape)}")
    if not image_u8_hw3.size:
        raise ValueError(f"Expected an image with pixels. Received: {list(image_u8_hw3.shape)}")
    if not len(boxes_n4) == len(classes) == len(scores):
        raise ValueError(
            "Expected as many boxes as classes and scores. "
            f"Received: {len(boxes_n4)} boxes, {len(classes)} classes, {len(scores)} scores"
        )
    picture = _enlarged(image_u8_hw3, min_side)
    height, width = picture.shape[:2]
    side = math.sqrt(height * width)
    line = max(2, round(side * _LINE_WIDTH))
    font_size = max(_MIN_FONT_SIZE, round(side * _FONT_SIZE))

    visible = _visible(boxes_n4)
    frames_n4 = _to_pixels(boxes_n4, height, width)
    worst_first = [int(i) for i in np.argsort(scores, kind="stable") if visible[i]]
    labels, places = {}, {}
    for i in reversed(worst_first):
        name = names.get(classes[i], f"class {classes[i]}")
        score = "" if scores_n is None else f" {scores[i]:.2f}"
        labels[i] = _label(name, score, class_color(classes[i]), font_size, width)
        taken = np.array(list(places.values()), np.int64).reshape(-1, 4)
        places[i] = _place(frames_n4[i], labels[i].shape[:2], taken, (height, width))
    for i in worst_first:
        _draw_frame(picture, frames_n4[i], class_color(classes[i]), line)
    for i in worst_first:
        x0, y0, x1, y1 = places[i]
        picture[y0 : y1 + 1, x0 : x1 + 1] = labels[i][: y1 + 1 - y0, : x1 + 1 - x0]
    return picture


def _enlarged(image: np.ndarray, min_side: int) -> np.ndarray:
    """A copy, enlarged by a whole factor where it is smaller than min_side."""
    height, width = image.shape[:2]
    factor = math.ceil(min_side / max(height, width))
    if factor <= 1:
        return np.array(image, order="C")
    size = (width * factor, height * factor)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _visible(boxes_n4: np.ndarray) -> np.ndarray:
    """bool [N]: which boxes have any part inside the picture. Comparisons with nan are False."""
    ymin, xmin, ymax, xmax = boxes_n4.T
    ordered = (ymin <= ymax) & (xmin <= xmax)
    return ordered & (ymax > 0) & (xmax > 0) & (ymin < 1) & (xmin < 1)


def _to_pixels(boxes_n4: np.ndarray, height: int, width: int) -> np.ndarray:
    """Normalised yxyx boxes -> the pixels that they cover, int [N, 4], at least one by one."""
    scale = np.array([height, width, height, width])
    y0, x0, y1, x1 = np.rint(np.clip(np.nan_to_num(boxes_n4), 0, 1) * scale).astype(np.int64).T
    x0, y0 = np.minimum(x0, width - 1), np.minimum(y0, height - 1)
    return np.stack([x0, y0, np.maximum(x1 - 1, x0), np.maximum(y1 - 1, y0)], axis=-1)


def _draw_frame(picture: np.ndarray, frame: np.ndarray, color: tuple[int, int, int], line: int) -> None:
    """Draws the outline inwards, so that the frame of a box at the border is seen whole."""
    x0, y0, x1, y1 = (int(v) for v in frame)
    line = max(1, min(line, (min(x1 - x0, y1 - y0) + 1) // 4))  # leave the middle of small boxes
    region = picture[y0 : y1 + 1, x0 : x1 + 1]
    region[:line] = region[-line:] = color
    region[:, :line] = region[:, -line:] = color


def _place(
    frame: np.ndarray,
    label_size: tuple[int, int],
    taken_m4: np.ndarray,
    picture_size: tuple[int, int],
) -> tuple[int, int, int, int]:
    """Where a label goes: of ten places at the box the first that covers least of other labels.

    Args:
      frame: int [4], the box in pixels.
      label_size: height and width of the label.
      taken_m4: int [M, 4], the labels that have their places.
      picture_size: height and width.

    Returns:
      Pixels of the label, inside the picture. A label larger than the picture is cut.
    """
    x0, y0, x1, y1 = (int(v) for v in frame)
    (h, w), (height, width) = label_size, picture_size
    left, right, above, below = x0, x1 + 1 - w, y0 - h, y1 + 1
    top, bottom = y0, y1 + 1 - h
    inside = [(left, top), (right, top), (left, bottom), (right, bottom)]
    roomy = 2 * h <= y1 + 1 - y0  # else a label inside would hide what the box shows
    candidates = [(left, above), (right, above), *(inside if roomy else [])]
    candidates += [(left, below), (right, below), (x1 + 1, top), (x0 - w, top)]
    candidates = [(x, y) for x, y in candidates if 0 <= y <= height - h] or [(left, top)]
    corners = np.clip(candidates, 0, [max(width - w, 0), max(height - h, 0)])
    places = np.concatenate([corners, np.add(corners, [w - 1, h - 1])], axis=1)
    best = places[int(np.argmin(_overlaps(places, taken_m4).sum(axis=1)))]  # the first of equals
    px0, py0, px1, py1 = (int(v) for v in best)
    return px0, py0, min(px1, width - 1), min(py1, height - 1)


def _overlaps(places_p4: np.ndarray, taken_m4: np.ndarray) -> np.ndarray:
    """Common pixels of every place with every label, int [P, M]."""
    a, b = places_p4[:, None], taken_m4[None]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    return np.prod(np.maximum(high - low + 1, 0), axis=-1)


def _label(name: str, score: str, color: tuple[int, int, int], font_size: int, max_width: int) -> np.ndarray:
    """The text on a filled box, uint8 [h, w, 3], black or white, whichever stands out more."""
    font = _font(font_size)
    name = "".join(c if _can_show(c) else c.encode("unicode_escape").decode() for c in name)
    margin = max(2, font_size // 5)
    text, keep = name + score, len(name)
    while keep > 1 and font.getlength(text) + 2 * margin > max_width:
        keep -= 1
        text = f"{name[:keep]}…{score}"
    ascent, descent = font.getmetrics()
    size = (math.ceil(font.getlength(text)) + 2 * margin, ascent + descent + 2)
    label = Image.new("RGB", size, color)
    draw = ImageDraw.Draw(label)
    # A darker edge parts labels of one class that touch.
    edge = (round(0.6 * color[0]), round(0.6 * color[1]), round(0.6 * color[2]))
    draw.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=edge, width=max(1, font_size // 20))
    text_color = _BLACK if _luminance(color) > 0.179 else _WHITE  # equal contrast at 0.179
    draw.text((margin, 1 + ascent), text, text_color, font, anchor="ls")
    return np.asarray(label)


def _luminance(color: tuple[int, int, int]) -> float:
    """Relative luminance, 0..1, as WCAG 2 defines it for sRGB."""
    srgb = np.array(color) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _font_path() -> str:
    import matplotlib  # late: it costs more than the rest of this file

    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf")


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_font_path(), size)


@functools.cache
def _characters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(_font_path()).get_charmap())


def _can_show(character: str) -> bool:
    return character.isprintable() and ord(character) in _characters()

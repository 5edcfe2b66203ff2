# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images made to fit a window or a video. Images are uint8 [H, W, 3], sizes (width, height) in pixels."""

import cv2
import numpy as np


def fit_within(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The image as large as fits into `size`, its aspect kept; at least one pixel wide and high."""
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    target = max(1, round(width * scale)), max(1, round(height * scale))
    if target == (width, height):
        return image
    # Averages where pixels fall together, so that thin things do not vanish.
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, target, interpolation=interpolation), np.uint8)


def letterbox(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The image in the middle of one of exactly this size, with black bars where its aspect is another."""
    fitted = fit_within(image, size)
    height, width = fitted.shape[:2]
    if (width, height) == size:
        return fitted
    boxed = np.zeros((size[1], size[0], 3), np.uint8)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    boxed[top : top + height, left : left + width] = fitted
    return boxed


def pad_to_even(image: np.ndarray) -> np.ndarray:
    """The image with its last row and column repeated where its sides are odd, as videos need it."""
    height, width = image.shape[:2]
    if height % 2 == width % 2 == 0:
        return image
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")

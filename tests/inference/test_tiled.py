# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Of drawn squares a predictor that finds them by their colour: those too small for it are found in tiles."""

import dataclasses

import cv2
import numpy as np
import pytest

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.geometry.detections import Detections
from ssd_tf.geometry.tiles import Tiling
from ssd_tf.inference.batches import detect_batch, model_input
from ssd_tf.inference.tiled import TiledPredictor

SMALLEST = 6  # pixels a side, of what it sees


class BySight:
    """Finds white squares on black that are not too small: what a detector does, without its faults."""

    spec = ssd_tf.spec("ssd128_tiny")
    categories = (Category(7, "square"),)
    min_score = 0.0
    max_detections = 20
    input_size = (128, 128)
    on_tensorflow = False

    def __call__(self, images, score_threshold=None) -> Detections:
        images = np.asarray(images)
        assert images.shape[1:] == (128, 128, 3)
        boxes = np.zeros((len(images), 20, 4), np.float32)
        scores, classes = np.zeros((len(images), 20), np.float32), np.zeros((len(images), 20), np.int32)
        found = Detections(boxes, scores, classes, np.zeros(len(images), np.int32))
        for index, image in enumerate(images):
            squares = cv2.connectedComponentsWithStats((image[..., 0] > 127).astype(np.uint8))[2][1:]
            for left, top, width, height, _ in squares:
                if min(width, height) >= SMALLEST:
                    k = found.count[index]
                    found.boxes[index, k] = np.array([top, left, top + height, left + width]) / 128
                    found.scores[index, k], found.classes[index, k] = 0.9, 1
                    found.count[index] += 1
        return found


def image_of(*squares: tuple[int, int, int], side: int = 512) -> np.ndarray:
    """Black, with white squares of (top, left, side)."""
    image = np.zeros((side, side, 3), np.uint8)
    for top, left, length in squares:
        image[top : top + length, left : left + length] = 255
    return image


def found_in(image: np.ndarray, tiling: Tiling | None, batch_size: int = 1) -> list[list[int]]:
    """Boxes of the image in pixels, by place."""
    predictor = TiledPredictor(BySight(), tiling) if tiling else BySight()
    (found,) = detect_batch(predictor, [model_input(predictor, image)], batch_size, 0.3)
    boxes = found.boxes[0, : found.count[0]] * image.shape[0]
    return sorted(np.rint(boxes).astype(int).tolist())


def test_a_square_too_small_for_the_model_is_found_in_a_tile():
    image = image_of((40, 40, 16))  # 4 pixels of 128; 7 in a tile
    assert found_in(image, None) == []
    assert found_in(image, Tiling(2, 2)) == pytest.approx(np.array([[40, 40, 56, 56]]), abs=2)


def test_small_squares_in_each_part_of_the_image_and_between_tiles_are_found_once():
    places = [(30, 30), (30, 248), (248, 30), (248, 248), (248, 440), (470, 248), (480, 480)]
    found = found_in(image_of(*((top, left, 20) for top, left in places)), Tiling(2, 2), batch_size=3)
    assert np.array(found) == pytest.approx(np.array([(y, x, y + 20, x + 20) for y, x in places]), abs=2)


def test_a_square_larger_than_a_tile_is_one_box():
    assert found_in(image_of((20, 20, 470)), Tiling(3, 3)) == pytest.approx(np.array([[20, 20, 490, 490]]), abs=4)


def test_columns_come_before_rows_and_sides_may_differ():
    predictor = TiledPredictor(BySight(), Tiling(3, 1))
    assert predictor.input_size == (128, 320)
    assert found_in(image_of((200, 300, 40)), Tiling(3, 1)) == pytest.approx(np.array([[200, 300, 240, 340]]), abs=4)


@pytest.mark.parametrize("keep_equal_iou", [False, True])
def test_boxes_suppress_each_other_as_the_detector_has_it(keep_equal_iou):
    boxes = np.array([[[0.25, 0.25, 0.75, 0.75], [0.25, 0.25, 0.75, 0.5]]], np.float32)  # IoU 1/2
    scores, classes = np.array([[0.9, 0.8]], np.float32), np.ones((1, 2), np.int32)
    in_the_whole = Detections(boxes, scores, classes, np.array([2], np.int32))
    in_tiles = Detections(0 * boxes, 0 * scores, 0 * classes, np.array([0], np.int32))
    views = iter([in_the_whole, *[in_tiles] * 4])

    class Given(BySight):
        detection = dataclasses.replace(BySight.spec.detection, iou_threshold=0.5, keep_equal_iou=keep_equal_iou)
        spec = dataclasses.replace(BySight.spec, detection=detection)

        def __call__(self, images, score_threshold=None) -> Detections:
            return next(views)

    predictor = TiledPredictor(Given(), Tiling(2, 2))
    found = predictor(np.zeros((1, *predictor.input_size, 3), np.uint8))
    assert found.count.tolist() == [2 if keep_equal_iou else 1]


def test_it_is_called_as_the_predictor_that_it_is_made_of():
    predictor = TiledPredictor(BySight(), Tiling(2, 2))
    for name in ("spec", "categories", "min_score", "max_detections", "on_tensorflow"):
        assert getattr(predictor, name) == getattr(BySight, name)
    found = predictor(np.zeros((2, *predictor.input_size, 3), np.uint8))
    assert found.boxes.shape == (2, 20, 4) and found.count.tolist() == [0, 0]

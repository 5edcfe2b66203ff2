# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A set that is good gets no advice; one that is spoiled in one way gets the sentence about that, and no other."""

import dataclasses
import re
import shlex

import numpy as np
import pytest

import ssd_tf
from ssd_tf.data.annotations import Category, ClassCount
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.evaluator import Evaluation
from ssd_tf.evaluation.precision_recall import best_threshold
from ssd_tf.inspection.build import InspectConfig, inspect
from ssd_tf.report.advice import advise, small_objects, unfit_default_boxes
from ssd_tf.report.training_split import TrainingSplit
from ssd_tf.specs import with_image_size
from tests.inspection.made import write_coco

SPEC = ssd_tf.spec("ssd300_resnet34")
CLASSES = {3: "cat", 7: "dog"}
IMAGES, SIDE, BOX = 40, 300, 60


def objects(image: int, width: float = BOX, height: float = BOX) -> list[dict]:
    """One object of each class."""
    return [
        {"image_id": image, "category_id": k, "bbox": [20 + 130 * n, 40 + image, width, height], "area": width * height}
        for n, k in enumerate(CLASSES)
    ]


def evaluation(truths: list[dict], results: list[dict]) -> Evaluation:
    annotations = [{"id": number, "iscrowd": 0, **truth} for number, truth in enumerate(truths, start=1)]
    truth = {
        "images": [{"id": k, "height": SIDE, "width": SIDE} for k in range(IMAGES)],
        "annotations": annotations,
        "categories": [{"id": k, "name": name} for k, name in CLASSES.items()],
    }
    return Evaluation(coco_metrics(truth, results), results, truth)


def found(truths: list[dict], score: float = 0.9) -> list[dict]:
    return [{key: truth[key] for key in ("image_id", "category_id", "bbox")} | {"score": score} for truth in truths]


def training(images: tuple[int, int] = (200, 200), ap50: float | None = 1.0, copies: int | None = 0) -> TrainingSplit:
    counts = zip(CLASSES.items(), images, strict=True)
    classes = tuple(ClassCount(Category(k, name), number, 2 * number) for (k, name), number in counts)
    return TrainingSplit(classes, 200, ap50, copies, IMAGES)


def advice(
    truths: list[dict],
    results: list[dict],
    known: TrainingSplit | None = None,
    threshold: float = 0.3,
    settings: dict | None = None,
):
    scored = evaluation(truths, results)
    best = best_threshold(scored.metrics.matches, None)
    return advise(scored, SPEC, best, threshold, known, "our data", settings or {})


@pytest.fixture(scope="module")
def truths() -> list[dict]:
    return [truth for image in range(IMAGES) for truth in objects(image)]


def only(given: list, key: str):
    assert [one.key for one in given] == [key]
    return given[0]


def test_a_good_detector_on_a_good_set_gets_no_advice(truths):
    assert advice(truths, found(truths), training()) == []
    assert advice(truths, found(truths)) == []


def test_a_class_with_few_images_that_does_worse_is_named_with_its_numbers(truths):
    some = [result for n, result in enumerate(found(truths)) if result["category_id"] == 3 or n % 4 == 1]
    one = only(advice(truths, some, training(images=(200, 9), ap50=0.8)), "few-images")
    assert "Few training images of a class: dog (9 images, 18 objects, AP50 0.50)." in one.finding
    assert "The classes with 50 images or more have an AP50 of 1.00." in one.finding
    assert "Label more images of it" in one.todo
    one = only(advice(truths, some, training(images=(200, 1), ap50=0.8)), "few-images")
    assert "dog (1 image, 2 objects," in one.finding


def test_a_class_with_few_images_that_does_well_is_left_alone(truths):
    assert advice(truths, found(truths), training(images=(200, 9))) == []
    # AP50 of 0.99 or less, where no class has more images; AP50 of 0.90 against 1.
    for part, images in ((40, (9, 9)), (10, (200, 9))):
        most = [result for n, result in enumerate(found(truths)) if n % (2 * part) != 1]
        assert evaluation(truths, most).metrics.summary["AP50"] < 1
        assert advice(truths, most, training(images, ap50=None)) == []


def test_a_class_with_few_images_that_does_as_badly_as_the_rest_is_left_alone(truths):
    # AP50: 0.60 of cats, 0.55 of dogs.
    some = [result for n, result in enumerate(found(truths)) if n < (48 if n % 2 == 0 else 44)]
    assert advice(truths, some, training(images=(200, 9), ap50=None)) == []
    one = only(advice(truths, some, training(images=(9, 9), ap50=None)), "few-images")
    assert "2 classes: cat" in one.finding and "images or more" not in one.finding


@pytest.mark.parametrize(
    ("settings", "few", "overfitted"),
    [
        (
            {},
            " To get the most out of what there is, train with --weights=imagenet.",
            "Then weights to start from (--weights=imagenet), fewer epochs (--patience=6 ends a run whose AP stands "
            "still).",
        ),
        (
            {
                "weights": "imagenet",
                "augment": {"augmentation": "none", "random_crop": True},
                "evaluation": {"patience": 3},
            },
            "",
            "random crops in runs of 25 epochs or more (--augmentation=ssdlite), fewer epochs.",
        ),
        (
            {"weights": "imagenet", "augment": {"augmentation": "ssd", "random_crop": False}},
            "",
            "random crops in runs of 25 epochs or more (--random_crop), fewer epochs (",
        ),
        (
            {
                "init_from": "runs/old",
                "augment": {"augmentation": "ssd", "random_crop": True},
                "evaluation": {"patience": 3},
            },
            "",
            "More images are the best remedy. Then fewer epochs.",
        ),
    ],
)
def test_a_run_is_not_told_to_do_what_it_did(truths, settings, few, overfitted):
    some = [result for n, result in enumerate(found(truths)) if result["category_id"] == 3 or n % 4 == 1]
    first, second = advice(truths, some, training(images=(200, 9)), settings=settings)
    assert first.todo.partition("are better.")[2] == few
    assert overfitted in second.todo
    assert not any(flag in one.todo for one in (first, second) for flag in ("mosaic", "mixup", "freeze"))  # none helped


def test_weights_for_the_whole_detector_are_told_to_a_run_that_began_with_its_backbones(truths):
    scored = evaluation(truths, found(truths)[: IMAGES // 2])
    known = best_threshold(scored.metrics.matches, None), 0.3, training(images=(9, 9))
    spec = ssd_tf.spec("ssd300_vgg16_torchvision")
    first, *_ = advise(scored, spec, *known, "data", {"weights": "imagenet"})
    assert "train with --weights=coco." in first.todo
    first, *_ = advise(scored, spec, *known, "data", {})
    assert "train with --weights=coco or --weights=imagenet." in first.todo


def test_small_objects_that_are_not_found_are_told_with_their_size_at_the_input(truths):
    small = [truth for image in range(IMAGES // 2) for truth in objects(image, 12, 10)]
    for n, truth in enumerate(small):
        truth["bbox"][1] += 150 + n % 3
    one = only(advice(truths + small, found(truths)), "small-objects")
    assert "33% have sides under 16 pixels where the image is made 300 x 300 (in the middle 12 x 10)" in one.finding
    assert "0% of them are found, 100% of the larger ones" in one.finding
    assert "--image_size=512" in one.todo and "--tiles=2x2" in one.todo


@pytest.mark.parametrize(
    ("size", "larger"), [(320, "--image_size=512 "), (512, "--image_size=1024 "), (1024, "Without training anew")]
)
def test_an_input_larger_than_the_one_in_use_is_advised(size, larger):
    spec = with_image_size(ssd_tf.spec("ssdlite320_mobilenet_v2"), size)
    tiny = np.array([[0.1, 0.1, 0.11, 0.11]])
    one = small_objects(tiny, np.array([False]), spec)
    assert one is not None and one.todo.startswith(("A larger input: train with " if size < 1024 else "") + larger)


def test_small_objects_that_are_found_need_no_advice(truths):
    small = [truth for image in range(IMAGES) for truth in objects(image, 14, 15)]
    assert advice(small, found(small)) == []


def test_default_boxes_that_do_not_fit_are_told_with_how_many_they_match(truths):
    bars = [truth for image in range(IMAGES) for truth in objects(image, 120, 8)]
    one = only(advice(bars, found(bars)), "default-boxes")
    assert "match 0% of the objects that are large enough" in one.finding and "15.0 times the shorter" in one.finding
    assert "ssd_tf inspect --data_dir='our data' --detector=ssd300_resnet34 lists" in one.todo


def test_the_command_for_better_default_boxes_writes_the_detector_that_is_advised(truths, tmp_path, monkeypatch):
    bars = [truth for image in range(IMAGES) for truth in objects(image, 120, 24)]  # those of SSDLite match all
    names = [f"{k}.png" for k in range(IMAGES)]
    rows = {name: [(*truth["bbox"], 1) for truth in bars[2 * k : 2 * k + 2]] for k, name in enumerate(names)}
    path = write_coco(tmp_path, {name: np.full((SIDE, SIDE, 3), 9, np.uint8) for name in names}, rows)
    prepare(read_coco(path, tmp_path / "images"), tmp_path / "our data", "train", {}, num_shards=1)
    one = only(advice(bars, found(bars)), "default-boxes")
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"ssd_tf inspect (.*?) lists", one.todo)
    inspect(InspectConfig(**dict(flag.removeprefix("--").split("=") for flag in shlex.split(command))))
    (detector,) = re.findall(r"train with --detector=(\S+)\.$", one.todo)
    proposed = ssd_tf.spec(detector)
    assert proposed.name == "ssd300_resnet34_proposed"
    scored = evaluation(bars, found(bars))
    assert advise(scored, proposed, best_threshold(scored.metrics.matches, None), 0.3, None, "our data", {}) == []


@pytest.mark.parametrize(
    ("detector", "width", "height", "larger"),
    [
        ("ssdlite320_mobilenet_v2", 60, 30, "A larger input: with --image_size=512 they match 50%. "),
        ("ssdlite320_mobilenet_v2", 60, 12, ""),  # no number of cells helps
        ("ssd300_resnet34", 60, 12, ""),  # has one size
    ],
)
def test_a_detector_with_default_boxes_of_its_own_is_told_of_others(detector, width, height, larger):
    spec = dataclasses.replace(ssd_tf.spec(detector), name="mine_proposed")
    left = 0.1 + 0.01 * np.arange(40)
    boxes_n4 = np.stack([0 * left + 0.1, left, 0 * left + 0.1 + height / SIDE, left + width / SIDE], axis=1)
    one = unfit_default_boxes(boxes_n4, spec, "data")
    assert one is not None
    assert one.todo == f"{larger}Another detector: ssd_tf inspect --data_dir=data lists how well each of them fits."


def test_sure_detections_where_nothing_is_labelled_are_shown_the_surest_first(truths):
    lacking = [truth for n, truth in enumerate(truths) if n % 8 != 1]  # every eighth label is missing
    results = found(truths)
    for n, result in enumerate(results):
        result["score"] = 0.8 + 0.001 * n
    one = only(advice(lacking, results), "missing-labels")
    assert "10 of 80 detections with scores above 0.79 are where no object is labelled, in 10 images" in one.finding
    assert one.places == tuple(range(73, 0, -8))
    assert one.todo.endswith("without objects help, with --keep_background_images.")
    one = only(advice(lacking, results, settings={"keep_background_images": True}), "missing-labels")
    assert one.todo.endswith("without objects help.")


def test_unsure_detections_where_nothing_is_labelled_are_no_missing_labels(truths):
    lacking = [truth for n, truth in enumerate(truths) if n % 8]
    results = [{**result, "score": 0.9 if n % 8 else 0.2} for n, result in enumerate(found(truths))]
    assert advice(lacking, results) == []


def test_overfitting_is_told_with_both_numbers(truths):
    half = [result for n, result in enumerate(found(truths)) if n % 4 < 2]
    one = only(advice(truths, half, training(ap50=0.97)), "overfitting")
    assert "AP50 is 0.97 on 200 images of training, and 0.50 on these" in one.finding
    assert advice(truths, half, training(ap50=0.55)) == []
    assert advice(truths, half, training(ap50=None)) == []


def test_copies_of_training_images_are_counted(truths):
    one = only(advice(truths, found(truths), training(copies=12)), "copies")
    assert "12 of 40 images look like one of training" in one.finding
    one = only(advice(truths, found(truths), training(copies=12), settings={"data_dir": "trained/on"}), "copies")
    assert "ssd_tf inspect --data_dir=trained/on shows the pairs" in one.todo
    assert advice(truths, found(truths), training(copies=None)) == []


def test_another_threshold_is_told_where_it_gains(truths):
    doubles = [{**result, "bbox": [0, 0, 9, 9], "score": 0.4} for result in found(truths)]
    one = only(advice(truths, found(truths) + doubles), "threshold")
    assert "With a score threshold of 0.89 F1 is 1.00 (precision 1.00, recall 1.00); with 0.3 it is 0.67" in one.finding
    assert "--score_threshold=0.89," in one.todo
    assert advice(truths, found(truths) + doubles, threshold=0.5) == []


@pytest.mark.parametrize(
    ("right", "wrong", "flag"), [(0.9965, 0.4, "0.99"), (0.9965, 0.9962, "0.9964"), (1, 0.4, "0.99")]
)
def test_the_threshold_that_is_advised_gives_the_numbers_beside_it(truths, right, wrong, flag):
    results = found(truths, right) + [{**result, "bbox": [0, 0, 9, 9], "score": wrong} for result in found(truths)]
    one = next(one for one in advice(truths, results) if one.key == "threshold")
    (given,) = re.findall(r"--score_threshold=([\d.]+),", one.todo)
    assert given == flag and f"With a score threshold of {flag} F1 is 1.00" in one.finding
    kept = [result for result in results if np.float32(result["score"]) > np.float32(given)]  # as programs do
    assert [result["score"] for result in kept] == [right] * len(truths)


def test_a_split_without_objects_and_a_detector_that_finds_nothing_get_no_error(truths):
    assert advice([], []) == []
    assert advice(truths, []) == []
    assert advice([], found(truths)[:2]) == []
    assert np.isnan(best_threshold(evaluation([], []).metrics.matches, None).threshold)

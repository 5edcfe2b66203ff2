# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What keeps a detector from being better, as far as numbers tell, and what to do about it: a sentence for each."""

import contextlib
import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.evaluation.coco_matching import CROWD, FOUND, WRONG, by_image, overlaps, truths_of
from ssd_tf.evaluation.coco_metrics import ClassResult, CocoMetrics
from ssd_tf.evaluation.evaluator import Evaluation
from ssd_tf.evaluation.precision_recall import BestThreshold, above_threshold, usable_threshold
from ssd_tf.geometry.boxes import clip, from_coco_xywh
from ssd_tf.inspection.anchor_recall import anchor_recall
from ssd_tf.inspection.fit import WELL
from ssd_tf.inspection.targets import PROPOSAL
from ssd_tf.report.training_split import TrainingSplit
from ssd_tf.settings import CROPPED_EPOCHS
from ssd_tf.specs import DETECTORS, DetectorSpec, with_image_size
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.text import counted
from ssd_tf.weights.published import for_detector

# Images of a class, below which more of them are the first thing to try; what AP50 is good enough, and by how much a
# lower one must be below that of the classes with more images.
_FEW, _GOOD, _LOWER = 50, 0.8, 0.1
# Side at the input, in pixels, below which SSD's coarse levels hardly see an object; how many objects are so, and by
# how much fewer of them are found, that it is worth a word.
_SMALL_SIDE, _MANY, _GAP = 16, 0.1, 0.15
# Inputs that are larger: --image_size of the resizable detectors, and a detector of about that size.
_LARGER = ((512, "ssd512_vgg16"), (1024, "ssd1200_resnet34"))
# AP50 of training images above that of others.
_OVERFITTED = 0.15
# Evaluations without a better AP that end a run: half of those in a long run of quickstart's, which has 12.
_PATIENCE = 6
# What a better threshold adds to F1.
_BETTER = 0.02
# Of detections where no object is labelled: how sure, what part of all that are so sure, and how many.
_SURE, _NOT_FEW, _AT_LEAST = 0.5, 0.05, 5
# Not more than this of a truth's box is in one that is "where nothing is labelled", as in error_analysis.py.
_BACKGROUND_IOU = 0.1
_NAMED = 5


class Advice(NamedTuple):
    """What holds, by the numbers, and what to do. `places` are results to be looked at, the surest first."""

    key: str
    finding: str
    todo: str
    places: tuple[int, ...] = ()


def advise(
    evaluation: Evaluation,
    spec: DetectorSpec,
    best: BestThreshold,
    score_threshold: float,
    training: TrainingSplit | None,
    data_dir: str,
    settings: Mapping[str, Any],
) -> list[Advice]:
    """All that holds; empty where nothing stands out.

    Args:
      evaluation: of a split.
      spec: the detector.
      best: the score threshold with the best F1.
      score_threshold: the one in use.
      training: what is known of the split that the detector was trained on; None where that is not there.
      data_dir: the folder of the split.
      settings: of the run, as config.json has them; empty where they are not known.
    """
    metrics = evaluation.metrics
    usable = usable_threshold(best, metrics.matches, None)
    boxes_n4, found_n = _objects(evaluation)
    data = shlex.quote(str(settings.get("data_dir") or data_dir))
    weights = _better_weights(spec, settings)
    found = [
        few_images(metrics.per_class, training, weights) if training else None,
        small_objects(boxes_n4, found_n, spec),
        unfit_default_boxes(boxes_n4, spec, data),
        missing_labels(evaluation, usable, settings),
        overfitted(metrics, training, weights, settings) if training else None,
        copies(training, data) if training else None,
        other_threshold(metrics, usable, score_threshold),
    ]
    return [advice for advice in found if advice]


def few_images(results: Sequence[ClassResult], training: TrainingSplit, weights: Sequence[str]) -> Advice | None:
    """Classes with few training images that do badly, and worse than the rest; `weights` are flags that help."""
    images = {count.category.id: count.images for count in training.classes}
    boxes = {count.category.id: count.boxes for count in training.classes}
    known = [result for result in results if not math.isnan(result.ap50)]
    few = [result for result in known if images.get(result.category_id, 0) < _FEW]
    many = [result.ap50 for result in known if result not in few]
    others = float(np.mean(many)) if many else 1.0
    low = min(_GOOD, others - _LOWER)
    worse = sorted((r for r in few if r.ap50 < low), key=lambda r: (images.get(r.category_id, 0), r.name))
    if not worse:
        return None
    named = ", ".join(
        f"{r.name} ({counted(images.get(r.category_id, 0), 'image')}, "
        f"{counted(boxes.get(r.category_id, 0), 'object')}, AP50 {r.ap50:.2f})"
        for r in worse[:_NAMED]
    )
    more = f", and {len(worse) - _NAMED} more" if len(worse) > _NAMED else ""
    rest = f" The classes with {_FEW} images or more have an AP50 of {others:.2f}." if many else ""
    return Advice(
        "few-images",
        f"Few training images of {'a class' if len(worse) == 1 else f'{len(worse)} classes'}: {named}{more}.{rest}",
        f"Label more images of {'it' if len(worse) == 1 else 'them'}: {_FEW} are a start, some hundreds are better."
        + (f" To get the most out of what there is, train with {' or '.join(weights)}." if weights else ""),
    )


def small_objects(boxes_n4: np.ndarray, found_n: np.ndarray, spec: DetectorSpec) -> Advice | None:
    """Many objects are too small at the detector's input, and few of them are found; boxes are normalised."""
    side_n = _sides(boxes_n4, spec)
    small_n = side_n < _SMALL_SIDE
    if len(small_n) == 0 or small_n.mean() < _MANY:
        return None
    recall = float(found_n[small_n].mean())
    others = float(found_n[~small_n].mean()) if (~small_n).any() else 1.0
    if others - recall < _GAP:
        return None
    sizes = (boxes_n4[small_n, 2:] - boxes_n4[small_n, :2]) * spec.image_size
    height, width = np.median(sizes, axis=0)
    larger = f", {others:.0%} of the larger ones" if (~small_n).any() else ""
    return Advice(
        "small-objects",
        f"Objects are small for the input: {small_n.mean():.0%} have sides under {_SMALL_SIDE} pixels where the image "
        f"is made {spec.image_size} x {spec.image_size} (in the middle {width:.0f} x {height:.0f}). {recall:.0%} of "
        f"them are found{larger}.",
        f"{_larger_input(spec)}Without training anew: predict and evaluate with --tiles=2x2. Or leave out objects that "
        "nobody needs.",
    )


def _larger_input(spec: DetectorSpec) -> str:
    for size, detector in _LARGER:
        if size > spec.image_size:
            return f"A larger input: train with --image_size={size} for ssdlite320 detectors, or {detector}. "
    return ""


def unfit_default_boxes(boxes_n4: np.ndarray, spec: DetectorSpec, data: str) -> Advice | None:
    """Default boxes do not fit the shapes of objects that are large enough; boxes normalised, `data` a folder."""
    boxes_n4 = clip(boxes_n4)
    extent_n = np.all(boxes_n4[:, 2:] > boxes_n4[:, :2], axis=1)
    boxes_n4 = boxes_n4[extent_n & (_sides(boxes_n4, spec) >= _SMALL_SIDE)]
    if not len(boxes_n4):
        return None
    recall = anchor_recall(boxes_n4[:, [1, 0, 3, 2]], spec).recall
    if recall >= WELL:
        return None
    sizes = boxes_n4[:, 2:] - boxes_n4[:, :2]
    aspect = float(np.median(np.max(sizes, axis=1) / np.min(sizes, axis=1)))
    return Advice(
        "default-boxes",
        f"The default boxes of {spec.name} match {recall:.0%} of the objects that are large enough for it (IoU of 0.5 "
        f"or more); the others are learnt from a default box that fits badly. The longer side of an object is "
        f"{aspect:.1f} times the shorter, in the middle.",
        _own_boxes(spec, data) if DETECTORS.get(spec.name) == spec else _other_detector(boxes_n4, spec, recall, data),
    )


def _own_boxes(spec: DetectorSpec, data: str) -> str:
    """How a detector of the table gets default boxes of the data's own: without its name, inspect looks at another."""
    return (
        f"ssd_tf inspect --data_dir={data} --detector={spec.name} lists which other detector fits better. Where these "
        f"default boxes match less than {WELL:.0%} of all the data's objects, it writes better ones to {PROPOSAL}, in "
        f"the folder where it is called; train with --detector={PROPOSAL}."
    )


def _other_detector(boxes_n4: np.ndarray, spec: DetectorSpec, recall: float, data: str) -> str:
    """What there is for a detector whose default boxes were changed already; `recall` is what they match."""
    larger = ""
    for size in (size for size, _ in _LARGER if size > spec.image_size):
        with contextlib.suppress(UserError):  # it has one size alone
            found = anchor_recall(boxes_n4[:, [1, 0, 3, 2]], with_image_size(spec, size)).recall
            if found > recall:
                larger = f"A larger input: with --image_size={size} they match {found:.0%}. "
                break
    return f"{larger}Another detector: ssd_tf inspect --data_dir={data} lists how well each of them fits."


def missing_labels(evaluation: Evaluation, usable: BestThreshold, settings: Mapping[str, Any]) -> Advice | None:
    """Sure detections where no object is labelled: labels may be missing; `usable` is of `usable_threshold`."""
    results = Results.of(evaluation.results)
    sure = _SURE if math.isnan(usable.threshold) else max(_SURE, usable.threshold)
    sure_n = results.scores > sure
    wrong = np.flatnonzero(sure_n & (evaluation.metrics.outcomes.detections == WRONG))
    truths = by_image(evaluation.ground_truth["annotations"])
    image_ids = results.image_ids.tolist()
    places = [
        int(place)
        for place in wrong
        if not _touches([truth["bbox"] for truth in truths[image_ids[place]]], results.boxes[place])
    ]
    if len(places) < _AT_LEAST or len(places) < _NOT_FEW * sure_n.sum():
        return None
    places.sort(key=lambda place: -results.scores[place])
    images = len({image_ids[place] for place in places})
    flag = "" if settings.get("keep_background_images") else ", with --keep_background_images"
    return Advice(
        "missing-labels",
        f"{len(places)} of {int(sure_n.sum())} detections with scores above {sure} are where no object is "
        f"labelled, in {counted(images, 'image')}. The surest are shown.",
        "Look at them. Where they are objects, label them: each one that lacks its label counts as an error here, and "
        "in training it teaches the detector to find nothing. Where they are not, images with such things and without "
        f"objects help{flag}.",
        tuple(places),
    )


def overfitted(
    metrics: CocoMetrics, training: TrainingSplit, weights: Sequence[str], settings: Mapping[str, Any]
) -> Advice | None:
    """The images of training are found much better than others; `weights` are flags that help."""
    ours, theirs = metrics.summary["AP50"], training.ap50
    if theirs is None or ours < 0 or theirs - ours < _OVERFITTED:
        return None
    crops, patience = _unused_crops(settings), settings.get("evaluation", {}).get("patience")
    ways = [
        f"weights to start from ({' or '.join(weights)})" if weights else "",
        f"random crops in runs of {CROPPED_EPOCHS} epochs or more ({crops})" if crops else "",
        "fewer epochs" + ("" if patience else f" (--patience={_PATIENCE} ends a run whose AP stands still)"),
    ]
    return Advice(
        "overfitting",
        f"Overfitting: AP50 is {theirs:.2f} on {counted(training.sample, 'image')} of training, and {ours:.2f} on "
        "these.",
        f"More images are the best remedy. Then {', '.join(way for way in ways if way)}.",
    )


def copies(training: TrainingSplit, data: str) -> Advice | None:
    """Images of this split that are in training too; `data` is a folder."""
    if not training.copies:
        return None
    one = training.copies == 1
    return Advice(
        "copies",
        f"{training.copies} of {training.compared} images {'looks' if one else 'look'} like one of training: the "
        "numbers here are better than those on new images would be.",
        f"ssd_tf inspect --data_dir={data} shows the pairs. Images of one series, film or patient belong in one split.",
    )


def other_threshold(metrics: CocoMetrics, usable: BestThreshold, score_threshold: float) -> Advice | None:
    """Another score threshold than the one in use is better: `usable`, of `usable_threshold`."""
    if math.isnan(usable.threshold) or math.isnan(usable.f1):
        return None
    f1 = above_threshold(metrics.matches, None, score_threshold).f1
    if usable.f1 - f1 < _BETTER:
        return None
    return Advice(
        "threshold",
        f"With a score threshold of {usable.threshold} F1 is {usable.f1:.2f} (precision {usable.precision:.2f}, recall "
        f"{usable.recall:.2f}); with {score_threshold:g} it is {f1:.2f}.",
        f"predict, stream and export with --score_threshold={usable.threshold}, unless misses cost more than false "
        "alarms, or less.",
    )


def _better_weights(spec: DetectorSpec, settings: Mapping[str, Any]) -> list[str]:
    """The flags of published weights that say more than what the run started from, the best first."""
    if settings.get("init_from") or settings.get("weights") == "coco":
        return []
    has_backbone = settings.get("weights") == "imagenet" or settings.get("backbone_weights")
    found = []
    for data in ("coco",) if has_backbone else ("coco", "imagenet"):
        with contextlib.suppress(ValueError):  # there are none for this detector
            for_detector(spec, data)
            found.append(f"--weights={data}")
    return found


def _unused_crops(settings: Mapping[str, Any]) -> str:
    """The flags that crop the images of training, where the run is known not to have done so; else ""."""
    augment = settings.get("augment", {})
    flags = [
        "--augmentation=ssdlite" if augment.get("augmentation") == "none" else "",
        "" if augment.get("random_crop", True) else "--random_crop",
    ]
    return " ".join(flag for flag in flags if flag)


def _objects(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of all objects that are no crowds, [N, 4] normalised, and bool [N]: found, at IoU 0.5 and any score."""
    truth, outcomes = evaluation.ground_truth, evaluation.metrics.outcomes.truths
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    truths = truths_of(truth).take(outcomes != CROWD)
    height_n, width_n = np.array([sizes[image_id] for image_id in truths.image_ids], np.float64).reshape(-1, 2).T
    return from_coco_xywh(truths.boxes, height_n, width_n), outcomes[outcomes != CROWD] == FOUND


def _sides(boxes_n4: np.ndarray, spec: DetectorSpec) -> np.ndarray:
    """sqrt(height * width) of each box in pixels at the input."""
    return np.sqrt(np.prod(np.maximum(boxes_n4[:, 2:] - boxes_n4[:, :2], 0), axis=1)) * spec.image_size


def _touches(truths: list[Any], box: np.ndarray) -> bool:
    return bool(truths) and float(overlaps([box], truths).max()) > _BACKGROUND_IOU

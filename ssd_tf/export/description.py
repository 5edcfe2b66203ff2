# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What every exported model carries with it: its detector, its classes, and how it decides what it found."""

import dataclasses
import json
from typing import Any

from ssd_tf.data.annotations import Category
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import parse_json
from ssd_tf.weights.model_info import ModelInfo, info_from_json, info_to_json

# Names of the files inside an exported model. examples/litert_detect.py, which stands alone, knows them too.
DESCRIPTION = "ssd_tf.json"
LABELS = "labels.txt"


@dataclasses.dataclass(frozen=True)
class Description:
    """What an exported model is.

    Attributes:
      info: its spec and its classes.
      score_threshold: it answers detections with a score above this.
      iou_threshold: of two of a class that overlap at least so much, the better one.
      max_detections: K, for an image over all classes.
    """

    info: ModelInfo
    score_threshold: float
    iou_threshold: float
    max_detections: int

    def __post_init__(self):
        if not 0.0 <= self.score_threshold <= 1.0:
            raise UserError(f"score_threshold: expected 0 to 1. Received: {self.score_threshold}")
        if not 0.0 < self.iou_threshold <= 1.0:  # LiteRT's op refuses 0
            raise UserError(f"iou_threshold: expected more than 0, up to 1. Received: {self.iou_threshold}")
        if self.max_detections < 1:
            raise UserError(f"max_detections: expected at least 1. Received: {self.max_detections}")


def describe(
    info: ModelInfo,
    score_threshold: float | None = None,
    iou_threshold: float | None = None,
    max_detections: int | None = None,
) -> Description:
    """The Description of a model; what is None is its spec's.

    Raises:
      ValueError: a threshold is out of range.
    """
    how = info.spec.detection
    return Description(
        info,
        how.score_threshold if score_threshold is None else score_threshold,
        how.iou_threshold if iou_threshold is None else iou_threshold,
        how.max_detections if max_detections is None else max_detections,
    )


def require_clamped_overlaps(description: Description, form: str) -> None:
    """Raises ValueError where what decodes this form's output cannot do as the detector does."""
    if description.info.spec.detection.negative_overlaps:
        raise UserError(
            f"{form}: {description.info.spec.name} has negative_overlaps, for comparison, which only a model_dir and a "
            "SavedModel compute"
        )


def to_json(description: Description, **more: Any) -> str:
    """The content of ssd_tf.json; `more` is what one form alone has to say."""
    spec = description.info.spec
    values = {field.name: getattr(description, field.name) for field in dataclasses.fields(description)}
    del values["info"]
    sizes = {"image_size": spec.image_size, "variances": spec.variances}
    return json.dumps({**info_to_json(description.info), **sizes, **values, **more}, indent=1)


def from_json(text: str | bytes, where: str) -> Description:
    """The Description in the content of an ssd_tf.json.

    Raises:
      ValueError: it is not one of ours; the message names `where` it was.
    """
    try:
        content = parse_json(text)
        info = info_from_json(content)
        return Description(info, *(content[field.name] for field in dataclasses.fields(Description)[1:]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{where}: its {DESCRIPTION} is not a description of ssd_tf ({error!r})") from error


def labels_text(categories: tuple[Category, ...]) -> str:
    """The content of labels.txt: the names of the classes, one a line, without background.

    A name with a line break in it would shift all that follow, so such breaks become spaces.
    """
    return "".join(" ".join(category.name.split()) + "\n" for category in categories)

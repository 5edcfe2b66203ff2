# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What each kind of finding is, and what to do about it, in plain words."""

import collections
import dataclasses
from collections.abc import Sequence

from ssd_tf.data.manifest import LOOK
from ssd_tf.inspection.splits import Split
from ssd_tf.inspection.statistics import ClassRow, lacking_classes, without_boxes

_WITHOUT, _LACKING = "classes without a box", "classes that a split lacks"
# The order of the page: what loses images or boxes comes first.
_KINDS = {
    "missing": (
        "Images that have annotations and no file.",
        "Check --images. prepare stops here, unless --allow_missing.",
    ),
    "unreadable": (
        "Files that are no image, are damaged, or have another size than their annotations say.",
        "prepare leaves them out. Save them anew, or take the annotations that belong to them.",
    ),
    "dropped": ("Boxes without any extent inside their image: they are left out.", "Correct or delete them."),
    "clipped": (
        "Boxes that leave their image: they are cut off at its border.",
        "A pixel or two is rounding. Where it is much, the boxes may be of other images, or of another size of them.",
    ),
    "nothing counts": (
        "No box but crowds in a split: there is no AP.",
        "Give it annotations, or evaluate on another split.",
    ),
    "boxes in 0..1": (
        "Boxes inside the first pixel of their image.",
        "Pixels were expected, and these look like fractions of the sides: multiply them.",
    ),
    "turned upright, boxes by --exif": (
        "Images that EXIF turns; nothing tells whether their boxes are of the image as it is shown or as it is stored.",
        "Look whether the boxes lie on the objects. If not, prepare with --exif=raw.",
    ),
    "turned upright": (
        "Images that EXIF turns, with boxes that are known to be of the one or of the other.",
        "Nothing, where the boxes lie on the objects.",
    ),
    "counted from 0": (
        "Boxes at pixel 0, where VOC counts from 1.",
        "All boxes of such a tool are off by one pixel, which matters for small objects alone.",
    ),
    _LACKING: (
        "Classes with boxes in one split and none in another.",
        "They are never trained, or never evaluated. ssd_tf split divides by class.",
    ),
    _WITHOUT: ("Classes that no box is of.", "They are never learnt. Leave them out with --classes."),
    "one name for several classes": ("Classes with one name and several ids.", "They are trained as different ones."),
    "one file for several images": (
        "Several entries for one image, each with boxes of its own.",
        "An object that one entry lacks is trained as background. Put their boxes together.",
    ),
    "without objects": (
        "Images without any box.",
        "train leaves them out; --keep_background_images trains on them, against false detections.",
    ),
    "boxes that are there twice": ("The same box of the same class, twice in one image.", "Delete one of them."),
    "areas that contradict their boxes": (
        "An area larger than the box, or next to nothing.",
        "APs, APm and APl go by areas. Without an area the box's own is taken.",
    ),
    "of other classes": ("Boxes of classes that --classes does not name.", "They are left out, as was asked for."),
    "difficult": ("Objects that VOC marks as difficult.", "They are left out, as was asked for."),
    "converted": ("What a tool has written in its own way.", "Nothing, if it was understood rightly."),
    "re-encoded": ("Images of kinds that TensorFlow does not read.", "Nothing: they are written again as JPEG or PNG."),
    "renumbered": ("Images with ids that were taken.", "Nothing."),
}
_SMALL = (
    "Boxes smaller than what any default box is matched to.",
    "A larger input (--image_size), images cut into tiles, or no such boxes.",
)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of finding.

    Attributes:
      name: what it is called.
      meaning, advice: what it is, and what to do; "" where it explains itself.
      count: how often it was found.
      messages: (place of a split, message) each; None as the place of what is about all splits.
    """

    name: str
    meaning: str
    advice: str
    count: int
    messages: Sequence[tuple[int | None, str]]


def kinds_of(splits: Sequence[Split], classes: Sequence[ClassRow]) -> list[Kind]:
    """All that was found, by kind, in the order of the page.

    Args:
      splits: with their findings.
      classes: of all splits. What lacks a box is told of all of them together.
    """
    messages: dict[str, list[tuple[int | None, str]]] = collections.defaultdict(list)
    for s, split in enumerate(splits):
        for kind, found in split.findings.items():
            messages[kind.removeprefix(LOOK)] += [(s, message) for message in found]
    count = {kind: len(found) for kind, found in messages.items()}
    without, lacking = without_boxes(classes), lacking_classes(classes, splits)
    for kind, by_words in ((_WITHOUT, {"": without} if without else {}), (_LACKING, lacking)):
        messages.pop(kind, None)
        count[kind] = sum(map(len, by_words.values()))
        for words, names in by_words.items():
            messages[kind].append((None, ": ".join(filter(None, (words, ", ".join(names))))))
    order = list(_KINDS)
    return [
        Kind(kind, *_KINDS.get(kind, _SMALL if kind.startswith("boxes under") else ("", "")), count[kind], found)
        for kind, found in sorted(
            messages.items(), key=lambda item: (order.index(item[0]) if item[0] in order else len(order), item[0])
        )
    ]

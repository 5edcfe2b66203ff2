# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The numbers of the page as a short text."""

from ssd_tf.inspection import statistics
from ssd_tf.inspection.sections import Looked
from ssd_tf.utils.text import one_line

# More classes are left to the page: the most frequent are listed.
_MOST_CLASSES = 20


def table(looked: Looked) -> str:
    """Images and boxes by split, boxes by class, how detectors fit, findings by kind, near-duplicates."""
    splits = looked.splits
    width = max(10, *(len(split.name) + 2 for split in splits))
    lines = ["".join(f"{text:>{width}}" for text in [*(split.name for split in splits)])]
    counts = [statistics.boxes_of_images(split) for split in splits]
    for values, name in (
        ([len(of_split) for of_split in counts], "images"),
        ([int((of_split > 0).sum()) for of_split in counts], "images with boxes"),
        ([int(of_split.sum()) for of_split in counts], "boxes"),
    ):
        lines.append("".join(f"{value:{width}d}" for value in values) + f"  {name}")
    ranked = sorted(looked.classes, key=lambda row: -sum(row.boxes))
    lines += [
        "".join(f"{boxes:{width}d}" for boxes in row.boxes) + f"    {one_line(row.name)}"
        for row in ranked[:_MOST_CLASSES]
    ]
    if len(ranked) > _MOST_CLASSES:
        lines.append(f"{'...':>{width}}  {len(ranked)} classes in all")
    if looked.fit:
        lines += ["", "boxes that default boxes match at IoU 0.5:"]
        listed = [*looked.fit.recalls, *([looked.fit.proposed[1]] if looked.fit.proposed else [])]
        for recall in listed:
            is_best = recall == looked.fit.chosen and recall.recall > 0 and not looked.fit.is_asked
            mark = "  fits best" if is_best else ""
            lines.append(f"{recall.recall:>{width}.1%}  {recall.detector}{mark}")
    lines += ["", "findings:" if looked.kinds else "findings: none"]
    lines += [f"{kind.count:{width}d}  {kind.name}" for kind in looked.kinds]
    if len(splits) > 1:
        lines.append(f"{len(looked.copies.between):{width}d}  pairs of near-duplicates in two splits")
    lines.append(f"{len(looked.copies.within):{width}d}  pairs of near-duplicates in one split")
    return "\n".join(lines)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the page says of a data set: numbers, charts and images, each with a sentence on how to read it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from ssd_tf.drawing.palette import class_color
from ssd_tf.inspection import statistics
from ssd_tf.inspection.box_sections import anchors_section, boxes_section, classes_section, template
from ssd_tf.inspection.copies import Copies, Place
from ssd_tf.inspection.examples import find_examples
from ssd_tf.inspection.fit import Fit
from ssd_tf.inspection.kinds import Kind
from ssd_tf.inspection.samples import Sample, choose_samples, draw_example, draw_sample
from ssd_tf.inspection.splits import Split
from ssd_tf.pages.page import Section, jpeg_file, jpeg_url, parts
from ssd_tf.utils.text import plural

# Of each kind of finding: images, and messages.
_EXAMPLES, _MESSAGES = 4, 8
# Pairs of near-duplicates of each sort.
_PAIRS = 6


class Looked(NamedTuple):
    """All that was found out about a data set."""

    splits: Sequence[Split]
    classes: Sequence[statistics.ClassRow]
    kinds: Sequence[Kind]
    fit: Fit | None
    copies: Copies


def all_sections(looked: Looked, command: str) -> list[Section]:
    """The sections in the order of the page.

    Args:
      looked: what was found out.
      command: that trains with the proposed default boxes; "" without a proposal.
    """
    return [
        findings_section(looked),
        samples_section(looked),
        classes_section(looked.classes, looked.splits),
        boxes_section(looked.splits, looked.fit),
        anchors_section(looked.fit, command),
        copies_section(looked),
    ]


def tiles(looked: Looked) -> Markup:
    """The numbers that are looked for first."""
    images = sum(len(split.images) for split in looked.splits)
    boxes = sum(sum(row.boxes) for row in looked.classes)
    with_boxes = sum(int((statistics.boxes_of_images(split) > 0).sum()) for split in looked.splits)
    rows = [
        (f"{images:,}", plural(images, "image"), f"{with_boxes:,} with boxes"),
        (
            f"{boxes:,}",
            plural(boxes, "box"),
            f"{boxes / with_boxes:.1f} in an image that has any" if with_boxes else "none",
        ),
        (
            f"{len(looked.classes):,}",
            plural(len(looked.classes), "class"),
            f"{len(looked.classes) - len(statistics.without_boxes(looked.classes)):,} with boxes",
        ),
        (f"{sum(kind.count for kind in looked.kinds):,}", "findings", f"kinds: {len(looked.kinds)}"),
        (
            f"{len(looked.copies.between):,}" if len(looked.splits) > 1 else "–",
            "near-duplicates",
            "pairs of images in two splits",
        ),
    ]
    if looked.fit:
        rows.append((f"{looked.fit.chosen.recall:.0%}", "boxes matched", f"by {looked.fit.chosen.detector}"))
    else:
        rows.append(("–", "boxes matched", "there are none"))
    return parts().tiles(rows)


class _Shown(NamedTuple):
    """A kind of finding on the page."""

    title: str
    images: list[Markup]
    messages: list[str]
    more: int


def findings_section(looked: Looked) -> Section:
    """What is odd, by kind, with images."""
    rows = [(kind.name, f"{kind.count:,}", kind.meaning, kind.advice) for kind in looked.kinds]
    shown = [_shown_kind(k, kind, looked.splits) for k, kind in enumerate(looked.kinds)]
    return Section("findings", "What is odd", template().findings(rows, shown))


def _shown_kind(number: int, kind: Kind, splits: Sequence[Split]) -> _Shown:
    images: list[Markup] = []
    told: set[tuple[int | None, str]] = set()
    for s, split in enumerate(splits):
        of_split = [message for place, message in kind.messages if place == s]
        for example in find_examples(split, of_split, _EXAMPLES - len(images)):
            key = f"finding-{number}-{len(images)}"
            title = _of_split(example.message, split, splits)
            images.append(_image(key, title, draw_example(split, example), "findings"))
            told.add((s, example.message))
    rest = [found for found in kind.messages if found not in told]
    listed = [text if s is None else _of_split(text, splits[s], splits) for s, text in rest[:_MESSAGES]]
    return _Shown(f"{kind.name}: {kind.count:,}", images, listed, len(rest) - len(listed))


def samples_section(looked: Looked) -> Section:
    """Images drawn by chance with their boxes."""
    chosen = choose_samples(looked.splits)
    if not chosen:
        return Section("samples", "Images with their boxes", parts().nothing("no image can be read"))
    samples = [draw_sample(looked.splits[s], place) for s, place in chosen]
    seen = {
        sample.split.class_of[i]: sample.split.names[i]
        for sample in samples
        for i in sample.split.images[sample.place].category_ids.tolist()
    }
    legend = [parts().swatch(_rgb(class_color(k)), name) for k, name in sorted(seen.items())]
    shown = [
        _image(f"sample-{k}", _sample_title(sample, looked.splits), sample.drawn, "samples")
        for k, sample in enumerate(samples)
    ]
    return Section("samples", "Images with their boxes", template().samples(legend, shown))


class _Group(NamedTuple):
    title: str
    about: str
    pairs: list[Markup]


def copies_section(looked: Looked) -> Section:
    """Images that are nearly the same, side by side."""
    splits, copies = looked.splits, looked.copies
    sorts = (
        (
            "between",
            copies.between,
            "in two splits",
            "What was trained on is evaluated on: AP comes out too high. Leave such images out of one of the splits.",
        ),
        (
            "within",
            copies.within,
            "in one split",
            "Frames of one video, or images that a tool has copied. Keep them together when you divide the set.",
        ),
    )
    groups = []
    for key, pairs, where, about in sorts:
        if not pairs:
            continue
        places = np.unique(np.linspace(0, len(pairs) - 1, min(_PAIRS, len(pairs))).round().astype(int))
        shown = [_pair(f"{key}-{k}", pairs[k], splits) for k in places.tolist()]
        title = f"{len(pairs):,} {plural(len(pairs), 'pair')} {where}"
        groups.append(_Group(title, about, shown))
    return Section("copies", "Near-duplicates", template().copies(groups))


def _pair(key: str, pair: tuple[Place, Place], splits: Sequence[Split]) -> Markup:
    samples = [draw_sample(splits[s], place) for s, place in pair]
    titles = [_sample_title(sample, splits) for sample in samples]
    files = [(title, jpeg_url(jpeg_file(sample.drawn))) for title, sample in zip(titles, samples, strict=True)]
    return parts().images(key, " and ".join(titles), files, "copies")


def _image(key: str, title: str, image: np.ndarray, section: str) -> Markup:
    return parts().images(key, title, [(title, jpeg_url(jpeg_file(image)))], section)


def _sample_title(sample: Sample, splits: Sequence[Split]) -> str:
    image = sample.split.images[sample.place]
    return _of_split(f"{image.name}, {image.width}x{image.height}", sample.split, splits)


def _of_split(text: str, split: Split, splits: Sequence[Split]) -> str:
    return f"{split.name}: {text}" if len(splits) > 1 else text


def _rgb(color: tuple[int, int, int]) -> str:
    return f"rgb({','.join(map(str, color))})"

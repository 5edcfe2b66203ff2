# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A page about a data set before it is trained on, a short table of the same, and default boxes where none fit."""

import dataclasses
import datetime
import json
import pathlib
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from ssd_tf import specs
from ssd_tf.inspection import sections, statistics
from ssd_tf.inspection.copies import find_copies
from ssd_tf.inspection.fit import WELL, Fit, fit_detectors
from ssd_tf.inspection.kinds import kinds_of
from ssd_tf.inspection.sections import Looked
from ssd_tf.inspection.sources import Source, annotated_sources, prepared_sources
from ssd_tf.inspection.splits import Split, read_split
from ssd_tf.inspection.table import table
from ssd_tf.inspection.targets import find_targets
from ssd_tf.pages.page import page_html, parts
from ssd_tf.specs import spec_to_json
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import write_atomically
from ssd_tf.utils.text import printable

PAGE = "inspect.html"


@dataclasses.dataclass(frozen=True)
class InspectConfig:
    """What is looked at: the flags of the program.

    Attributes:
      data_dir: a folder that prepare wrote; or else annotations, images, format and classes as prepare takes them.
      subsets: of annotations that list several, each a part of its own; none: all as one.
      detector: whose default boxes the charts are about; "" takes the one of the table that fits best.
      output: the page; a proposed detector is written beside it.
    """

    data_dir: str = ""
    annotations: Sequence[str] = ()
    images: Sequence[str] = ()
    format: str = "auto"
    subsets: Sequence[str] = ()
    classes: str = ""
    detector: str = ""
    output: str = PAGE


class Inspected(NamedTuple):
    """What was written, and what is to be printed.

    Attributes:
      page: the page.
      table: the numbers, as text.
      proposal: the file with a proposed detector, or None.
      command: that trains with it, or "".
    """

    page: pathlib.Path
    table: str
    proposal: pathlib.Path | None
    command: str


def inspect(config: InspectConfig, now: datetime.datetime | None = None) -> Inspected:
    """Reads every image of a data set, and writes the page about it.

    Args:
      now: the date on the page; None is this moment.

    Raises:
      FileNotFoundError, ValueError: what is to be looked at is not there or cannot be read, there is no such detector,
        or a file that was not written here is in the way.
      OSError: the page cannot be written.
    """
    targets = find_targets(config.output, config.detector)
    if config.detector:
        specs.spec(config.detector)  # a mistake is told before the images are read
    splits = [read_split(source) for source in _sources(config)]
    rows = statistics.class_rows(splits)
    fit = fit_detectors(statistics.objects(splits), config.detector)
    looked = Looked(splits, rows, kinds_of(splits, rows), fit, find_copies(splits))
    proposal, command = None, ""
    if fit and fit.proposed:
        proposal = targets.proposal
        write_atomically(proposal, json.dumps(spec_to_json(fit.proposed[0]), indent=1) + "\n")
        flags = (f"--detector={proposal}", f"--data_dir={config.data_dir or 'data'}", "--model_dir=runs/mine")
        command = shlex.join(("ssd_tf", "train", *flags))
    title = f"Data set: {_name(config)}"
    header = parts().header(
        title, _about(splits, now or datetime.datetime.now()), _notes(looked), sections.tiles(looked)
    )
    write_atomically(targets.page, printable(page_html(title, header, sections.all_sections(looked, command))))
    return Inspected(targets.page, printable(table(looked)), proposal, command)


def _sources(config: InspectConfig) -> list[Source]:
    if bool(config.data_dir) == bool(config.annotations):
        what = "both" if config.data_dir else "neither"
        raise UserError(f"expected either --data_dir, or --annotations. Received: {what}")
    if config.data_dir:
        return prepared_sources(config.data_dir)
    return annotated_sources(config.annotations, config.images, config.format, config.subsets, config.classes)


def _name(config: InspectConfig) -> str:
    """The folder of the data; of one annotation file its name too."""
    if config.data_dir:
        return pathlib.Path(config.data_dir).resolve().name
    paths = [pathlib.Path(path).resolve() for path in config.annotations]
    if paths[0].is_dir():
        return paths[0].name
    return paths[0].parent.name if len(paths) > 1 else f"{paths[0].parent.name}/{paths[0].name}"


def _about(splits: Sequence[Split], now: datetime.datetime) -> str:
    images = ", ".join(f"{split.name} {len(split.images):,}" for split in splits)
    return f"Images: {images}. Looked at on {now.day} {now:%B %Y, %H:%M}."


def _notes(looked: Looked) -> list[str]:
    """What is wrong before anything is trained."""
    found = []
    unread = sum(int((~split.readable).sum()) for split in looked.splits)
    if unread:
        found.append(f"Images that cannot be read: {unread:,}. Their boxes are counted here; prepare leaves them out.")
    for s, split in enumerate(looked.splits):
        if count := looked.copies.images_of(s):
            of = f"{count:,} of {len(split.images):,}"
            found.append(
                f"Images of {split.name} that look like one of another split: {of}. What is measured on them comes out "
                "too high."
            )
    fit: Fit | None = looked.fit
    if fit is None:
        found.append("No image has a box that is not a crowd: there is nothing to train on.")
    elif fit.proposed:
        found.append(
            f"Default boxes of {fit.chosen.detector} match {fit.chosen.recall:.1%} of the boxes, less than {WELL:.0%}; "
            f"those proposed match {fit.proposed[1].recall:.1%}."
        )
    return found

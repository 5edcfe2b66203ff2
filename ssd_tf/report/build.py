# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The report of a run: one page that needs no other file, and each of its charts and images as a file."""

import dataclasses
import datetime
import functools
import pathlib
from typing import Any, NamedTuple

from markupsafe import Markup

from ssd_tf.data.manifest import manifest_path
from ssd_tf.pages.page import Chart, Section, page_html, parts, require_own_page
from ssd_tf.plots.history import History, read_history
from ssd_tf.plots.rendering import WIDE, render_png
from ssd_tf.plots.training_curves import PANEL_WIDTH, Panel, curves_figure, panel_figure, present_panels
from ssd_tf.report import sections
from ssd_tf.report.scoring import Scored, score_checkpoint
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import atomic_path, make_folder, write_atomically
from ssd_tf.utils.text import counted, plural
from ssd_tf.weights.model_dir import METRICS, find_checkpoint
from ssd_tf.weights.model_info import load_info, load_settings

PAGE = "report.html"
_CURVES = "curves.png"


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """What a report is made of: the flags of the program.

    Attributes:
      data_dir, split: the evaluation's; empty takes those that the run was evaluated on.
      score_threshold: of detections in the confusion matrix and in images.
    """

    model_dir: str
    data_dir: str = ""
    split: str = ""
    output_dir: str = ""
    batch_size: int = 8
    score_threshold: float = 0.3


class Written(NamedTuple):
    """The page's path, and what it lacks with the reasons, each in a sentence."""

    page: pathlib.Path
    missing: list[str]


class _Source(NamedTuple):
    """What is scored on what."""

    checkpoint: str
    data_dir: str
    split: str


def write_report(config: ReportConfig, now: datetime.datetime | None = None) -> Written:
    """Scores the run's best checkpoint, and writes the page with its charts and images into config.output_dir.

    What cannot be shown is left out and named: the evaluation, where the run has no checkpoint yet or its data are not
    there; the curves, where the model was not trained in this folder.

    Args:
      now: the date on the page; None is this moment.

    Raises:
      FileNotFoundError: config.model_dir is none, or config.data_dir or config.split was given and is not there.
      ValueError: the data do not fit the model, there is nothing to report at all, or a page that was not written here
        is in the folder that was given.
      OSError: the files cannot be written.
    """
    model_dir = pathlib.Path(config.model_dir)
    output = pathlib.Path(config.output_dir or model_dir / "report")
    info, settings = load_info(model_dir), load_settings(model_dir) or {}
    history = read_history(model_dir / METRICS)
    source, missing = _find_source(config, model_dir, settings)
    if source is None and not history.training:
        raise UserError(f"{model_dir}: nothing to report. {' '.join(missing)}")
    make_folder(output)
    if config.output_dir:  # the default folder, in the run's own, has pages of earlier versions, without a mark
        require_own_page(output / PAGE, "--output_dir")
    if not history.training:
        missing.append(f"No training curves: {model_dir} has no {METRICS}, so the model was not trained there.")
    scored = None
    if source is not None:
        scored = score_checkpoint(*source, config.batch_size, config.score_threshold, settings)
    title = f"{info.spec.name}: {model_dir.resolve().name}"
    header = _header(title, history, source, scored, missing, now or datetime.datetime.now())
    drawn = sections.evaluation_charts(scored, config.score_threshold) if scored else {}
    shown = [_training(history)] if history.training else []
    if scored:
        shown += sections.evaluation_sections(scored, drawn, config.score_threshold)
    if settings:
        shown.append(Section("settings", "Settings", sections.template().settings(_flat(settings))))
    page = output / PAGE
    write_atomically(page, page_html(title, header, shown))
    _write_files(output, history, drawn, scored)
    return Written(page, missing)


def _find_source(
    config: ReportConfig, model_dir: pathlib.Path, settings: dict[str, Any]
) -> tuple[_Source | None, list[str]]:
    """What to score on what; or None, and why not. What the flags name must be there."""
    data_dir, split = config.data_dir or settings.get("data_dir", ""), config.split or settings.get("val_split", "val")
    try:
        _, checkpoint = find_checkpoint(model_dir)
    except FileNotFoundError as error:
        return None, [f"No evaluation: {error}."]
    if not data_dir:
        return None, ["No evaluation: the model was not trained here, so give its data with --data_dir and --split."]
    if not (config.data_dir or config.split) and not manifest_path(data_dir, split).is_file():
        return None, [
            f"No evaluation: {data_dir} has no split {split!r} any more; --data_dir and --split name another."
        ]
    return _Source(checkpoint, str(data_dir), split), []


def _header(
    title: str,
    history: History,
    source: _Source | None,
    scored: Scored | None,
    missing: list[str],
    now: datetime.datetime,
) -> Markup:
    lines = [f"Made on {now.day} {now:%B %Y, %H:%M}."]
    if source and scored:
        truth = scored.evaluation.ground_truth
        images, boxes, classes = len(truth["images"]), sum(scored.boxes_by_size.values()), len(truth["categories"])
        lines.insert(
            0,
            f"{_named(source.checkpoint, history)} on {source.split} of {source.data_dir}: "
            f"{images:,} {plural(images, 'image')}, {boxes:,} {plural(boxes, 'box')}, {counted(classes, 'class')}.",
        )
        lines[1:1] = [f"{note[0].upper()}{note[1:]}." for note in scored.notes]
    elif history.training:
        last = next(iter(history.training.values()))
        lines.insert(0, f"A run that has reported up to step {last.steps[-1]:,}, epoch {last.epochs[-1]:.4g}.")
    return parts().header(title, " ".join(lines), missing, sections.tiles(scored) if scored else "")


def _named(checkpoint: str, history: History) -> str:
    """The step and, where the run reported it, the epoch of a checkpoint."""
    path = pathlib.Path(checkpoint)
    step = int(path.name.removeprefix("ckpt-"))
    epoch = history.epoch_of(step)
    at = f", epoch {epoch:.4g}" if epoch is not None else ""
    return f"Checkpoint {path.parent.name}/{path.name} (step {step:,}{at})"


def _training(history: History) -> Section:
    charts = [_panel_chart(history, panel) for panel in present_panels(history)]
    return Section("training", "Training", sections.template().training(charts))


def _panel_chart(history: History, panel: Panel) -> Chart:
    draw = functools.partial(panel_figure, history, panel)
    return Chart(f"curve-{panel.key}", f"{panel.title} over the steps of the run.", "", draw, (PANEL_WIDTH,))


def _flat(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """Every setting under the name of its flag; what the parts of the settings hold stands beside the rest."""
    rows = []
    for name, value in settings.items():
        if isinstance(value, dict):
            rows += _flat(value)
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append((name, text or "–"))
    return rows


def _write_files(output: pathlib.Path, history: History, drawn: dict[str, Chart], scored: Scored | None) -> None:
    """Writes charts and images; those that an earlier report left and this one does not have are removed."""
    files = {f"{chart.name}.png": render_png(chart.draw(WIDE)) for chart in drawn.values()}
    if history.training:
        files[_CURVES] = render_png(curves_figure(history))
    if scored:
        files |= sections.example_files(scored)
    for name in {_CURVES, *sections.file_names()} - files.keys():
        (output / name).unlink(missing_ok=True)
    for name, content in files.items():
        with atomic_path(output / name) as temporary:
            temporary.write_bytes(content)

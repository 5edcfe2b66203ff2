# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images and boxes -> a trained detector, its report and its file for a phone, within a number of minutes.

The folder of the run is a model_dir, with the prepared data and the page of `inspect` in it. quickstart.json says what
the run was asked for and which settings it has; with these it is resumed.
"""

import dataclasses
import json
import pathlib
import shlex
import time
from collections.abc import Callable, Sequence
from typing import Any

from ssd_tf import specs
from ssd_tf.data.annotations import AnnotatedDataset
from ssd_tf.data.formats.readers import AUTO, as_paths
from ssd_tf.data.manifest import Manifest, load_manifest
from ssd_tf.data.preparation.prepare import prepare, report
from ssd_tf.data.preparation.upright import UPRIGHT
from ssd_tf.inspection.build import InspectConfig, inspect
from ssd_tf.inspection.sources import prepared_source
from ssd_tf.quickstart.choices import MINUTES, Choice
from ssd_tf.quickstart.finish import Finished, finish
from ssd_tf.quickstart.fitting import Fitted, fit
from ssd_tf.quickstart.parts import Parts, read_parts
from ssd_tf.quickstart.timed import ASKED_FOR, STATE, choose_all, keep, kept, require_minutes
from ssd_tf.quickstart.weights import SCRATCH, Start, find_start
from ssd_tf.settings import train_config
from ssd_tf.specs import spec_to_json
from ssd_tf.training.loop import train
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import make_folder, write_atomically

DATA, PAGE, DETECTOR = "data", "inspect.html", "detector.json"


@dataclasses.dataclass(frozen=True)
class QuickstartConfig:
    """What a run is asked for: the flags of the program.

    Attributes:
      annotations, images, format, classes: as `prepare` takes them.
      val_annotations, val_images: of the images to evaluate on; without them, the data set's own or a fifth of it.
      output: the folder of the run.
      allow_missing: leave images out whose files are missing.
      exif: upright or raw, as `prepare` takes it.
      minutes: until the detector is trained.
      detector: a name or a .json file; "" takes that of the best weights.
      image_size: side of its input in pixels; 0 leaves it.
    """

    annotations: Sequence[str]
    images: Sequence[str] = ()
    format: str = AUTO
    classes: str = ""
    val_annotations: str = ""
    val_images: str = ""
    allow_missing: bool = False
    exif: str = UPRIGHT
    output: str = "runs/quickstart"
    minutes: float = MINUTES
    detector: str = ""
    image_size: int = 0
    seed: int = 0


def quickstart(config: QuickstartConfig, say: Callable[[str], None]) -> Finished | None:
    """Trains a detector on a data set; a run that was interrupted resumes.

    Args:
      say: is given each line of what is done and why.

    Returns:
      What was made; None where a signal stopped it: the same call resumes.

    Raises:
      FileNotFoundError, ValueError: the data cannot be read or trained on, or the folder holds another run, of other
        data for instance.
      OSError: something cannot be written.
    """
    begin = time.monotonic()
    output = pathlib.Path(config.output)
    _check(config, output)
    parts = read_parts(
        as_paths(config.annotations),
        as_paths(config.images),
        config.format,
        config.classes,
        config.val_annotations,
        config.val_images,
    )
    asked = _asked(config, parts)
    settings = kept(output, asked, has_detector=True)
    if settings is None:
        chosen = _choose(config, parts, output, begin, say)
        if chosen is None:
            return None
        settings = keep(output, asked, chosen)
    else:
        settings = in_place(settings, output, config.detector)
        say(f"resuming {output} with its data and the settings in {output / STATE}")
    outcome = train(train_config(**settings, data_dir=str(output / DATA), model_dir=str(output)))
    if outcome.interrupted:
        return None
    return finish(output, str(output / DATA), say)


def in_place(settings: dict[str, Any], output: pathlib.Path, detector: str) -> dict[str, Any]:
    """The settings of a run that was kept, with the file of its detector where the run's folder is now.

    Args:
      detector: the one that was asked for, whose file is the user's.
    """
    own = settings["detector"] != detector and pathlib.Path(settings["detector"]).name == DETECTOR
    return {**settings, "detector": str(output / DETECTOR)} if own else settings


def explained(chosen: Sequence[Choice], output: pathlib.Path) -> str:
    """The settings with their reasons, and the command that does the same in a folder beside the run's."""
    width = max(len(choice.flag) for choice in chosen)
    shown = "\n".join(f"  {choice.flag:{width}}  {choice.why}" for choice in chosen)
    # In the run's own folder it would resume that run.
    by_hand = ["ssd_tf", "train", f"--data_dir={output / DATA}", f"--model_dir={output}-by-hand"]
    return f"settings and why:\n{shown}\nthe same by hand:\n  {shlex.join(by_hand + [c.flag for c in chosen])}\n"


def choose_detector(config: QuickstartConfig, start: Start, dataset: AnnotatedDataset, output: pathlib.Path) -> Choice:
    """The detector by its name; or, of another size or with default boxes for these objects, in a file of the run's.

    Args:
      dataset: what is trained on.
      output: the folder for the file.
    """
    own, spec = specs.spec(start.detector), specs.spec(start.detector, config.image_size)
    fitted = fit(dataset, spec, keep_levels=start.weights == "coco")
    if fitted is None and spec == own:
        usual = "that of the best weights to be had" if start.weights else "small and fast"
        return Choice("detector", start.detector, ASKED_FOR if config.detector else usual)
    taken = fitted or Fitted(spec, f"{own.name} for images of {spec.image_size} pixels a side, as asked for")
    path = output / DETECTOR
    write_atomically(path, json.dumps(spec_to_json(taken.spec), indent=1) + "\n")
    return Choice("detector", str(path), taken.why)


def _choose(
    config: QuickstartConfig, parts: Parts, output: pathlib.Path, begin: float, say: Callable[[str], None]
) -> list[Choice] | None:
    """Prepares the data and settles all settings; None where a signal came."""
    make_folder(output)
    train_part = _prepare(config, parts, output / DATA, say)
    start = find_start(config.detector)
    dataset = prepared_source(output / DATA, train_part).dataset
    chosen = [choose_detector(config, start, dataset, output)]
    looked = inspect(InspectConfig(data_dir=str(output / DATA), detector=chosen[0].value, output=str(output / PAGE)))
    say(f"{looked.table}\nmore on this data set: {looked.page}\n")
    if start.weights:
        chosen.append(Choice("weights", start.weights, start.why))
    else:
        say(start.why)
    chosen.append(Choice("seed", config.seed, "for the order of the images and all random choices"))
    settled = choose_all(chosen, output / DATA, output, config.minutes, begin, say)
    if settled:
        say(explained(settled, output))
    return settled


def _prepare(config: QuickstartConfig, parts: Parts, data_dir: pathlib.Path, say: Callable[[str], None]) -> Manifest:
    """Prepares both parts, and returns the manifest of the one to train on."""
    say(f"{parts.train_source['annotations']} is read as {parts.train_source['format']}; to evaluate on: {parts.how}")
    for split, dataset, source in (
        ("train", parts.train, parts.train_source),
        ("val", parts.val, parts.val_source),
    ):
        prepared = prepare(dataset, data_dir, split, source, allow_missing=config.allow_missing, exif=config.exif)
        say(report(prepared))
    manifest = load_manifest(data_dir, "train")
    if not manifest.num_images_with_boxes:
        raise UserError(f"{parts.train_source['annotations']}: expected boxes to train on. Received: none")
    return manifest


def _check(config: QuickstartConfig, output: pathlib.Path) -> None:
    """Raises ValueError where a setting is wrong, before anything is read or written."""
    require_minutes(config.minutes)
    if config.detector or config.image_size:
        specs.spec(config.detector or SCRATCH, config.image_size)
    for given in as_paths([*config.annotations, *([config.val_annotations] if config.val_annotations else [])]):
        folder = pathlib.Path(given)
        if folder.suffix in (".yaml", ".yml"):  # YOLO's, whose images lie below
            folder = folder.parent
        if folder.is_dir() and output.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"--output: expected a folder outside of {folder}, or the run's own images would be taken for data. "
                f"Received: {output}"
            )


def _asked(config: QuickstartConfig, parts: Parts) -> dict[str, Any]:
    """What makes it another run. Where the data and the folder lie does not."""
    names = ("minutes", "detector", "seed")
    asked = {**{name: getattr(config, name) for name in names}, "data": parts.state}
    if config.image_size:
        asked["image_size"] = config.image_size
    if config.exif != UPRIGHT:
        asked["exif"] = config.exif
    return asked

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
from typing import Any, NamedTuple

import tensorflow as tf

from ssd_tf import specs
from ssd_tf.data.formats.readers import AUTO, as_paths
from ssd_tf.data.manifest import Manifest, load_manifest
from ssd_tf.data.preparation.prepare import prepare, report
from ssd_tf.inspection.build import InspectConfig, inspect
from ssd_tf.inspection.sources import prepared_source
from ssd_tf.quickstart.budget import measure, steps_within
from ssd_tf.quickstart.choices import EVALUATIONS, Choice, Facts, choose, choose_length
from ssd_tf.quickstart.finish import Finished, finish
from ssd_tf.quickstart.fitting import fit
from ssd_tf.quickstart.parts import read_parts
from ssd_tf.quickstart.weights import Start, find_start
from ssd_tf.settings import TrainConfig, train_config
from ssd_tf.specs import spec_to_json
from ssd_tf.training.config import complete
from ssd_tf.training.loop import train
from ssd_tf.training.plan import make_plan
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import make_folder, parse_json, write_atomically

STATE, DATA, PAGE, PROBE, DETECTOR = "quickstart.json", "data", "inspect.html", "probe", "detector.json"


@dataclasses.dataclass(frozen=True)
class QuickstartConfig:
    """What a run is asked for: the flags of the program.

    Attributes:
      annotations, images, format, classes: as `prepare` takes them.
      val_annotations, val_images: of the images to evaluate on; without them, the data set's own or a fifth of it.
      output: the folder of the run.
      minutes: until the detector is trained.
      detector: a name or a .json file; "" takes that of the best weights.
    """

    annotations: Sequence[str]
    images: Sequence[str] = ()
    format: str = AUTO
    classes: str = ""
    val_annotations: str = ""
    val_images: str = ""
    output: str = "runs/quickstart"
    minutes: float = 10.0
    detector: str = ""
    seed: int = 0


class _State(NamedTuple):
    """What quickstart.json holds: what the run was asked for, and the settings that were chosen."""

    asked: dict[str, Any]
    settings: dict[str, Any]


def quickstart(config: QuickstartConfig, say: Callable[[str], None]) -> Finished | None:
    """Trains a detector on a data set; a run that was interrupted resumes.

    Args:
      say: is given each line of what is done and why.

    Returns:
      What was made; None where a signal stopped it: the same call resumes.

    Raises:
      FileNotFoundError, ValueError: the data cannot be read or trained on, the time is too short, or the folder holds
        another run.
      OSError: something cannot be written.
    """
    begin = time.monotonic()
    output = pathlib.Path(config.output)
    state = _read_state(output, config)
    if state is None:
        chosen = _choose(config, output, begin, say)
        if chosen is None:
            return None
        state = _State(_asked(config), {choice.name: choice.value for choice in chosen})
        write_atomically(output / STATE, json.dumps(state._asdict(), indent=1) + "\n")
    else:
        say(f"resuming {output} with the settings in {output / STATE}")
    outcome = train(_train_config(output, state.settings))
    if outcome.interrupted:
        return None
    return finish(output, str(output / DATA), say)


def explained(chosen: Sequence[Choice], output: pathlib.Path) -> str:
    """The settings with their reasons, and the command that does the same in a folder beside the run's."""
    width = max(len(choice.flag) for choice in chosen)
    shown = "\n".join(f"  {choice.flag:{width}}  {choice.why}" for choice in chosen)
    # In the run's own folder it would resume that run.
    by_hand = ["ssd_tf", "train", f"--data_dir={output / DATA}", f"--model_dir={output}-by-hand"]
    return f"settings and why:\n{shown}\nthe same by hand:\n  {shlex.join(by_hand + [c.flag for c in chosen])}\n"


def _choose(
    config: QuickstartConfig, output: pathlib.Path, begin: float, say: Callable[[str], None]
) -> list[Choice] | None:
    """Prepares the data and settles all settings; None where a signal came."""
    make_folder(output)
    train_part, val_part = _prepare(config, output / DATA, say)
    start = find_start(config.detector)
    chosen = [_detector(config, output, start, train_part)]
    looked = inspect(InspectConfig(data_dir=str(output / DATA), detector=chosen[0].value, output=str(output / PAGE)))
    say(f"{looked.table}\nmore on this data set: {looked.page}\n")
    names = [count.category.name for count in train_part.classes]
    gpus = len(tf.config.list_physical_devices("GPU"))
    if start.weights:
        chosen.append(Choice("weights", start.weights, start.why))
    else:
        say(start.why)
    chosen += [*choose(Facts(train_part.num_images_with_boxes, names, gpus)), Choice("seed", config.seed, "asked for")]
    run = _train_config(output, {choice.name: choice.value for choice in chosen} | {"steps": 1})
    say("timing a few steps, in a run that is thrown away")
    speed = measure(run, output / PROBE)
    if speed.interrupted:
        return None
    seconds = 60 * config.minutes - (time.monotonic() - begin)
    steps = steps_within(seconds, speed, run.batch_size, val_part.num_images, EVALUATIONS)
    epoch_steps = make_plan(run).epoch_steps
    say(f"a step of {run.batch_size} images takes {speed.step:.2g} s here")
    chosen += choose_length(steps, epoch_steps, config.minutes)
    say(explained(chosen, output))
    return chosen


def _detector(config: QuickstartConfig, output: pathlib.Path, start: Start, train_part: Manifest) -> Choice:
    """The detector: as the start has it, or with default boxes for these objects, in a file of the run's folder."""
    fitted = fit(prepared_source(output / DATA, train_part).dataset, specs.spec(start.detector))
    if fitted is None:
        usual = "that of the best weights to be had" if start.weights else "small and fast"
        return Choice("detector", start.detector, "asked for" if config.detector else usual)
    path = output / DETECTOR
    write_atomically(path, json.dumps(spec_to_json(fitted.spec), indent=1) + "\n")
    return Choice("detector", str(path), fitted.why)


def _prepare(config: QuickstartConfig, data_dir: pathlib.Path, say: Callable[[str], None]) -> tuple[Manifest, Manifest]:
    parts = read_parts(
        as_paths(config.annotations),
        as_paths(config.images),
        config.format,
        config.classes,
        config.val_annotations,
        config.val_images,
    )
    say(f"{parts.train_source['annotations']} is read as {parts.train_source['format']}; to evaluate on: {parts.how}")
    for split, dataset, source in (
        ("train", parts.train, parts.train_source),
        ("val", parts.val, parts.val_source),
    ):
        say(report(prepare(dataset, data_dir, split, source)))
    manifests = load_manifest(data_dir, "train"), load_manifest(data_dir, "val")
    if not manifests[0].num_images_with_boxes:
        raise UserError(f"{parts.train_source['annotations']}: expected boxes to train on. Received: none")
    return manifests


def _train_config(output: pathlib.Path, settings: dict[str, Any]) -> TrainConfig:
    return complete(train_config(**settings, data_dir=str(output / DATA), model_dir=str(output)))


def _asked(config: QuickstartConfig) -> dict[str, Any]:
    """What makes it another run; as JSON gives it back. Where the folder lies does not."""
    asked = {name: value for name, value in dataclasses.asdict(config).items() if name != "output"}
    return json.loads(json.dumps(asked))


def _read_state(output: pathlib.Path, config: QuickstartConfig) -> _State | None:
    path = output / STATE
    if not path.is_file():
        return None
    try:
        content = parse_json(path.read_bytes())
        state = _State(dict(content["asked"]), dict(content["settings"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: expected what quickstart wrote. Received: {error}") from error
    now = _asked(config)
    if changed := [name for name in now if now[name] != state.asked.get(name)]:
        name = changed[0]
        raise UserError(
            f"--output: {output} holds a quickstart with --{name}={state.asked.get(name)}. Received: "
            f"--{name}={now[name]}. Choose another --output"
        )
    return state

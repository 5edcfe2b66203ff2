# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A trained run -> what one wants to see and use: AP, the report, annotated images, a LiteRT file."""

import io
import pathlib
import shlex
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import PIL.Image

from ssd_tf.data.manifest import load_manifest
from ssd_tf.evaluation.coco_metrics import value_text
from ssd_tf.export.description import describe
from ssd_tf.export.forms import calibration_images, export_model
from ssd_tf.export.litert import LiteRTConfig
from ssd_tf.inference import images as image_list
from ssd_tf.inference.predictor import Predictor, load_model
from ssd_tf.inspection.sources import prepared_source
from ssd_tf.plots.history import read_history
from ssd_tf.report.build import ReportConfig, write_report
from ssd_tf.utils.files import atomic_path, make_folder
from ssd_tf.utils.text import counted
from ssd_tf.weights.model_dir import METRICS

IMAGES, LITERT = "val_images", "model_int8.tflite"
# So many annotated images, evenly spread over the split.
_SHOWN = 24
_SCORE = 0.3
_CALIBRATION_IMAGES = 300


class Finished(NamedTuple):
    """What a run left: the best AP and the AP50 of the same evaluation, -1 where not defined; and the files."""

    ap: float
    ap50: float
    report: pathlib.Path
    images: pathlib.Path
    litert: pathlib.Path


def finish(model_dir: pathlib.Path, data_dir: str, say: Callable[[str], None]) -> Finished:
    """Writes the report, annotated validation images and the LiteRT file into the run's folder.

    Raises:
      FileNotFoundError, ValueError: the run or its data are not there.
      OSError: something cannot be written.
    """
    evaluations = read_history(model_dir / METRICS).evaluations
    best = int(np.argmax(evaluations["AP"].values))
    ap, ap50 = (float(evaluations[name].values[best]) for name in ("AP", "AP50"))
    written = write_report(ReportConfig(str(model_dir)))
    info, model = load_model(model_dir)
    folder = _annotate(Predictor(info.spec, info.categories, model, frozen=True), data_dir, model_dir / IMAGES)
    calibration = calibration_images("int8", data_dir, "train", info.spec, _CALIBRATION_IMAGES)
    litert = export_model(
        describe(info, None, None, None), model, model_dir / LITERT, "litert", LiteRTConfig("int8", "none"), calibration
    )
    done = Finished(ap, ap50, written.page, folder, litert)
    say(summary(done, model_dir, data_dir, load_manifest(data_dir, "val").num_images))
    return done


def summary(done: Finished, model_dir: pathlib.Path, data_dir: str, images: int) -> str:
    """AP on so many images, where the files are, and commands to go on with, as a shell takes them."""
    ap, ap50 = value_text(done.ap, 3), value_text(done.ap50, 3)
    on = f"on {counted(images, 'validation image')}" if done.ap >= 0 else "(not defined: no boxes in val)"
    run, litert, data, served = (
        shlex.quote(str(path)) for path in (model_dir, done.litert, data_dir, model_dir / "served")
    )
    return f"""
AP {ap}  AP50 {ap50}  {on}
report, with what would help:  {done.report}
annotated images:              {done.images}
for phones and boards:         {done.litert} ({done.litert.stat().st_size / 1e6:.1f} MB)

what to do with it:
  ssd_tf predict --model={run} --input=photos --output_dir=found
  ssd_tf predict --model={litert} --input=photos --output_dir=found
  ssd_tf stream --model={run} --source=0
  ssd_tf evaluate --model={litert} --data_dir={data} --split=val
  ssd_tf export --model={run} --output={served}
  tensorboard --logdir={run}"""


def _annotate(predictor: Predictor, data_dir: str, folder: pathlib.Path) -> pathlib.Path:
    """What is found in some images of the split, drawn on them."""
    make_folder(folder)
    images = prepared_source(data_dir, load_manifest(data_dir, "val")).dataset.images
    places = np.unique(np.linspace(0, len(images) - 1, min(_SHOWN, len(images))).round().astype(int))
    for number, place in enumerate(places.tolist()):
        pixels = PIL.Image.open(io.BytesIO(images[place].read_bytes()))  # upright, as prepare wrote it
        (found,) = image_list.predict(predictor, pixels, _SCORE, 1)
        name = f"{number:02d}_{pathlib.Path(images[place].name).stem}.jpg"
        with atomic_path(folder / name) as temporary:
            PIL.Image.fromarray(found.plot()).save(temporary, "JPEG", quality=90)
    return folder

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The Python face: a detector as one object, from its classes or from a file to detections, training and export.

Each method is a call or two of the library, which the programs in apps/ call too. Boxes leave in pixels, as
[xmin, ymin, xmax, ymax]; inside they are normalised, as everywhere here.
"""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

from ssd_tf import specs
from ssd_tf.data.annotations import Category, named_categories
from ssd_tf.data.formats.coco import COCO_CATEGORIES
from ssd_tf.data.formats.readers import AnyPath, read_dataset
from ssd_tf.data.manifest import Manifest, load_manifest
from ssd_tf.data.preparation import prepare as preparation
from ssd_tf.evaluation.coco_metrics import CocoMetrics
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.evaluation.voc_metrics import voc_kinds
from ssd_tf.export.description import describe
from ssd_tf.export.exported import load_exported
from ssd_tf.export.formats import format_of
from ssd_tf.export.forms import calibration_images as images_for
from ssd_tf.export.forms import export_model
from ssd_tf.export.litert import LiteRTConfig
from ssd_tf.geometry.tiles import parse_tiles
from ssd_tf.inference import images as image_list
from ssd_tf.inference.batches import AnyPredictor
from ssd_tf.inference.images import AnImage, Prediction
from ssd_tf.inference.load import warn_of_limits
from ssd_tf.inference.predictor import Predictor, load_model
from ssd_tf.inference.tiled import TiledPredictor
from ssd_tf.models.ssd import build_model
from ssd_tf.quickstart.choices import MINUTES
from ssd_tf.quickstart.timed import LENGTHS, timed_settings
from ssd_tf.settings import train_config
from ssd_tf.specs import DetectorSpec
from ssd_tf.training.config import complete
from ssd_tf.training.loop import Outcome, train
from ssd_tf.training.plan import make_plan
from ssd_tf.training.resume import open_model_dir
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.keras_file import save_keras
from ssd_tf.weights.load import load_backbone, load_fitting_weights
from ssd_tf.weights.model_dir import find_checkpoint, list_checkpoints, restore_model, save_model
from ssd_tf.weights.model_info import CONFIG, ModelInfo
from ssd_tf.weights.published import for_detector

# The weights that a training run starts from, as a model_dir inside its own.
START = "start"


class Detector:
    """A detector: its model, and the classes that it tells apart."""

    def __init__(
        self,
        detector: str | pathlib.Path | DetectorSpec = "ssd300_resnet34",
        classes: Sequence[str] | Mapping[int, str] = (),
        weights: str | pathlib.Path | None = None,
        image_size: int = 0,
    ):
        """A detector that is to be trained, or that gets its weights from a file.

        Args:
          detector: a name of the table, a .json file with a spec, or a spec.
          classes: the names, without background; or names by their ids in the data set, where these are not 1, 2, ...
          weights: None for fresh ones; "imagenet" for a backbone trained on ImageNet, or "coco" for a detector trained
            on COCO, which are downloaded; or a file or checkpoint, as `ssd_tf.load_weights` takes it. Where the
            weights are for other classes, what has an output for each class stays fresh, and the log says so. With
            "coco" and no classes, they are COCO's 80.
          image_size: side of the input in pixels, where it is not the detector's own; of ssdlite320 detectors alone.

        Raises:
          ValueError: the detector is unknown or has no such weights or size, the classes are no list of names, or the
            weights do not fit.
          KeyError: the file of weights lacks a tensor.
          OSError: the file is not there, or cannot be downloaded.
        """
        spec = specs.spec(detector, image_size)
        of_coco = weights == "coco" and not classes
        categories = COCO_CATEGORIES if of_coco else named_categories(classes)
        source = for_detector(spec, str(weights)) if weights in ("coco", "imagenet") else weights
        model = build_model(spec, len(categories))
        if weights == "imagenet":
            load_backbone(model, str(source))
        elif source is not None:
            load_fitting_weights(model, categories, source)
        self._model: keras.Model | None = model
        self._predictor: AnyPredictor = Predictor(spec, categories, model)

    @classmethod
    def load(cls, path: str | pathlib.Path) -> "Detector":
        """The detector in a model_dir, one of its checkpoints, a .keras file, a SavedModel, a .tflite or an .onnx file;
        or "torchvision:NAME", whose weights for COCO are downloaded.

        Raises:
          OSError, ValueError: there is no detector, or it cannot be loaded.
        """
        detector = cls.__new__(cls)
        if exported := load_exported(pathlib.Path(path)):
            detector._model, detector._predictor = None, exported
        else:
            info, detector._model = load_model(path)
            detector._predictor = Predictor(info.spec, info.categories, detector._model, frozen=True)
        return detector

    def __repr__(self) -> str:
        return f"Detector({self.spec.name!r}, classes={self.classes})"

    @property
    def spec(self) -> DetectorSpec:
        """All that tells this SSD from another."""
        return self._predictor.spec

    @property
    def categories(self) -> tuple[Category, ...]:
        """Entry k - 1 is class k: its id in the data set, and its name."""
        return self._predictor.categories

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in their order."""
        return [category.name for category in self.categories]

    @property
    def model(self) -> keras.Model:
        """The Keras model, as `ssd_tf.build_model` makes it. From here on `predict` looks up its weights at each call.

        Raises:
          ValueError: the detector was loaded from an exported form, which has none.
        """
        model = self._keras_model()
        if isinstance(self._predictor, Predictor) and self._predictor.frozen:
            self._predictor = Predictor(self.spec, self.categories, model)
        return model

    def predict(
        self, images: AnImage | Iterable[AnImage], score_threshold: float = 0.3, batch_size: int = 8, tiles: str = ""
    ) -> list[Prediction]:
        """What is in images: a Prediction for each, in their order.

        They are resized as evaluation resizes them.

        Args:
          images: an image, or a list of them, of any size: paths, PIL images, uint8 RGB arrays [H, W, 3]; an array
            [B, H, W, 3]; or a path that is a folder or a pattern such as "photos/*.jpg".
          score_threshold: in [0, 1]; leaves out what scores less.
          batch_size: images in a step.
          tiles: "2x2" looks at two columns and two rows of overlapping tiles too, which finds smaller objects.

        Raises:
          FileNotFoundError: an image is not there.
          ValueError: one is no image, or an argument is out of range.
        """
        return image_list.predict(self._in_tiles(tiles), images, score_threshold, batch_size)

    def train(
        self,
        data_dir: str | pathlib.Path,
        model_dir: str | pathlib.Path,
        minutes: float | None = None,
        **settings: Any,
    ) -> Outcome:
        """Trains from the detector's weights, which are afterwards the best of the run.

        A run that was interrupted resumes in its model_dir, from what it saved there. On several machines call
        `ssd_tf.train`.

        Args:
          data_dir: what `ssd_tf.prepare` wrote.
          model_dir: the run's folder; its folder "start" keeps the weights that the run starts from.
          minutes: how long it may take, 10 where there is neither epochs nor steps among the settings. All that are
            not given are then chosen as `ssd_tf quickstart` chooses them; default boxes stay as they are. With epochs
            or steps they are TrainConfig's.
          settings: TrainConfig's, those of its groups too, such as epochs=60 or momentum=0.8.

        Returns:
          How the run ended: steps done, whether a signal stopped it, and the numbers of the last evaluation.

        Raises:
          ValueError: a setting is unknown (the message lists the nearest) or out of range, or the data has other
            classes.
          As `ssd_tf.train`.
        """
        for name in {"detector", "image_size"} & set(settings):
            raise UserError(f"{name}: expected none, since this detector is trained. Received: {settings[name]!r}")
        places = {"data_dir": str(data_dir), "model_dir": str(model_dir)}
        if minutes is None and not LENGTHS & {*settings}:
            minutes = MINUTES
        if minutes is not None:
            self._require_classes(load_manifest(data_dir, settings.get("train_split", "train")), data_dir)
            timed = timed_settings(self.spec, settings, pathlib.Path(data_dir), pathlib.Path(model_dir), minutes)
            if timed is None:
                return Outcome(step=0, trained=False, interrupted=True, metrics={})
            settings = timed
        config = complete(train_config(**settings, **places, detector=self.spec))
        plan = make_plan(config)
        self._require_classes(plan.train_manifest, data_dir)
        if not (config.init_from or config.backbone_weights or config.weights):
            start = pathlib.Path(model_dir) / START
            config = dataclasses.replace(config, init_from=str(start))
            if not list_checkpoints(open_model_dir(config, plan)):
                (start / CONFIG).unlink(missing_ok=True)  # of a run that saved nothing
                save_model(start, plan.info, self._keras_model(), ["ssd_tf.Detector"])
        outcome = train(config)
        model = self._keras_model()
        restore_model(model, find_checkpoint(model_dir)[1])
        self._predictor = Predictor(self.spec, plan.info.categories, model, frozen=True)
        return outcome

    def evaluate(
        self,
        data_dir: str | pathlib.Path,
        split: str = "val",
        batch_size: int = 8,
        metrics: Sequence[str] = ("coco",),
        tiles: str = "",
    ) -> CocoMetrics:
        """COCO's metrics on a prepared split: `.summary`, the 12 numbers, and `.per_class`.

        Args:
          data_dir, split: what `ssd_tf.prepare` wrote.
          batch_size: images in a step.
          metrics: "voc07" and "voc12" among them add VOC's to `.voc`: `.voc["voc07"].mean_ap`.
          tiles: as in `predict`.

        Raises:
          FileNotFoundError: the split is not there.
          ValueError: it has other classes, or a record cannot be read, or a metric is unknown.
        """
        voc = voc_kinds(metrics)
        manifest = load_manifest(data_dir, split)
        self._require_classes(manifest, data_dir)
        warn_of_limits(self._predictor)
        predictor = self._in_tiles(tiles)
        size = predictor.input_size
        return evaluate_split(predictor, data_dir, manifest, self.spec, batch_size, voc=voc, input_size=size).metrics

    def _in_tiles(self, tiles: str) -> AnyPredictor:
        return TiledPredictor(self._predictor, parse_tiles(tiles)) if tiles else self._predictor

    def save(self, path: str | pathlib.Path) -> None:
        """Writes a .keras file, which `load` and, after `import ssd_tf`, keras.saving.load_model read.

        Raises:
          ValueError: the path does not end in .keras.
          OSError: the file cannot be written.
        """
        save_keras(path, self._info, self._keras_model())

    def export(
        self,
        output: str | pathlib.Path,
        *,
        quantize: str = "none",
        nms: str = "none",
        data_dir: str | pathlib.Path = "",
        calibration_split: str = "train",
        calibration_images: int = 300,
        score_threshold: float | None = None,
        iou_threshold: float | None = None,
        max_detections: int | None = None,
    ) -> pathlib.Path:
        """Writes the detector for others to run, in the form that the path asks for.

        Args:
          output: a file .tflite or .onnx, or the folder of a SavedModel's versions.
          quantize, nms: of LiteRT, as the flags of `export`: see docs/export.md.
          data_dir, calibration_split, calibration_images: for int8, the prepared images that show each tensor's range.
          score_threshold, iou_threshold, max_detections: of the detections that the form answers; None: the spec's.

        Returns:
          What was written: the file, or the folder of the new version.

        Raises:
          ValueError: the form is unknown or cannot be made, or a package for it is not installed.
          OSError: it cannot be written.
        """
        output = pathlib.Path(output)
        form, litert = format_of(output), LiteRTConfig(quantize, nms)
        description = describe(self._info, score_threshold, iou_threshold, max_detections)
        calibration = images_for(quantize, data_dir, calibration_split, self.spec, calibration_images)
        return export_model(description, self._keras_model(), output, form, litert, calibration)

    def _keras_model(self) -> keras.Model:
        if self._model is None:
            raise UserError("an exported model has no Keras model: load the model_dir, checkpoint or .keras file")
        return self._model

    @property
    def _info(self) -> ModelInfo:
        return ModelInfo(self.spec, self.categories)

    def _require_classes(self, manifest: Manifest, data_dir: str | pathlib.Path) -> None:
        """Raises ValueError where a split has other classes; their ids may differ."""
        names = [category.name for category in manifest.categories]
        if names != self.classes:
            raise UserError(
                f"{data_dir}: expected the detector's classes, {', '.join(self.classes)}. Received: {', '.join(names)}"
            )


def prepare(
    annotations: AnyPath | Sequence[AnyPath],
    images: AnyPath | Sequence[AnyPath] = "",
    output_dir: AnyPath = "data",
    split: str = "train",
    *,
    format: str = "auto",
    classes: AnyPath | Sequence[str] = (),
    subset: str = "",
    difficult: bool = True,
    num_shards: int = 0,
    num_workers: int = 0,
    max_images: int = 0,
    allow_missing: bool = False,
    exif: str = "upright",
) -> Manifest:
    """Writes images and their boxes as the shards that training and evaluation read.

    Args:
      annotations: a file or a folder, or several of the same classes.
      images: the folder of the images, or one for each of the annotations; "" takes where the format has them.
      output_dir: made if missing.
      split: the name of the split, such as "train" or "val".
      format: "auto" goes by what lies there; or "coco", "voc", "yolo", "csv", "tfrecord".
      classes: names, or a file with one in each line; none: the data's own.
      subset, difficult, num_shards, num_workers, max_images, allow_missing, exif: as the flags of `prepare`.

    Returns:
      The manifest: classes, counts, and in `findings` what was clipped, dropped, converted or could not be read.

    Raises:
      FileNotFoundError: the annotations or some images are missing.
      ValueError: the annotations are in no known format, or an argument is out of range.
    """
    dataset, source = read_dataset(annotations, images, format, subset or split, classes, difficult)
    return preparation.prepare(
        dataset,
        output_dir,
        split,
        source=source,
        num_shards=num_shards,
        num_workers=num_workers,
        limit=max_images,
        allow_missing=allow_missing,
        exif=exif,
    )

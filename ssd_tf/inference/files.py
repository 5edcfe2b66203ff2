# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images and videos on disk -> annotated copies, predictions.json, TensorBoard images."""

import contextlib
import dataclasses
import functools
import itertools
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
import tqdm

from ssd_tf.data.formats.coco_results import coco_results
from ssd_tf.data.image_files import read_image
from ssd_tf.drawing.detections import draw_detections
from ssd_tf.evaluation.coco_metrics import rounded
from ssd_tf.geometry.detections import Detections
from ssd_tf.inference.ahead import batched, map_ahead
from ssd_tf.inference.batches import AnyPredictor, detect_batch, model_input
from ssd_tf.inference.marks import MARK, mark_video, marked_image, require_own
from ssd_tf.inference.video import annotate_source
from ssd_tf.media.inputs import is_video
from ssd_tf.media.opencv_source import VideoSource
from ssd_tf.media.source import Frame
from ssd_tf.media.video_writer import VideoWriter
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import atomic_path, json_lists, make_folder
from ssd_tf.utils.text import is_text, printable

# Of a video so many frames go to TensorBoard, evenly spread: they are there to be looked at.
LOGGED_FRAMES = 4
PREDICTIONS = "predictions.json"


@dataclasses.dataclass(frozen=True)
class Summary:
    """What became of the files.

    Attributes:
      images, videos, frames: how many were read; `frames` are those of the videos.
      detections: the objects in them all.
      unreadable: of each file that is no image and no video, a line that names it and says why.
      damaged: of each video that breaks off, a line that says where.
    """

    images: int
    videos: int
    frames: int
    detections: int
    unreadable: list[str]
    damaged: list[str]


def predict_images(
    predictor: AnyPredictor,
    images: list[pathlib.Path],
    output_dir: str | pathlib.Path,
    score_threshold: float,
    batch_size: int,
    logdir: str = "",
    root: pathlib.Path | None = None,
    overwrite: bool = False,
) -> Summary:
    """Writes an annotated copy of each image and video, and predictions.json with all detections.

    predictions.json has COCO's parts: `images`, those without detections too, with `file_name` below the root,
    `width`, `height`, the file that was `written`, and of a video `frame`, from 0, and `seconds`; `annotations`, with
    `score`, `file_name` and `category_name` added; and `categories`. Ids count the images and frames from 1. A file
    that is no image or video is left out and listed in the summary; of a video that breaks off, all until then counts.

    Args:
      predictor: what detects.
      images: the files; their names say which are videos.
      output_dir: where all is written.
      score_threshold: leaves out what scores less.
      batch_size: images in a step.
      logdir: also write the images, and LOGGED_FRAMES frames of each video, to this folder for TensorBoard.
      root: the folder that the names in predictions.json start from; None: the innermost that has all the files.
      overwrite: replace files that were not written here.

    Raises:
      ValueError: an annotated copy would replace its own image, or a file that was not written here.
      OSError: a file cannot be written.
    """
    output = pathlib.Path(output_dir)
    targets = _target_paths(images, output)
    if not overwrite:
        require_own([output / PREDICTIONS, *targets], "--output_dir")
    files = list(zip(images, targets, strict=True))
    make_folder(output)
    if logdir:
        make_folder(pathlib.Path(logdir))
    with contextlib.ExitStack() as stack:
        categories = [dataclasses.asdict(category) for category in predictor.categories]
        head = {"info": {"description": MARK}, "categories": categories}
        lists = stack.enter_context(json_lists(output / PREDICTIONS, head, ("annotations", "images")))
        log = None
        if logdir:
            import tensorflow as tf

            log = tf.summary.create_file_writer(logdir)
            stack.callback(log.close)
        root = root or pathlib.Path(os.path.commonpath([path.absolute().parent for path in images]))
        listing = _Listing(predictor, root, *lists)
        work = _Work(predictor, score_threshold, batch_size, listing, log)
        for video, group in itertools.groupby(files, key=lambda file: is_video(file[0])):
            if video:
                for source, target in group:
                    work.predict_video(source, target)
            else:
                work.predict_images(list(group))
    return Summary(work.images, work.videos, work.frames, listing.detections, work.unreadable, work.damaged)


class _Listing:
    """predictions.json: images and frames, each with its detections."""

    def __init__(
        self,
        predictor: AnyPredictor,
        root: pathlib.Path,
        add_annotation: Callable[[dict[str, Any]], None],
        add_image: Callable[[dict[str, Any]], None],
    ):
        self.detections = 0
        self._categories = predictor.categories
        self._root = root.absolute()
        self._add_annotation, self._add_image = add_annotation, add_image
        self._image_id = 0

    def skip(self) -> None:
        """Counts a file that could not be read."""
        self._image_id += 1

    def add(
        self, path: pathlib.Path, written: pathlib.Path, size: tuple[int, int], found: Detections, **frame: float
    ) -> None:
        """An image or a frame of (height, width), and what was found in it."""
        self._image_id += 1
        height, width = size
        path = path.absolute()
        name = path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else str(path)
        image = {"id": self._image_id, "file_name": name, "width": width, "height": height}
        self._add_image({**image, "written": written.name, **frame})
        results = rounded(coco_results(found, 0, self._categories, self._image_id, height, width))
        for result, label in zip(results, found.classes[0], strict=False):
            self.detections += 1
            area = round(result["bbox"][2] * result["bbox"][3], 3)
            more = {
                "area": area,
                "iscrowd": 0,
                "file_name": name,
                **frame,
                "category_name": self._categories[label - 1].name,
            }
            self._add_annotation({"id": self.detections, **result, **more})


class _Image(NamedTuple):
    """A file on its way. Its parts are None until they are made; where it is no image, `problem` says why."""

    path: pathlib.Path
    target: pathlib.Path
    image: np.ndarray | None = None
    square: np.ndarray | None = None
    found: Detections | None = None
    problem: str = ""


class _Written(NamedTuple):
    """What is kept of an image whose copy is written: no pixels but for TensorBoard. found is None for no image, and
    `problem` then says why."""

    path: pathlib.Path
    target: pathlib.Path
    size: tuple[int, int] = (0, 0)
    found: Detections | None = None
    drawn: np.ndarray | None = None
    problem: str = ""


class _Work:
    """What is written to, and the counts so far."""

    def __init__(
        self,
        predictor: AnyPredictor,
        score_threshold: float,
        batch_size: int,
        listing: _Listing,
        log: Any,  # a tf.summary writer, or None
    ):
        self.images = self.videos = self.frames = 0
        self.unreadable: list[str] = []
        self.damaged: list[str] = []
        self._predictor = predictor
        self._names = {k: category.name for k, category in enumerate(predictor.categories, start=1)}
        self._score_threshold = score_threshold
        self._batch_size = batch_size
        self._listing = listing
        self._log = log

    def predict_images(self, files: list[tuple[pathlib.Path, pathlib.Path]]) -> None:
        """Images, each with its target."""
        batch_size = min(self._batch_size, len(files))
        loaded = map_ahead(functools.partial(_load, self._predictor), files, batch_size)
        finish = functools.partial(_draw_and_write, self._names, bool(self._log))
        written = map_ahead(finish, self._detected(loaded, batch_size), os.cpu_count() or 1)
        with tqdm.tqdm(total=len(files), unit="img", desc="predict") as progress:
            for one in written:
                progress.update()
                if one.found is None:
                    self._listing.skip()
                    self.unreadable.append(one.problem)
                    continue
                self._listing.add(one.path, one.target, one.size, one.found)
                self._show(one.path.name, one.drawn, 0)
                self.images += 1

    def predict_video(self, path: pathlib.Path, target: pathlib.Path) -> None:
        # Resolved, so that no name can be taken for an address.
        with VideoSource(str(path.resolve())) as source:
            try:
                if not is_text(str(path)):
                    raise UserError(f"{printable(str(path))}: expected a name in UTF-8")
                source.open()
            except (OSError, UserError) as error:
                self.unreadable.append(str(error))
                return
            logged = {source.info.frames * k // LOGGED_FRAMES for k in range(LOGGED_FRAMES)}

            def on_frame(frame: Frame, found: Detections, drawn: np.ndarray) -> None:
                height, width = frame.image.shape[:2]
                place = {"frame": frame.index, "seconds": round(frame.seconds, 3)}
                self._listing.add(path, target, (height, width), found, **place)
                if frame.index in logged:
                    self._show(path.name, drawn, frame.index)

            with VideoWriter(target, source.info.fps) as writer:
                done = annotate_source(
                    self._predictor, source, writer, self._score_threshold, self._batch_size, on_frame
                )
        if done.frames:
            mark_video(target)
        self.videos += 1
        self.frames += done.frames
        if done.problem:
            self.damaged.append(done.problem)

    def _detected(self, loaded: Iterator[_Image], batch_size: int) -> Iterator[_Image]:
        for batch in batched(loaded, batch_size):
            readable = [one.square for one in batch if one.square is not None]
            found = iter(detect_batch(self._predictor, readable, batch_size, self._score_threshold) if readable else ())
            for one in batch:
                yield one if one.square is None else one._replace(found=next(found))

    def _show(self, name: str, drawn: np.ndarray | None, step: int) -> None:
        if self._log and drawn is not None:
            import tensorflow as tf

            with self._log.as_default(step=step):
                tf.summary.image(name, drawn[None])


def _load(predictor: AnyPredictor, file: tuple[pathlib.Path, pathlib.Path]) -> _Image:
    try:
        image = read_image(file[0])
    except UserError as error:
        return _Image(*file, problem=str(error))
    return _Image(*file, image, model_input(predictor, image))


def _draw_and_write(names: dict[int, str], keep_drawn: bool, one: _Image) -> _Written:
    if one.image is None or one.found is None:
        return _Written(one.path, one.target, problem=one.problem)
    count = int(one.found.count[0])
    boxes, scores, classes = (part[0, :count] for part in (one.found.boxes, one.found.scores, one.found.classes))
    drawn = draw_detections(one.image, boxes, classes, scores, names)
    _write_image(one.target, drawn)
    height, width = one.image.shape[:2]
    return _Written(one.path, one.target, (height, width), one.found, drawn if keep_drawn else None)


def _target_paths(images: list[pathlib.Path], output: pathlib.Path) -> list[pathlib.Path]:
    """A file in `output` for each file; files of the same name from different folders get numbers."""
    inputs = {image.resolve() for image in images}
    targets: list[pathlib.Path] = []
    taken: set[str] = set()  # in lower case: some file systems do not tell A.jpg from a.jpg
    for image in images:
        # OpenCV writes JPEG, PNG and MP4; other kinds become PNG or MP4.
        written, other = ((".mp4",), ".mp4") if is_video(image) else ((".jpg", ".jpeg", ".png"), ".png")
        suffix = image.suffix if image.suffix.lower() in written else f"{image.suffix}{other}"
        name, number = f"{image.stem}{suffix}", 2
        while name.lower() in taken:
            name, number = f"{image.stem}_{number}{suffix}", number + 1
        taken.add(name.lower())
        if (output / name).resolve() in inputs:
            raise UserError(f"--output_dir is the images' own folder: {output / name} would be replaced")
        targets.append(output / name)
    return targets


def _write_image(path: pathlib.Path, image: np.ndarray) -> None:
    try:
        _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    except cv2.error as error:  # a JPEG has at most 65,535 pixels on a side
        raise OSError(f"{path}: cannot be written as {path.suffix}: {error.err}") from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(marked_image(encoded.tobytes()))

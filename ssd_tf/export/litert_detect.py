# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Finds objects in images with a LiteRT model that ssd_tf exported. Copy this file: it stands alone.

pip install ai-edge-litert numpy pillow
python litert_detect.py --model=detector.tflite --output_dir=found photo.jpg another.png

Prints one JSON object an image: {"file": ..., "detections": [{"box": [ymin, xmin, ymax, xmax] in pixels, "score": ...,
"category_id": ..., "category_name": ...}, ...]}. Letters: A anchors, C classes, N detections, S side of the input.
"""

import argparse
import io
import json
import pathlib
import sys
import zipfile

import numpy as np
from PIL import Image, ImageDraw, ImageOps

# How detections are made where the description of an older model does not say it.
OLDER = {
    "score_threshold": 0.05,
    "candidates_per_class": 200,
    "keep_equal_iou": False,
    "clip_boxes": False,
    "max_growth": None,
}


class LiteRTDetector:
    """A LiteRT model with what it carries: classes, thresholds, and default boxes where it leaves decoding to us.

    Attributes:
      description_text: the content of the model's ssd_tf.json; `description` is the same, read.
      image_size: S.
      decides: the model itself makes the detections, with the thresholds that it was exported with.
    """

    def __init__(self, path: str, num_threads: int | None = None):
        """Loads a model.

        Raises:
          FileNotFoundError, ValueError: there is none, or ssd_tf did not make it.
        """
        from ai_edge_litert.interpreter import Interpreter  # here, since `decode` and `resize` serve without it too

        try:
            # A LiteRT model ends with a zip archive of the files that belong to it.
            with zipfile.ZipFile(path) as files:
                self.description_text = files.read("ssd_tf.json")
                self.description = json.loads(self.description_text)
                self.decides = self.description["nms"] == "op"
                self._detection = {**OLDER, **self.description.get("spec", {}).get("detection", {})}
                self.image_size = self.description["image_size"]
                self._anchors = None if self.decides else np.load(io.BytesIO(files.read("anchors.npy")))
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise ValueError(f"{path}: not a LiteRT model that ssd_tf exported ({error})") from error
        try:
            self._run = Interpreter(model_path=str(path), num_threads=num_threads).get_signature_runner()
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"{path}: LiteRT cannot run this model: {error}") from error
        ((self._input, details),) = self._run.get_input_details().items()
        self._dtype = details["dtype"]

    def __call__(self, image: np.ndarray, score_threshold: float | None = None):
        """Detections in one image.

        Args:
          image: uint8 RGB [S, S, 3].
          score_threshold: a score must be higher than this; None takes the detector's own.

        Returns:
          boxes float32 [N, 4], [ymin, xmin, ymax, xmax], normalised; scores float32 [N], best first;
          classes int32 [N], 1..C.
        """
        if score_threshold is None:
            score_threshold = self._detection["score_threshold"]
        found = self._run(**{self._input: self._prepared(image)})
        if not self.decides:
            return decode(
                found["offsets"][0],
                found["logits"][0],
                self._anchors,
                self.description["variances"],
                score_threshold,
                self.description["iou_threshold"],
                self.description["max_detections"],
                self._detection["candidates_per_class"],
                self._detection["keep_equal_iou"],
                self._detection["clip_boxes"],
                self._detection["max_growth"],
            )
        count = int(found["num_detections"][0])
        kept = np.flatnonzero(found["detection_scores"][0, :count] > score_threshold)
        classes = found["detection_classes"][0, kept].astype(np.int32) + 1
        return found["detection_boxes"][0, kept], found["detection_scores"][0, kept], classes

    def _prepared(self, image):
        expected = (self.image_size, self.image_size, 3)
        if image.shape != expected or image.dtype != np.uint8:
            raise ValueError(f"image: expected uint8 {expected}. Received: {image.dtype} {image.shape}")
        return image[None].astype(self._dtype)  # the model normalises


def decode(
    offsets,
    logits,
    anchors,
    variances,
    score_threshold,
    iou_threshold,
    max_detections,
    candidates_per_class=OLDER["candidates_per_class"],
    keep_equal_iou=OLDER["keep_equal_iou"],
    clip_boxes=OLDER["clip_boxes"],
    max_growth=OLDER["max_growth"],
):
    """Offsets [A, 4] and logits [A, C + 1] of one image -> boxes, scores, classes, as LiteRTDetector returns them.

    anchors are float32 [A, 4], [cy, cx, h, w]; as ssd_tf.detect: softmax, per-class NMS, the best of all classes.
    """
    # A score is at most sigmoid(logit - the background's): most anchors are out of the question by that alone.
    least = np.log(score_threshold / max(1 - score_threshold, 1e-7)) if score_threshold > 0 else -np.inf
    (hopeful,) = np.nonzero(logits[:, 1:].max(axis=1) - logits[:, 0] > least - 1e-3)  # more than rounding comes to
    offsets, logits, anchors = offsets[hopeful], logits[hopeful], anchors[hopeful]
    scaled = offsets * np.asarray(variances, np.float32)
    logarithms = scaled[:, 2:] if max_growth is None else np.minimum(scaled[:, 2:], np.float32(np.log(max_growth)))
    centers, half = scaled[:, :2] * anchors[:, 2:] + anchors[:, :2], np.exp(logarithms) * anchors[:, 2:] / 2
    boxes = np.concatenate([centers - half, centers + half], axis=1)
    if clip_boxes:
        boxes = np.clip(boxes, 0, 1)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = exponentials / exponentials.sum(axis=1, keepdims=True)
    # Class by class, the best of each class first; equal scores in the order of the anchors. Many short sorts are
    # faster than a long one by class and score.
    labels, candidates = np.nonzero((scores[:, 1:] > score_threshold).T)
    found = scores[candidates, labels + 1]
    classes = np.split(np.arange(len(labels)), np.flatnonzero(np.diff(labels)) + 1)
    best = [places[np.argsort(-found[places], kind="stable")[:candidates_per_class]] for places in classes]
    found, labels, candidates = (part[np.concatenate(best)] for part in (found, labels, candidates))
    kept = suppress(boxes[candidates], found, labels, iou_threshold, keep_equal_iou, max_detections)
    return boxes[candidates[kept]], found[kept], (labels[kept] + 1).astype(np.int32)


def suppress(boxes, scores, labels, iou_threshold, keep_equal, most):
    """Greedy non-maximum suppression of each class: int, the places of at most `most` boxes, best of all first.

    boxes are [N, 4], scores and labels [N]: class by class, the best of each class first.
    """
    alive, kept = np.ones(len(boxes), bool), []
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    ends = np.searchsorted(labels, labels, side="right")
    for place in np.argsort(-scores, kind="stable"):
        if len(kept) == most:
            break
        if alive[place]:
            kept.append(place)
            below = slice(place + 1, ends[place])  # those of its class that score less
            rest = boxes[below]
            sides = np.minimum(boxes[place, 2:], rest[:, 2:]) - np.maximum(boxes[place, :2], rest[:, :2])
            overlap = np.prod(np.maximum(sides, 0), axis=1)
            union = areas[place] + areas[below] - overlap
            iou = overlap / np.maximum(union, np.finfo(np.float32).tiny)
            alive[below] &= (iou <= iou_threshold) if keep_equal else (iou < iou_threshold)
    return np.array(kept, int)


def read_image(path: pathlib.Path) -> np.ndarray:
    """uint8 RGB [H, W, 3], upright; the first frame of an animation, without alpha.

    Raises:
      ValueError: the file is no image that can be read.
    """
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith("I"):  # 16 bits; Pillow's convert would cut them off at 255
                gray = np.clip(np.asarray(image, np.int64) // 256, 0, 255).astype(np.uint8)
                return np.repeat(gray[..., None], 3, axis=2)
            return np.asarray(image.convert("RGB"))
    except Exception as error:  # Pillow's readers raise almost anything on bytes that are no image
        raise ValueError(f"{path}: cannot be read as an image: {error or type(error).__name__}") from error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a .tflite file that ssd_tf.apps.export wrote")
    parser.add_argument("--score_threshold", type=float, default=0.3, help="show detections with a score above this")
    parser.add_argument("--output_dir", type=pathlib.Path, help="for images with the boxes drawn; none by default")
    parser.add_argument("--num_threads", type=int, default=None)
    parser.add_argument("images", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    try:
        detector = LiteRTDetector(options.model, options.num_threads)
        if options.output_dir:
            options.output_dir.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    unreadable = 0
    names: set[str] = set()
    for path in options.images:
        try:
            image = read_image(path)
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            unreadable += 1
            continue
        detections = find(detector, image, options.score_threshold)
        print(json.dumps({"file": str(path), "detections": detections}))
        if options.output_dir:
            target = options.output_dir / unused_name(path.stem, names)
            try:
                draw(image, detections).save(target)
            except OSError as error:
                print(f"error: {target} cannot be written: {error}", file=sys.stderr)
                return 1
    return 1 if unreadable else 0


def unused_name(stem: str, names: set[str]) -> str:
    """A name for the drawn image that no other one has, and that its own image is unlikely to have."""
    name, number = f"{stem}_found.png", 2
    while name in names:
        name, number = f"{stem}_found_{number}.png", number + 1
    names.add(name)
    return name


def find(detector: LiteRTDetector, image: np.ndarray, score_threshold: float) -> list[dict]:
    """Detections in an image [H, W, 3] of any size, with boxes in its pixels."""
    antialias = detector.description.get("spec", {}).get("preprocessing", {}).get("antialias", True)
    boxes, scores, classes = detector(resize(image, detector.image_size, antialias), score_threshold)
    height, width = image.shape[:2]
    seen = (boxes[:, 2:] > 0).all(axis=1) & (boxes[:, :2] < 1).all(axis=1)  # not wholly outside the image
    boxes, scores, classes = boxes[seen], scores[seen], classes[seen]
    boxes = np.clip(boxes, 0, 1) * (height, width, height, width)
    categories = [detector.description["categories"][label - 1] for label in classes]
    return [
        {
            "box": [round(float(value), 2) for value in box],
            "score": round(float(score), 5),
            "category_id": category["id"],
            "category_name": category["name"],
        }
        for box, score, category in zip(boxes, scores, categories, strict=True)
    ]


def resize(image: np.ndarray, size: int | tuple[int, int], antialias: bool) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 of this side, or height and width; bilinear, with antialias a mean over all that a new
    pixel covers."""
    height, width = (size, size) if isinstance(size, int) else size
    if antialias:
        # Channel by channel as floats: of whole numbers PIL rounds after the rows and again after the columns.
        channels = [channel.convert("F") for channel in Image.fromarray(image).split()]
        found = [np.asarray(channel.resize((width, height), Image.Resampling.BILINEAR)) for channel in channels]
        return np.clip(np.rint(np.stack(found, axis=-1)), 0, 255).astype(np.uint8)
    found = image.astype(np.float32)
    for axis, (side, new) in enumerate(zip(image.shape[:2], (height, width), strict=True)):
        place = np.clip((np.arange(new, dtype=np.float32) + 0.5) * side / new - 0.5, 0, side - 1)
        low = place.astype(int)
        fraction = (place - low).reshape((-1, 1, 1) if axis == 0 else (-1, 1))
        high = np.minimum(low + 1, side - 1)
        found = found.take(low, axis) * (1 - fraction) + found.take(high, axis) * fraction
    return np.round(found).astype(np.uint8)


def draw(pixels: np.ndarray, detections: list[dict]) -> Image.Image:
    """The image with a box and a label for each detection."""
    image = Image.fromarray(pixels)
    canvas = ImageDraw.Draw(image)
    for found in detections:
        ymin, xmin, ymax, xmax = found["box"]
        canvas.rectangle((xmin, ymin, xmax, ymax), outline="red", width=2)
        label = f"{found['category_name']} {found['score']:.2f}"
        place = (xmin + 3, max(ymin - 12, 0))
        canvas.rectangle(canvas.textbbox(place, label), fill="red")
        canvas.text(place, label, fill="white")
    return image


if __name__ == "__main__":
    sys.exit(main())

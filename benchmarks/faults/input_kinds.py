# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The kinds of inputs that bad_inputs.py tries: how one is made, which program reads it, and what may not be lost."""

import contextlib
import json
import pathlib
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from spoiling import spoil_shard, spoiled_bytes, spoiled_json, spoiled_text

# The kinds of findings that tell of images or boxes that are left out.
LOSSES = ("dropped", "unreadable", "missing", "of other classes", "difficult")
# As quickstart calls the folder of the run that it times; of a file it says in an error that it is none.
IN_THE_WAY = ".probe-in-the-way"

# A class, "" for any, and ymin, xmin, ymax, xmax in [0, 1].
Box = tuple[str, Sequence[float]]
Boxes = dict[str, list[Box]]


class Made(NamedTuple):
    """An input on the disk.

    Attributes:
      program, flags: what is run.
      lost: says, by what was printed, whether something is lost without a word.
      stops: in the error line with which the program ends even where the input is good; "" where it ends well.
    """

    program: str
    flags: list[str]
    lost: Callable[[str], bool]
    stops: str = ""


def material(folder: str, work: str) -> None:
    """Good inputs to spoil: images, annotations in five formats, a LiteRT model, weights of each kind, predictions."""

    import ssd_tf
    from ssd_tf.apps.cli import call
    from ssd_tf.weights.caffe_ssd import read_caffe_detector
    from tests.fixtures.formats import copy_images, plain_coco, write_csv, write_tfrecord, write_voc, write_yolo
    from tests.weights import caffe_files

    source, out = pathlib.Path(folder) / "shapes", pathlib.Path(work)
    content = plain_coco(source / "annotations.json", source / "images", 3)
    copy_images(content, source / "images", out / "images")
    (out / "coco.json").write_text(json.dumps(content))
    write_voc(content, source / "images", out / "voc")
    from_0 = plain_coco(source / "annotations.json", source / "images", 3, first_class_id=0)
    write_yolo(from_0, source / "images", out / "yolo")
    write_csv(content, out / "table.csv", "tutorial")
    (out / "theirs").mkdir()
    write_tfrecord(content, out / "images", out / "theirs" / "train.record")
    detector = ssd_tf.Detector("ssd128_tiny", ["circle", "square"])
    detector.save(out / "model.keras")
    detector.export(out / "model.tflite")
    with contextlib.redirect_stdout(None):
        source_flags = (f"--annotations={out}/coco.json", f"--images={out}/images")
        call("prepare", [*source_flags, f"--output_dir={out}/ours", "--split=train", "--num_shards=2"])
        for ending in ("npz", "safetensors"):
            call("import_weights", ["--reverse", f"--source={out}/model.keras", f"--output={out}/weights.{ending}"])
        call("predict", [f"--model={out}/model.tflite", f"--input={out}/images", f"--output_dir={out}/found"])
    import torch

    tensors = {name: torch.tensor(value) for name, value in np.load(out / "weights.npz").items()}
    torch.save(tensors, out / "weights.pth")
    (out / "deploy.prototxt").write_text(caffe_files.prototxt(ssd_tf.spec("ssd300_res10"), 2))
    net = read_caffe_detector(out / "deploy.prototxt")
    (out / "weights.caffemodel").write_bytes(caffe_files.caffemodel(caffe_files.random_tensors(net)))


def images(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> Made:
    """Two images that are whole beside the one that is not."""
    shutil.copytree(work / "images", place / "in")
    bad = rng.choice(sorted((place / "in").iterdir()))
    bad.write_bytes(spoiled_bytes(bad.read_bytes(), rng))

    def lost(printed: str) -> bool:
        found = json.loads((place / "out" / "predictions.json").read_text())["images"]
        return len(found) + printed.count(f"{bad.name}:") < 3 or len(found) < 2

    flags = [f"--model={work}/model.tflite", f"--input={place}/in", f"--output_dir={place}/out"]
    return Made("predict", flags, lost)


def annotations(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> Made:
    given = _annotated(rng, work, place)
    flags = [f"--output_dir={place}/data", "--split=train", *given.flags]
    return Made("prepare", flags, lambda printed: _lost(given, place / "data", printed))


def quickstarts(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> Made:
    """Up to the first step: a file stands where the run that is timed would make its folder."""
    given = _annotated(rng, work, place)
    (place / "run").mkdir()
    (place / "run" / IN_THE_WAY).write_text("")
    flags = [f"--output={place}/run", "--detector=ssd128_tiny", *given.flags]
    return Made("quickstart", flags, lambda printed: _lost(given, place / "run" / "data", printed), IN_THE_WAY)


class _Given(NamedTuple):
    """Annotations, one of them spoiled.

    Attributes:
      flags: that name them.
      boxes: how many the files hold, spoiled as they are; 0 where they do not tell.
      whole: of each image whose own were not spoiled, by its file's name: class and corners of every box. Classes are
        "" where they may have changed.
    """

    flags: list[str]
    boxes: int
    whole: Boxes


def _annotated(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> _Given:
    form = rng.choice((_coco, _csv, _voc, _yolo, _tfrecord))
    content = json.loads((work / "coco.json").read_text())
    size_of = {image["id"]: (image["file_name"], image["width"], image["height"]) for image in content["images"]}
    class_of = {category["id"]: category["name"] for category in content["categories"]}
    whole: Boxes = {name: [] for name, _, _ in size_of.values()}
    for entry in content["annotations"]:
        name, width, height = size_of[entry["image_id"]]
        x, y, w, h = entry["bbox"]
        corners = (y / height, x / width, (y + h) / height, (x + w) / width)
        whole[name].append((class_of[entry["category_id"]], corners))
    return form(rng, work, place, whole)


def _coco(rng: random.Random, work: pathlib.Path, place: pathlib.Path, whole: Boxes) -> _Given:
    before = json.loads((work / "coco.json").read_text())
    after = spoiled_json(before, rng)
    (place / "coco.json").write_text(json.dumps(after))
    kept = {key: after[key] if isinstance(after.get(key), list) else [] for key in before}
    ids = {key: {entry["id"] for entry in before[key] if entry in kept[key]} for key in before}
    spoiled = {
        entry["image_id"]
        for entry in before["annotations"]
        if entry["id"] not in ids["annotations"] or entry["category_id"] not in ids["categories"]
    }
    names = {image["file_name"] for image in before["images"] if image["id"] in ids["images"] - spoiled}
    flags = [f"--annotations={place}/coco.json", f"--images={work}/images"]
    return _Given(flags, len(kept["annotations"]), _only(whole, names))


def _csv(rng: random.Random, work: pathlib.Path, place: pathlib.Path, whole: Boxes) -> _Given:
    before = (work / "table.csv").read_text()
    after = spoiled_text(before, rng)
    (place / "table.csv").write_text(after)
    head, *rows = before.splitlines()
    lines = after.splitlines()
    spoiled = {row.partition(",")[0] for row in rows if row not in lines}
    # Behind another head the columns may mean something else.
    names = {*whole} - spoiled if lines[:1] == [head] else set()
    flags = [f"--annotations={place}/table.csv", f"--images={work}/images"]
    return _Given(flags, sum(bool(line.strip(" ,")) for line in lines[1:]), _only(whole, names))


def _voc(rng: random.Random, work: pathlib.Path, place: pathlib.Path, whole: Boxes) -> _Given:
    bad = _one_spoiled_text(rng, work / "voc", place / "voc")
    listed = (place / "voc" / "ImageSets" / "Main" / "train.txt").read_text().split("\n")
    names = {name for name in whole if pathlib.Path(name).stem in {line.strip() for line in listed}}
    texts = {name: (place / "voc" / "Annotations" / name).with_suffix(".xml").read_text() for name in names}
    boxes = sum(text.count("<bndbox>") for text in texts.values())
    return _Given([f"--annotations={place}/voc"], boxes, _only(whole, {name for name in names if not _of(bad, name)}))


def _yolo(rng: random.Random, work: pathlib.Path, place: pathlib.Path, whole: Boxes) -> _Given:
    bad = _one_spoiled_text(rng, work / "yolo", place / "yolo")
    if bad.suffix == ".yaml":  # which has the names of the classes
        whole = {name: [("", corners) for _, corners in boxes] for name, boxes in whole.items()}
    lines = [line for path in (place / "yolo" / "labels").rglob("*.txt") for line in path.read_text().split("\n")]
    boxes = sum(bool(line.strip()) for line in lines)
    return _Given([f"--annotations={place}/yolo"], boxes, _only(whole, {name for name in whole if not _of(bad, name)}))


def _tfrecord(rng: random.Random, work: pathlib.Path, place: pathlib.Path, whole: Boxes) -> _Given:
    """Shards that prepare wrote, as if others had, or one of the Object Detection API."""
    folder = pathlib.Path(shutil.copytree(work / rng.choice(("ours", "theirs")), place / "records"))
    (folder / "train.json").unlink(missing_ok=True)
    bad = rng.choice(sorted(folder.iterdir()))
    names = [name for name, _ in _records([bad])]
    spoiled = spoil_shard(bad, rng)
    return _Given([f"--annotations={folder}"], 0, _only(whole, {*whole} - {names[k] for k in spoiled}))


def _one_spoiled_text(rng: random.Random, source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Copies a data set, spoils one of its text files, and returns that one."""
    shutil.copytree(source, folder)
    bad = rng.choice(sorted(path for path in folder.rglob("*") if path.suffix in (".txt", ".xml", ".yaml")))
    bad.write_text(spoiled_text(bad.read_text(), rng))
    return bad


def _of(path: pathlib.Path, name: str) -> bool:
    """Whether a file of annotations is that of the image of this name."""
    return path.stem == pathlib.Path(name).stem


def _only(whole: Boxes, names: set[str]) -> Boxes:
    return {name: boxes for name, boxes in whole.items() if name in names}


def _lost(given: _Given, data: pathlib.Path, printed: str) -> bool:
    """Whether boxes are missing, in number or of an image that was not spoiled, and not a word about it."""
    if "error: " in printed and IN_THE_WAY not in printed:
        return False
    manifests = [json.loads(path.read_text()) for path in sorted(data.glob("*.json"))]
    if not manifests:
        return True
    told = [message for manifest in manifests for kind in LOSSES for message in manifest["findings"].get(kind, [])]
    count = sum(entry["boxes"] for manifest in manifests for entry in manifest["classes"])
    if count < given.boxes and not told:
        return True
    there: Boxes = {}
    for name, boxes in _records(data / shard["file"] for manifest in manifests for shard in manifest["shards"]):
        there.setdefault(name, []).extend(boxes)
    return any(
        not all(any(_same(box, other) for other in there.get(name, [])) for box in boxes)
        for name, boxes in given.whole.items()
        if not any(pathlib.Path(name).stem in message for message in told)
    )


def _same(box: Box, other: Box) -> bool:
    return box[0] in ("", other[0]) and np.allclose(box[1], other[1], atol=1e-4)


def _records(shards: Iterable[pathlib.Path]) -> Iterator[tuple[str, list[Box]]]:
    """The name and the boxes of each image in the shards."""
    for content in tf.data.TFRecordDataset([str(path) for path in shards]).as_numpy_iterator():
        feature = tf.train.Example.FromString(content).features.feature
        corners = (feature[f"image/object/bbox/{key}"].float_list.value for key in ("ymin", "xmin", "ymax", "xmax"))
        classes = (text.decode() for text in feature["image/object/class/text"].bytes_list.value)
        boxes = [(name, box) for name, *box in zip(classes, *corners, strict=True)]
        yield feature["image/filename"].bytes_list.value[0].decode(errors="replace"), boxes


def weights(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> Made:
    ending = rng.choice(("npz", "safetensors", "pth", "caffemodel"))
    (place / f"weights.{ending}").write_bytes(spoiled_bytes((work / f"weights.{ending}").read_bytes(), rng))
    net = f"--prototxt={work}/deploy.prototxt" if ending == "caffemodel" else "--detector=ssd128_tiny"
    flags = [f"--source={place}/weights.{ending}", net, "--num_classes=2", f"--output={place}/model"]
    return Made("import_weights", flags, _nothing_to_lose)


def prototxts(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> Made:
    (place / "deploy.prototxt").write_text(spoiled_text((work / "deploy.prototxt").read_text(), rng))
    net = [f"--source={work}/weights.caffemodel", f"--prototxt={place}/deploy.prototxt"]
    flags = [*net, "--num_classes=2", f"--output={place}/model"]
    return Made("import_weights", flags, _nothing_to_lose)


def predictions(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> Made:
    content = spoiled_json(json.loads((work / "found" / "predictions.json").read_text()), rng)
    (place / "predictions.json").write_text(json.dumps(content))
    found = content.get("annotations")

    def lost(printed: str) -> bool:
        path = place / "scores" / "results.json"
        if not path.is_file() or not isinstance(found, list):
            return False
        notes = json.loads((place / "scores" / "metrics.json").read_text()).get("notes")
        return len(json.loads(path.read_text())) < len(found) and not notes

    flags = [f"--predictions={place}/predictions.json", f"--annotations={work}/coco.json"]
    return Made("evaluate", [*flags, f"--output_dir={place}/scores"], lost)


def _nothing_to_lose(printed: str) -> bool:
    return False

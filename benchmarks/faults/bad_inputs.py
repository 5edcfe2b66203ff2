# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Generated bad inputs: images, annotations, weights, prototxts and predictions, spoiled at random.

python benchmarks/faults/bad_inputs.py [--output=FOLDER]

Each goes through the program that reads it. It may be answered, or refused in one line that begins with "error:". A
traceback, a process that dies, one that takes longer than a minute, and images, boxes or detections that are lost
without a word are wrong; the input of each is kept in FOLDER/wrong.
"""

import collections
import contextlib
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import sys
import traceback
from collections.abc import Callable
from typing import Any

import common

sys.path.insert(0, str(common.ROOT))

PER_KIND = 200
# Of each kind so many that are good come first: enough for all formats to be among them.
GOOD = 12
PATIENCE_S = 60
VALUES = (None, -1, 0, 1e400, -1e9, 2**70, "", "x", "NaN", "é" * 300, [], {}, [1, 2, 3], True)
WORDS = ("", "-1", "0", "1e999", "nan", "x", "9" * 40, "é", '"', "<", "{", "}", ",", "\0")


def rows(folder: pathlib.Path) -> list[common.Row]:
    work = folder / "bad_inputs"
    work.mkdir()
    with Child() as child:
        child.call(_material, str(folder), str(work))
        return [_row(kind, make, child, work) for kind, make in KINDS.items()]


def _row(kind: str, make: Callable, child: "Child", work: pathlib.Path) -> common.Row:
    outcomes: collections.Counter[str] = collections.Counter()
    place = work / "now"
    for seed in range(-GOOD, PER_KIND):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        program, flags, lost = make((Untouched if seed < 0 else random.Random)(f"{kind} {seed}"), work, place)
        status, printed = child.call(_run, program, flags)
        outcome = _outcome(status, printed, lost)
        if seed < 0:
            if outcome != "answered":
                raise RuntimeError(f"{kind} that are good: {outcome}: {program} {flags}: {printed}")
            continue
        outcomes[outcome] += 1
        if outcome not in ("answered", "refused"):
            kept = work.parent / "wrong" / f"{kind.replace(' ', '_')}_{seed}"
            shutil.copytree(place, kept, dirs_exist_ok=True)
            (kept / "printed.txt").write_text(f"{program} {flags}\n{printed}")
            print(f"{kind} {seed}: {outcome}: {kept}", flush=True)
    wrong = sum(outcomes.values()) - outcomes["answered"] - outcomes["refused"]
    kinds = ("answered", "refused", "traceback", "died", "hung", "silent loss")
    return common.Row(f"bad {kind}", f"{PER_KIND}", ", ".join(f"{outcomes[k]} {k}" for k in kinds), not wrong)


def _outcome(status: int | str, printed: str, lost: Callable[[str], bool]) -> str:
    if isinstance(status, str):
        return status
    errors = [line for line in printed.splitlines() if line.startswith("error: ")]
    if status == 1 and len(errors) == 1 and printed.rstrip().endswith(errors[0]):
        return "silent loss" if lost(printed) else "refused"
    return ("silent loss" if lost(printed) else "answered") if status == 0 else "traceback"


class Child:
    """A process that calls functions, one after the other; where it dies or hangs, another one takes its place."""

    def __enter__(self) -> "Child":
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def call(self, function: Callable, *arguments: Any) -> Any:
        """What the function returns; ("died" or "hung", "") where there is nothing."""
        self._ours.send((function, arguments))
        try:
            if self._ours.poll(PATIENCE_S if function is _run else None):
                return self._ours.recv()
            outcome = "hung"
        except EOFError:
            outcome = "died"
        if function is not _run:
            raise RuntimeError(f"{function.__name__} {outcome}")
        self._process.kill()
        self._start()
        return outcome, ""


def _serve(connection: Any) -> None:
    os.environ["TQDM_DISABLE"] = "1"
    while True:
        function, arguments = connection.recv()
        connection.send(function(*arguments))


def _run(program: str, flags: list[str]) -> tuple[int | str, str]:
    """The exit status and what was printed, by C libraries too; "traceback" for an exception."""
    from ssd_tf.apps.cli import call

    path = pathlib.Path(f"/tmp/printed.{os.getpid()}")
    with path.open("wb") as file:
        kept = [os.dup(number) for number in (1, 2)]
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            status: int | str = call(program, flags)
        except BaseException:
            status = "traceback"
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, one in zip((1, 2), kept, strict=True):
                os.dup2(one, number)
                os.close(one)
    printed = path.read_text(errors="replace")
    path.unlink()
    return status, printed


def _material(folder: str, work: str) -> None:
    """Good inputs to spoil: images, annotations in four formats, a LiteRT model, weights of each kind, predictions."""
    import numpy as np

    import ssd_tf
    from ssd_tf.apps.cli import call
    from ssd_tf.weights.caffe_ssd import read_caffe_detector
    from tests.fixtures.formats import copy_images, plain_coco, write_csv, write_voc, write_yolo
    from tests.weights import caffe_files

    source, out = pathlib.Path(folder) / "shapes", pathlib.Path(work)
    content = plain_coco(source / "annotations.json", source / "images", 3)
    copy_images(content, source / "images", out / "images")
    (out / "coco.json").write_text(json.dumps(content))
    write_voc(content, source / "images", out / "voc")
    from_0 = plain_coco(source / "annotations.json", source / "images", 3, first_class_id=0)
    write_yolo(from_0, source / "images", out / "yolo")
    write_csv(content, out / "table.csv", "tutorial")
    detector = ssd_tf.Detector("ssd128_tiny", ["circle", "square"])
    detector.save(out / "model.keras")
    detector.export(out / "model.tflite")
    with contextlib.redirect_stdout(None):
        for ending in ("npz", "safetensors"):
            call("import_weights", ["--reverse", f"--source={out}/model.keras", f"--output={out}/weights.{ending}"])
        call("predict", [f"--model={out}/model.tflite", f"--input={out}/images", f"--output_dir={out}/found"])
    import torch

    tensors = {name: torch.tensor(value) for name, value in np.load(out / "weights.npz").items()}
    torch.save(tensors, out / "weights.pth")
    (out / "deploy.prototxt").write_text(caffe_files.prototxt(ssd_tf.spec("ssd300_res10"), 2))
    net = read_caffe_detector(out / "deploy.prototxt")
    (out / "weights.caffemodel").write_bytes(caffe_files.caffemodel(caffe_files.random_tensors(net)))


def spoiled_bytes(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        place, length = rng.randrange(len(data) + 1), rng.choice((1, 1, 4, 64, 4096))
        match rng.randrange(5):
            case 0:
                del data[place:]
            case 1:
                data[place : place + length] = rng.randbytes(length)
            case 2:
                data[place:place] = rng.randbytes(length)
            case 3:
                data[place : place + length] = bytes(length)
            case _:
                data[:length] = rng.randbytes(length)  # what tells the kind of a file
    return bytes(data)


def spoiled_json(content: Any, rng: random.Random) -> Any:
    """Some values of the tree replaced, taken out, or there twice."""
    content = json.loads(json.dumps(content))
    for _ in range(rng.randint(1, 4)):
        places: list[tuple[Any, Any]] = []
        todo = [content]
        while todo:
            node = todo.pop()
            keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
            places += [(node, key) for key in keys]
            todo += [node[key] for key in keys]
        if not places:
            break
        node, key = rng.choice(places)
        match rng.randrange(4):
            case 0:
                del node[key]
            case 1 if isinstance(node, list):
                node.insert(key, node[key])
            case _:
                node[key] = rng.choice(VALUES)
    return content


def spoiled_text(content: str, rng: random.Random) -> str:
    words = content.replace("<", " <").replace(",", " , ").split(" ")
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(words))
        if rng.random() < 0.7:
            words[place] = rng.choice((*WORDS, rng.choice(words)))
        else:
            del words[place : place + rng.randint(1, 5)]
            words = words or [""]
    return " ".join(words).replace(" <", "<").replace(" , ", ",")


class Untouched(random.Random):
    """Spoils nothing: what is good must be answered, or the rest would say little."""

    def randint(self, a: int, b: int) -> int:
        return 0


Made = tuple[str, list[str], Callable[[str], bool]]


def images(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> Made:
    """Two images that are whole beside the one that is not."""
    shutil.copytree(work / "images", place / "in")
    bad = rng.choice(sorted((place / "in").iterdir()))
    bad.write_bytes(spoiled_bytes(bad.read_bytes(), rng))

    def lost(printed: str) -> bool:
        found = json.loads((place / "out" / "predictions.json").read_text())["images"]
        return len(found) + printed.count(f"{bad.name}:") < 3 or len(found) < 2

    return "predict", [f"--model={work}/model.tflite", f"--input={place}/in", f"--output_dir={place}/out"], lost


def annotations(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> Made:
    kind = rng.choice(("coco", "voc", "yolo", "csv"))
    flags = [f"--output_dir={place}/data", "--split=train", f"--images={work}/images"]
    if kind == "coco":
        content = spoiled_json(json.loads((work / "coco.json").read_text()), rng)
        (place / "coco.json").write_text(json.dumps(content))
        annotated, flags[len(flags) :] = content.get("annotations"), [f"--annotations={place}/coco.json"]
        boxes = len(annotated) if isinstance(annotated, list) else 0
    elif kind == "csv":
        text = spoiled_text((work / "table.csv").read_text(), rng)
        (place / "table.csv").write_text(text)
        flags.append(f"--annotations={place}/table.csv")
        boxes = sum(bool(line.strip(" ,")) for line in text.splitlines()[1:])
    else:
        shutil.copytree(work / kind, place / kind)
        files = sorted(path for path in (place / kind).rglob("*") if path.suffix in (".txt", ".xml", ".yaml"))
        bad = rng.choice(files)
        bad.write_text(spoiled_text(bad.read_text(), rng))
        flags = [*flags[:2], f"--annotations={place}/{kind}"]
        boxes = 0  # a file that is spoiled does not tell how many it should have

    def lost(printed: str) -> bool:
        """Fewer boxes than the file has, and not a word about it."""
        path = place / "data" / "train.json"
        if not path.is_file():
            return False
        manifest = json.loads(path.read_text())
        return sum(entry["boxes"] for entry in manifest["classes"]) < boxes and not manifest["findings"]

    return "prepare", flags, lost


def weights(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> Made:
    ending = rng.choice(("npz", "safetensors", "pth", "caffemodel"))
    (place / f"weights.{ending}").write_bytes(spoiled_bytes((work / f"weights.{ending}").read_bytes(), rng))
    net = f"--prototxt={work}/deploy.prototxt" if ending == "caffemodel" else "--detector=ssd128_tiny"
    flags = [f"--source={place}/weights.{ending}", net, "--num_classes=2", f"--output={place}/model"]
    return "import_weights", flags, _nothing_to_lose


def prototxts(rng: random.Random, work: pathlib.Path, place: pathlib.Path) -> Made:
    (place / "deploy.prototxt").write_text(spoiled_text((work / "deploy.prototxt").read_text(), rng))
    net = [f"--source={work}/weights.caffemodel", f"--prototxt={place}/deploy.prototxt"]
    flags = [*net, "--num_classes=2", f"--output={place}/model"]
    return "import_weights", flags, _nothing_to_lose


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
    return "evaluate", [*flags, f"--output_dir={place}/scores"], lost


def _nothing_to_lose(printed: str) -> bool:
    return False


KINDS = {
    "images": images,
    "annotations": annotations,
    "weights": weights,
    "prototxts": prototxts,
    "predictions": predictions,
}


if __name__ == "__main__":
    common.main(rows, __doc__ or "")

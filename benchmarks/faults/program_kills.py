# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""kill -9 of prepare, export and quickstart, 20 times each, at random moments of their whole course.

python benchmarks/faults/program_kills.py

What they are to write must never be there in part, and no restarted one may refuse to go on. The same command, run to
its end, must leave what one leaves that nobody stopped: the shards byte for byte, and a LiteRT file that finds the
same. quickstart, whose length depends on the clock, must end with the same files.
"""

import json
import pathlib
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable

import common
import numpy as np

KILLS = 20


def rows(folder: pathlib.Path) -> list[common.Row]:
    return [_prepare(folder), _export(folder), _quickstart(folder)]


def _prepare(folder: pathlib.Path) -> common.Row:
    shapes = folder / "many"
    common.python("-m", "ssd_tf.apps.shapes", f"--output_dir={shapes}", "--num_images=2000")
    source = (f"--annotations={shapes}/annotations.json", f"--images={shapes}/images", "--num_shards=8")

    def command(output: pathlib.Path) -> list[str]:
        return [sys.executable, "-m", "ssd_tf.apps.prepare", *source, f"--output_dir={output}", "--split=train"]

    def part(output: pathlib.Path) -> str:
        """A manifest promises all of its shards, whole; without one nothing is promised."""
        path = output / "train.json"
        if not path.exists():
            return ""
        shards = json.loads(path.read_text())["shards"]
        wrong = [shard["file"] for shard in shards if (output / shard["file"]).stat().st_size != shard["bytes"]]
        return f"a manifest with shards in part: {wrong}" if wrong else ""

    def same(one: pathlib.Path, other: pathlib.Path) -> str:
        files = {path.name: path.read_bytes() for path in one.iterdir()}
        found = {path.name: path.read_bytes() for path in other.iterdir()}
        different = sorted(name for name in files.keys() | found.keys() if files.get(name) != found.get(name))
        return f"other files: {', '.join(different)}" if different else ""

    return killed("prepare", folder, command, part, same, "all files byte for byte the same")


def _export(folder: pathlib.Path) -> common.Row:
    model = folder / "exported.keras"
    code = f"import ssd_tf; ssd_tf.Detector('ssd128_tiny', ['circle', 'square']).save({str(model)!r})"
    common.python("-c", code)

    def command(output: pathlib.Path) -> list[str]:
        quantized = ("--quantize=int8", f"--data_dir={folder}/data", "--calibration_images=32")
        place = f"--output={output}/model.tflite"
        return [sys.executable, "-m", "ssd_tf.apps.export", f"--model={model}", "--format=litert", *quantized, place]

    def part(output: pathlib.Path) -> str:
        path = output / "model.tflite"
        try:
            return "" if not path.exists() or len(_found(path)) else "a file that finds nothing"
        except (ValueError, OSError) as error:
            return f"a file in part: {error}"

    def same(one: pathlib.Path, other: pathlib.Path) -> str:
        names = [path.name for path in other.iterdir()]
        equal = np.array_equal(_found(one / "model.tflite"), _found(other / "model.tflite"))
        return "" if equal and names == ["model.tflite"] else f"other detections, or files: {names}"

    return killed("export to int8", folder, command, part, same, "it finds the same, and no other file is left")


def _quickstart(folder: pathlib.Path) -> common.Row:
    shapes = folder / "few"
    common.python("-m", "ssd_tf.apps.shapes", f"--output_dir={shapes}", "--num_images=60")

    def command(output: pathlib.Path) -> list[str]:
        source = (f"--annotations={shapes}/annotations.json", f"--images={shapes}/images")
        how = ("--detector=ssd128_tiny", "--minutes=0.5", f"--output={output}")
        return [sys.executable, "-m", "ssd_tf.apps.quickstart", *source, *how]

    def part(output: pathlib.Path) -> str:
        litert, state = output / "model_int8.tflite", output / "quickstart.json"
        try:
            if state.exists():
                json.loads(state.read_text())
            return "" if not litert.exists() or len(_found(litert)) else "a LiteRT file that finds nothing"
        except (ValueError, OSError) as error:
            return f"a file in part: {error}"

    def same(one: pathlib.Path, other: pathlib.Path) -> str:
        expected, there = (_kinds(place) for place in (one, other))
        return f"other files: {', '.join(sorted(expected ^ there))}" if expected != there else part(other)

    return killed("quickstart", folder, command, part, same, "it ends with the same files, and no others")


def _kinds(folder: pathlib.Path) -> set[str]:
    """The files below a folder, without what counts steps or times."""
    files = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return {re.sub(r"\d+", "N", name) for name in files if not name.startswith("tensorboard")}


def killed(
    name: str,
    folder: pathlib.Path,
    command: Callable[[pathlib.Path], list[str]],
    part: Callable[[pathlib.Path], str],
    same: Callable[[pathlib.Path, pathlib.Path], str],
    well: str,
) -> common.Row:
    """Kills a program again and again, runs it to its end, and compares with a run that was not stopped.

    Args:
      command: the program, by the folder that it writes to.
      part: what is wrong in that folder after a kill; "" where nothing is.
      same: what differs in the second folder from the first; "" where nothing does.
      well: what is said where nothing is wrong.
    """
    whole, output, log = (folder / f"{name} {what}" for what in ("whole", "killed", "log"))
    for place in (whole, output):
        place.mkdir()
    start = time.monotonic()
    if common.start(command(whole), log).wait():
        raise RuntimeError(log.read_text(errors="replace")[-2000:])
    seconds, chance, wrong, ended = time.monotonic() - start, random.Random(0), [], 0
    for _ in range(KILLS):
        process = common.start(command(output), log)
        time.sleep(chance.uniform(0, seconds))
        process.kill()
        status = process.wait()
        wrong.append(part(output))
        if status == 0:  # what is there already would be kept
            ended += 1
            shutil.rmtree(output)
            output.mkdir()
        elif status != -signal.SIGKILL:
            wrong.append(_ended_by_itself(status, log))
    status = common.start(command(output), log).wait(timeout=common.PATIENCE_S)
    wrong.append(_ended_by_itself(status, log) if status else same(whole, output))
    said = "; ".join(sorted(set(filter(None, wrong))))
    tried = f"SIGKILL {KILLS} times in its {seconds:.0f} seconds" + (f", {ended} too late" if ended else "")
    return common.Row(f"{name} killed", tried, said or well, not said)


def _ended_by_itself(status: int, log: pathlib.Path) -> str:
    """What is said of a program that was started again and refused to go on, or failed."""
    printed = log.read_text(errors="replace")
    return f"started again: status {status}, {common.error_line(printed) or printed[-200:]!r}"


def _found(path: pathlib.Path) -> np.ndarray:
    """The scores of a LiteRT model on noise."""
    from ssd_tf.export.exported import load_exported

    predictor = load_exported(path)
    assert predictor is not None
    noise = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3)).astype(np.uint8)
    return predictor(noise, 0.0).scores


if __name__ == "__main__":
    common.main(rows, __doc__ or "")

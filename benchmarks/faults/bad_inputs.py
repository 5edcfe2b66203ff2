# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Generated bad inputs: images, annotations, weights, prototxts and predictions, spoiled at random.

python benchmarks/faults/bad_inputs.py [--output=FOLDER]

Each goes through the program that reads it; quickstart stops before its first step. It may be answered, or refused in
one line that begins with "error:". A traceback, a process that dies, one that takes longer than a minute, and images,
boxes or detections that are lost without a word are wrong; the input of each is kept in FOLDER/wrong.
"""

import collections
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
import input_kinds
from spoiling import Untouched

sys.path.insert(0, str(common.ROOT))

# Of each kind so many that are good come first: enough for all formats to be among them.
GOOD = 12
PATIENCE_S = 60
# Each with how many are tried. quickstart reads, prepares and inspects as other programs do.
KINDS = {
    "images": (input_kinds.images, 200),
    "annotations": (input_kinds.annotations, 500),
    "annotations of quickstart": (input_kinds.quickstarts, 30),
    "weights": (input_kinds.weights, 200),
    "prototxts": (input_kinds.prototxts, 200),
    "predictions": (input_kinds.predictions, 200),
}


def rows(folder: pathlib.Path) -> list[common.Row]:
    work = folder / "bad_inputs"
    work.mkdir()
    with Child() as child:
        child.call(input_kinds.material, str(folder), str(work))
        return [_row(kind, make, number, child, work) for kind, (make, number) in KINDS.items()]


def _row(kind: str, make: Callable, number: int, child: "Child", work: pathlib.Path) -> common.Row:
    outcomes: collections.Counter[str] = collections.Counter()
    place = work / "now"
    for seed in range(-GOOD, number):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        made = make((Untouched if seed < 0 else random.Random)(f"{kind} {seed}"), work, place)
        status, printed = child.call(_run, made.program, made.flags)
        outcome = _outcome(status, printed, made)
        if seed < 0:
            if outcome != "answered":
                raise RuntimeError(f"{kind} that are good: {outcome}: {made.program} {made.flags}: {printed}")
            continue
        outcomes[outcome] += 1
        if outcome not in ("answered", "refused"):
            kept = work.parent / "wrong" / f"{kind.replace(' ', '_')}_{seed}"
            shutil.copytree(place, kept, dirs_exist_ok=True)
            (kept / "printed.txt").write_text(f"{made.program} {made.flags}\n{printed}")
            print(f"{kind} {seed}: {outcome}: {kept}", flush=True)
    wrong = sum(outcomes.values()) - outcomes["answered"] - outcomes["refused"]
    kinds = ("answered", "refused", "traceback", "died", "hung", "silent loss")
    return common.Row(f"bad {kind}", f"{number}", ", ".join(f"{outcomes[k]} {k}" for k in kinds), not wrong)


def _outcome(status: int | str, printed: str, made: input_kinds.Made) -> str:
    if isinstance(status, str):
        return status
    errors = [line for line in printed.splitlines() if line.startswith("error: ")]
    refused = status == 1 and len(errors) == 1 and printed.rstrip().endswith(errors[0])
    answered = made.stops in errors[0] if refused and made.stops else status == 0
    if not answered and not refused:
        return "traceback"
    return "silent loss" if made.lost(printed) else "answered" if answered else "refused"


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


if __name__ == "__main__":
    common.main(rows, __doc__ or "")

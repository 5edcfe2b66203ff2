# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""One side of compare.py: python benchmarks/peers/side.py SIDE TASK PRECISION FOLDER

Says what its first call gave, then computes once for each line that it reads, and answers with its milliseconds
and those of its processor time.
"""

import importlib
import pathlib
import sys
import time
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent))

# The module that has `make`, and what tells it which of its sides is meant.
MODULES = {
    "ours": ("ours", False),
    "ours, targets given": ("ours", True),
    "pytorch": ("pytorch", False),
    "pytorch compiled": ("pytorch", True),
    "onnxruntime": ("runtimes", False),
    "openvino": ("runtimes", True),
}


def main() -> None:
    side, task, precision, folder = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is not an answer
    module, which = MODULES[side]
    # A function without arguments; what it returns is a loss or a number of detections, ready to be read.
    call: Callable[[], object] = importlib.import_module(module).make(which, task, precision, pathlib.Path(folder))
    print(call(), file=answers, flush=True)
    for _ in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        call()
        print(1e3 * (time.perf_counter() - start), 1e3 * (time.process_time() - used), file=answers, flush=True)


if __name__ == "__main__":
    main()

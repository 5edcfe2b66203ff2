# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Each program once as a user starts it: a process of its own, through train.py, -m ssd_tf.apps.NAME or ssd_tf NAME.

Train, stream and the input service are started in test_programs.py, test_stream.py and test_input_service.py. Those
that take longest are proofs: their work is done in the tests' own process too, each in the file of its program.
"""

import subprocess
import sys

import pytest

from tests.apps.conftest import ROOT, command

LAUNCHES = {
    "shapes": ("--output_dir={out}", "--num_images=2"),
    "categories": ("--annotations={drawn}/annotations.json",),
    "prepare": ("--annotations={drawn}/annotations.json", "--images={drawn}/images", "--output_dir={out}"),
    "inspect": ("--annotations={drawn}/annotations.json", "--images={drawn}/images", "--output={out}/inspect.html"),
    "evaluate": ("--model={trained}", "--data_dir={prepared}", "--output_dir={out}"),
    "predict": ("--model={trained}", "--input={drawn}/images/00000001.jpg", "--output_dir={out}"),
    "export": ("--model={trained}", "--format=litert", "--output={out}.tflite"),
    "compare": ("--model={trained}", "--data_dir={prepared}", "--forms=litert_float32", "--output_dir={out}"),
    "report": ("--model_dir={trained}", "--output_dir={out}"),
    "average": ("--model={trained}", "--output={out}"),
    "import_weights": ("--source={trained}", "--reverse", "--output={out}.npz"),
    "loadgen": ("--model={trained}", "--data_dir={prepared}", "--mode=accuracy", "--output_dir={out}"),
}
LONG = ("inspect", "export", "compare", "report", "average", "import_weights", "loadgen")
# What the program prints of its work.
SAYS = {
    "shapes": "2 images",
    "categories": "triangle",
    "prepare": "24 images",
    "inspect": "inspect.html",
    "evaluate": "per_class.csv",
    "predict": "1 image",
    "export": "MB",
    "compare": "litert_float32",
    "report": "report.html",
    "average": "the mean of 2 checkpoints",
    "import_weights": "state_dict",
    "loadgen": "LoadGen's summary",
}


@pytest.mark.parametrize("program", [pytest.param(k, marks=[pytest.mark.proof] * (k in LONG)) for k in LAUNCHES])
def test_program_does_its_work_in_a_process_of_its_own(program, drawn, prepared, trained, tmp_path):
    folders = {"drawn": drawn, "prepared": prepared, "trained": trained, "out": tmp_path / "out"}
    flags = [flag.format(**folders) for flag in LAUNCHES[program]]
    by_module = program in ("predict", "evaluate", "shapes")
    line = command(program, *flags) if by_module else [sys.executable, "-m", "ssd_tf", program, *flags]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert SAYS[program] in done.stdout
    assert "error" not in done.stderr.lower() and "before flag parsing" not in done.stderr

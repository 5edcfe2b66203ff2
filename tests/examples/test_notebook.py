# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The notebook, from its first cell to its last, with few images."""

import json
import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
NOTEBOOK = ROOT / "examples" / "your_own_data.ipynb"


def test_notebook_is_kept_without_outputs_and_in_the_readme():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    assert "| [your_own_data.ipynb](examples/your_own_data.ipynb) | " in (ROOT / "README.md").read_text()


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client")
def test_notebook_goes_from_images_to_an_exported_model(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    # The kernel is a process of its own.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    parameters.source = re.sub(r"= \d+, \d+, \d+$", "= 32, 8, 1", parameters.source)
    assert parameters.source.endswith("= 32, 8, 1")
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()

    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    assert "train 32 images; " in printed and re.search(r"AP -?\d\.\d{3}, AP50 -?\d\.\d{3} after 2 steps", printed)
    assert re.search(r"AP -?\d\.\d{3} in float32, -?\d\.\d{3} in int8", printed)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3  # boxes, curves, detections
    for left in ("runs/shapes/config.json", "shapes.keras", "served/shapes/1/saved_model.pb", "shapes_int8.tflite"):
        assert (tmp_path / left).is_file()

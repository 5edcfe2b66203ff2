# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The examples of docs/python_api.md, one after the other, and the one of the README with a small detector."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent


def examples(page: str) -> list[tuple[int, str]]:
    """The line and the text of each block of Python on a page."""
    text = (ROOT / page).read_text()
    return [(text[: m.start(1)].count("\n"), m[1]) for m in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S)]


def run(page: str, line: int, example: str, names: dict[str, object]) -> None:
    """Runs an example as if it stood at its line of the page, so that a traceback points there."""
    exec(compile("\n" * line + example, page, "exec"), names)


@pytest.mark.proof
def test_every_example_of_the_page_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tf2onnx")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for line, example in examples("docs/python_api.md"):
        run("docs/python_api.md", line, example, names)
    printed = capsys.readouterr().out
    assert "['circle', 'triangle', 'star', 'square', 'cross'] {}" in printed
    assert "{'offsets': (2, 1520, 4), 'logits': (2, 1520, 6)}" in printed
    assert "there is no setting epoch. The nearest: epochs" in printed
    for path in ("runs/shapes", "shapes.keras", "served/shapes", "shapes.tflite", "shapes.onnx"):
        assert re.search(rf"^{path} \[Prediction\(\w+ 0\.", printed, re.M), printed
    for left in ("data/train.json", "found.jpg", "shapes.tflite", "runs/plain/config.json"):
        assert (tmp_path / left).is_file()


# What makes the README's example small; each must be in it.
SMALLER = {
    '"ssdlite320_mobilenet_v2"': '"ssd128_tiny"',
    '["cat", "dog"]': '["circle", "triangle", "star", "square", "cross"]',
    ', weights="imagenet"': "",
    "minutes=10": "minutes=0.1, batch_size=8",
}


@pytest.mark.proof
def test_example_of_the_readme_runs_with_a_small_detector(drawn, prepared, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(prepared)
    (tmp_path / "photos").symlink_to(drawn / "images")
    ((line, example),) = examples("README.md")
    for large, small in SMALLER.items():
        assert large in example
        example = example.replace(large, small)
    run("README.md", line, example, {})
    assert "photos/00000024.jpg [" in capsys.readouterr().out
    assert (tmp_path / "mine.tflite").is_file()

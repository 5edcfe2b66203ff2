# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Exported models run in programs that know nothing of ssd_tf, and whatever image these are sent.

The programs are in tests/consumers. Those without TensorFlow run in .venv-consumers, which `make proofs` builds.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from ssd_tf.data import images as image_ops
from ssd_tf.export.litert_detect import read_image
from tests.consumers.bad_inputs import KINDS, ONCE, write_bad_inputs
from tests.export.conftest import CATEGORIES

ROOT = pathlib.Path(__file__).parent.parent.parent
CONSUMERS = ROOT / "tests" / "consumers"
# Runs a script as if the packages named first were not installed.
ALONE = """
import runpy, sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def saved_model(served) -> pathlib.Path:
    return served / "1"


@pytest.fixture(scope="module")
def op_file(litert_file) -> pathlib.Path:
    """A LiteRT file that answers detections."""
    return litert_file("none", "op")


@pytest.fixture(scope="module")
def files(tmp_path_factory, images) -> list[pathlib.Path]:
    """The images as files: of the size of the model's input, so that no program resizes them in its own way."""
    folder = tmp_path_factory.mktemp("images")
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{index}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def bad_inputs(tmp_path_factory) -> tuple[pathlib.Path, dict[str, dict]]:
    """300 broken and odd images, and what they are."""
    folder = tmp_path_factory.mktemp("bad_inputs")
    return folder, write_bad_inputs(folder, 300)


def run(*command: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
    # From another folder, so that ssd_tf is not found in the current one.
    return subprocess.run(
        [str(part) for part in command], cwd="/", capture_output=True, text=True, timeout=300, check=False
    )


def run_alone(missing: str, script: pathlib.Path, *arguments: str | pathlib.Path):
    return run(sys.executable, "-I", "-c", ALONE, missing, script, *arguments)


def lines_of(done: subprocess.CompletedProcess[str]) -> list[dict]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_lines_are(lines: list[dict], wanted, score_tolerance: float = 1e-4, box_tolerance: float = 1e-4) -> None:
    """What a program printed is what ssd_tf's own predictor finds, within a part of the image's side."""
    assert len(lines) == len(wanted.count)
    for index, line in enumerate(lines):
        count = int(wanted.count[index])
        assert len(line["detections"]) == count >= 5
        scores = [found["score"] for found in line["detections"]]
        np.testing.assert_allclose(scores, wanted.scores[index, :count], rtol=0, atol=score_tolerance)
        boxes = np.array([found["box"] for found in line["detections"]]) / 128
        np.testing.assert_allclose(boxes, wanted.boxes[index, :count], rtol=0, atol=box_tolerance)
        names = [CATEGORIES[label - 1].name for label in wanted.classes[index, :count].numpy()]
        assert [found["category_name"] for found in line["detections"]] == names


@pytest.mark.proof
def test_tensorflows_own_command_runs_the_saved_model(saved_model, predictor, images, tmp_path):
    np.save(tmp_path / "images.npy", images)
    command = pathlib.Path(sys.executable).parent / "saved_model_cli"
    done = run(
        command, "run", "--dir", saved_model, "--tag_set", "serve", "--signature_def", "detect",
        "--inputs", f"images={tmp_path}/images.npy", "--outdir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wanted = predictor(images, 0.2)
    for name in ("boxes", "scores", "count"):
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), getattr(wanted, name), rtol=0, atol=1e-4)


@pytest.mark.proof
def test_c_api_answers_as_the_checkpoint(saved_model, files, predictor, images):
    wheel = pathlib.Path(tf.__file__).parent
    done = run_alone("ssd_tf,tensorflow,keras", CONSUMERS / "c_api.py", wheel, saved_model, *files)
    assert_lines_are(lines_of(done), predictor(images, 0.2))


@pytest.mark.proof
def test_tensorflow_alone_answers_as_the_checkpoint(saved_model, files, predictor, images):
    done = run_alone("ssd_tf", CONSUMERS / "bare_tensorflow.py", saved_model, *files)
    assert_lines_are(lines_of(done), predictor(images, 0.2))


def test_outputs_of_the_op_stand_in_the_order_that_the_metadata_give(op_file):
    outputs = Interpreter(str(op_file)).get_output_details()
    # Boxes, classes, scores, count: MediaPipe goes by the place, not by the name.
    assert [output["shape"].tolist() for output in outputs] == [[1, 200, 4], [1, 200], [1, 200], [1]]
    by_name = Interpreter(str(op_file)).get_signature_runner().get_output_details()
    names = ["detection_boxes", "detection_classes", "detection_scores", "num_detections"]
    assert [output["index"] for output in outputs] == [by_name[name]["index"] for name in names]


@pytest.fixture(scope="module")
def without_tensorflow() -> pathlib.Path:
    """A Python that has MediaPipe, ai-edge-litert, NumPy and Pillow alone."""
    python = ROOT / ".venv-consumers" / "bin" / "python"
    if not python.exists():
        pytest.skip("no environment without TensorFlow: run `make .venv-consumers/ready`")
    return python


@pytest.mark.proof
def test_mediapipe_runs_the_file_as_it_is(op_file, files, predictor, images, without_tensorflow):
    done = run(without_tensorflow, CONSUMERS / "mediapipe_detect.py", op_file, *files)
    wanted = predictor(images, 0.2)
    # MediaPipe moves a box that begins outside of the image to its edge, with its size.
    moved = wanted.boxes + np.tile(np.maximum(-wanted.boxes[..., :2], 0), 2)
    # Its boxes are whole pixels: the corner is cut off, and so is the side.
    assert_lines_are(lines_of(done), wanted._replace(boxes=moved), score_tolerance=1e-3, box_tolerance=2.01 / 128)


@pytest.mark.proof
def test_whatever_image_comes_the_rest_of_its_batch_is_answered(saved_model, bad_inputs):
    folder, manifest = bad_inputs
    loaded = tf.saved_model.load(str(saved_model))
    contents = [(folder / name).read_bytes() for name in manifest]

    def answer(images):
        found = loaded.signatures["serving_default"](tf.constant(images, tf.string))
        return {name: found[name].numpy() for name in ("errors", "count", "scores", "boxes_pixels")}

    batches = [answer(contents[start : start + 16]) for start in range(0, len(contents), 16)]
    found = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    for index, (name, about) in enumerate(manifest.items()):
        read = found["errors"][index] == b""
        assert read == about["tensorflow"] or about["tensorflow"] is None, (name, found["errors"][index])
        assert read or found["count"][index] == 0
        if index % 3 == 0 and read:
            alone = answer(contents[index : index + 1])
            assert alone["count"][0] == found["count"][index] > 0, name
            np.testing.assert_allclose(alone["scores"][0], found["scores"][index], rtol=0, atol=1e-4)
            # A pixel's ten thousandth for each pixel of an image of 12000.
            np.testing.assert_allclose(alone["boxes_pixels"][0], found["boxes_pixels"][index], rtol=1e-4, atol=1e-2)


@pytest.mark.proof
def test_example_names_each_image_that_it_cannot_read_and_answers_the_rest(op_file, bad_inputs, without_tensorflow):
    folder, manifest = bad_inputs
    images = [folder / name for name in manifest]
    done = run(without_tensorflow, "-I", ROOT / "examples" / "litert_detect.py", f"--model={op_file}", *images)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    answered = {json.loads(line)["file"] for line in done.stdout.splitlines()}
    refused = {line.split(": ")[1] for line in done.stderr.splitlines() if line.startswith("error: ")}
    assert answered | refused == {str(image) for image in images} and not answered & refused
    for image in images:
        wanted = manifest[image.name]["pillow"]
        assert wanted is None or wanted == (str(image) in answered), (image, done.stderr)


def test_example_reads_the_pixels_that_evaluation_reads(bad_inputs):
    folder, manifest = bad_inputs
    both = [name for name, about in manifest.items() if about["tensorflow"] and about["pillow"]]
    for name in both:
        decoded = image_ops.decode(tf.constant((folder / name).read_bytes())).numpy()
        np.testing.assert_array_equal(read_image(folder / name), decoded, err_msg=name)
    assert {manifest[name]["kind"] for name in both} >= {"sixteen_bits", "alpha", "gray_alpha", "cmyk", "animated_gif"}


def test_bad_inputs_are_of_every_kind_and_the_same_for_the_same_seed(bad_inputs, tmp_path):
    folder, manifest = bad_inputs
    assert {about["kind"] for about in manifest.values()} == {*KINDS, *ONCE}
    again = write_bad_inputs(tmp_path, 60)
    assert all((tmp_path / name).read_bytes() == (folder / name).read_bytes() for name in again)

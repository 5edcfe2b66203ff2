# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""examples/web: decoding and resizing as litert_detect.py does them, and the whole page in a browser."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from ssd_tf.apps.cli import call
from ssd_tf.export.litert_detect import decode, resize
from tests.examples.web_page import WEB, answer_of

# Reads one case, [what, its arguments], and prints what examples/web makes of it.
_NODE = """
import { decode } from "./decode.js";
import { resize } from "./resize.js";
const { decoded, resized } = JSON.parse(await new Response(process.stdin).text());
const floats = (numbers) => new Float32Array(numbers);
console.log(JSON.stringify({
  decoded: decoded.map(([offsets, logits, anchors, description]) =>
    decode(floats(offsets), floats(logits), floats(anchors), description, description.score_threshold)),
  resized: resized.map(([pixels, height, width, size, antialias]) =>
    [...resize(new Uint8ClampedArray(pixels), height, width, size, antialias)]),
}));
"""
_needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node, which runs the page's modules, is missing")


def run_node(decoded=(), resized=()) -> dict:
    command = ["node", "--input-type=module", "--eval", _NODE]
    given = json.dumps({"decoded": decoded, "resized": resized})
    return json.loads(subprocess.run(command, input=given, cwd=WEB, capture_output=True, text=True, check=True).stdout)


@_needs_node
def test_decodes_as_litert_detect_does():
    rng = np.random.default_rng(0)
    ways = [
        {},
        {"keep_equal_iou": True, "candidates_per_class": 3},
        {"clip_boxes": True, "max_growth": 1.5},
        {"max_growth": 62.5},
    ]
    cases, wanted = [], []
    for most, how in zip((200, 200, 200, 5), ways, strict=True):
        anchors = rng.uniform(0.1, 0.9, (60, 4)).astype(np.float32)
        anchors[30:] = anchors[:30]  # with the same offsets: boxes and scores that are equal
        offsets, logits = rng.normal(0, 2, (60, 4)).astype(np.float32), rng.normal(0, 2, (60, 4)).astype(np.float32)
        offsets[40:] = offsets[10:30]
        logits[50:] = logits[20:30]
        variances = (0.1, 0.1, 0.2, 0.2)
        wanted.append(decode(offsets, logits, anchors, variances, 0.1, 0.45, most, **how))
        description = {"variances": variances, "score_threshold": 0.1, "iou_threshold": 0.45, "max_detections": most}
        arrays = (array.ravel().tolist() for array in (offsets, logits, anchors))
        cases.append([*arrays, {**description, "spec": {"detection": how}}])
    for (boxes, scores, classes), found in zip(wanted, run_node(decoded=cases)["decoded"], strict=True):
        assert len(boxes) >= 5 and [one["label"] for one in found] == classes.tolist()
        np.testing.assert_allclose([one["box"] for one in found], boxes, atol=1e-6)  # float32 against doubles
        np.testing.assert_allclose([one["score"] for one in found], scores, atol=1e-6)


@_needs_node
def test_resizes_as_litert_detect_does():
    rng = np.random.default_rng(0)
    sizes = [(height, width, how) for height, width in ((90, 131), (40, 20), (1, 3)) for how in (True, False)]
    images = [rng.integers(0, 256, (height, width, 4), np.uint8) for height, width, _ in sizes]
    cases = [[image.ravel().tolist(), *size[:2], 40, size[2]] for image, size in zip(images, sizes, strict=True)]
    for image, (*_, antialias), found in zip(images, sizes, run_node(resized=cases)["resized"], strict=True):
        wanted = resize(image[..., :3], 40, antialias).astype(int)
        different = np.abs(np.reshape(found, (40, 40, 3)) - wanted)
        # Sums in another order: a value that lies halfway between two may go the other way.
        assert different.max() <= 1 and (different > 0).mean() < 0.01


@pytest.fixture(scope="module")
def files(shared, tmp_path_factory):
    """A folder with faces.jpg, and OpenCV's face detector as none.tflite, op.tflite and int8.tflite."""
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    if not (WEB / "node_modules" / "@litertjs" / "core").is_dir():
        pytest.skip("LiteRT.js is missing: run `npm ci` in examples/web")
    folder = tmp_path_factory.mktemp("web")
    source, images = shared / "data" / "res10-ssd-face", shared / "data" / "coco-mini"
    shutil.copy(source / "face_detection_input.jpg", folder / "faces.jpg")
    weights = f"--source={source}/res10_300x300_ssd_iter_140000.caffemodel"
    coco = f"--annotations={images}/annotations/instances_val2017.json"
    assert call("import_weights", [weights, f"--prototxt={source}/deploy.prototxt", f"--output={folder}/model"]) == 0
    assert call("prepare", [coco, f"--images={images}/val2017", f"--output_dir={folder}/data", "--max_images=30"]) == 0
    for name, flag in (("none", "--nms=none"), ("op", "--nms=op"), ("int8", "--quantize=int8")):
        flags = [f"--model={folder}/model", flag, f"--data_dir={folder}/data" if name == "int8" else "--quantize=none"]
        assert call("export", [*flags, f"--output={folder}/{name}.tflite"]) == 0
    return folder


@pytest.mark.proof
@pytest.mark.parametrize(("name", "pixels", "score"), [("none", 0.5, 1e-3), ("op", 0.5, 1e-3), ("int8", 4, 0.02)])
def test_page_finds_what_predict_finds(files, tmp_path, name, pixels, score):
    # int8: rounding in another order on other instructions moves a value to the next of 256 steps, and boxes of 200
    # pixels with it: by 0.4 pixels and 0.003 as seen.
    flags = [f"--model={files}/{name}.tflite", f"--input={files}/faces.jpg", f"--output_dir={tmp_path}/found"]
    assert call("predict", [*flags, "--score_threshold=0.3"]) == 0
    wanted = json.loads((tmp_path / "found" / "predictions.json").read_text())["annotations"]
    script = f"""await open("model=files/{name}.tflite&image=files/faces.jpg"); await told(/ found in /);
        const found = JSON.parse(text("json")).detections; const first = text("message");
        slide(0.9); const best = JSON.parse(text("json")).detections;
        return [first, text("message"), found, best, part("view").width];"""
    message, later, found, best, width = answer_of(script, files, tmp_path / "profile")
    assert message.startswith("faces.jpg: 5 found in ") and len(found) == len(wanted) == 5 and width == 1920
    assert best == [one for one in found if one["score"] > 0.9]
    assert later.startswith(f"faces.jpg: {len(best)} found in ")
    for one, other in zip(found, wanted, strict=True):
        (ymin, xmin, ymax, xmax), (left, top, across, down) = one["box"], other["bbox"]
        np.testing.assert_allclose([xmin, ymin, xmax, ymax], [left, top, left + across, top + down], atol=pixels)
        assert one["score"] == pytest.approx(other["score"], abs=score)
        assert (one["category_id"], one["category_name"]) == (1, "face")


@pytest.mark.proof
def test_page_says_what_is_wrong(files, tmp_path):
    (files / "cut.tflite").write_bytes((files / "none.tflite").read_bytes()[:-1000])
    steps = [
        ('drop("a.jpg", await fetched("faces.jpg"))', "Choose a model first: a .tflite file that ssd_tf export wrote"),
        ('part("camera").click()', "Choose a model first: a .tflite file that ssd_tf export wrote"),
        ('drop("b.tflite", "no model")', "b.tflite: not a LiteRT model that ssd_tf exported (it "),
        ('drop("c.tflite", await fetched("cut.tflite"))', "c.tflite: not a LiteRT model that ssd_tf exported"),
        ('drop("d.jpg", "no image")', "d.jpg: this browser cannot read it as an image"),
        ('drop("e.tflite", await fetched("none.tflite"))', "a.jpg: 5 found in "),
        ('part("camera").click()', "No camera: there is none"),
    ]  # fmt: skip
    done = " ".join(
        f'part("message").textContent = ""; {step}; await told(/first|not a |cannot|found in|No camera/);'
        'said.push(text("message"));'
        for step, _ in steps
    )
    script = f"""const fetched = async (name) => (await fetch("files/" + name)).blob(); const said = [];
        await open("model=files/nothing.tflite"); await told(/40/); said.push(text("message")); {done} return said;"""
    said = answer_of(script, files, tmp_path)
    assert said[0] == "files/nothing.tflite: 404 File not found" and len(said) == len(steps) + 1
    for line, (_, wanted) in zip(said[1:], steps, strict=True):
        assert line.startswith(wanted)


@pytest.mark.proof
def test_page_watches_the_camera_until_it_is_stopped(files, tmp_path):
    script = """await open("model=files/int8.tflite"); await told(/ class/); part("camera").click();
        await told(/^camera: [0-9]+ found/); const width = part("view").width; part("message").textContent = "";
        await told(/^camera/); const label = text("camera"); part("camera").click();
        return [width, label, text("camera")];"""
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    assert answer_of(script, files, tmp_path, *flags) == [640, "Stop camera", "Start camera"]


@pytest.mark.proof
def test_two_quick_clicks_open_the_camera_once(files, tmp_path):
    script = """await open("model=files/int8.tflite"); await told(/ class/); const opened = [];
        const media = frame.contentWindow.navigator.mediaDevices; const get = media.getUserMedia.bind(media);
        media.getUserMedia = async (wanted) => { const one = await get(wanted); opened.push(one); return one; };
        part("camera").click(); part("camera").click(); await told(/^camera: [0-9]+ found/); part("camera").click();
        return [opened.length, opened.filter((one) => one.active).length, text("camera")];"""
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    assert answer_of(script, files, tmp_path, *flags) == [1, 0, "Start camera"]

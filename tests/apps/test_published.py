# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Published weights, from the download to detections and training: files that PyTorch wrote, on a server of our own.

The table gets an entry with the check sum of such a file; all else is what users run.
"""

import hashlib
import io
import json
import re

import numpy as np
import PIL.Image
import pytest

import ssd_tf
from ssd_tf.data.formats.coco import COCO_CATEGORIES
from ssd_tf.inference.predictor import load_model
from ssd_tf.models.backbone import is_backbone_layer
from ssd_tf.performance.comparison import file_bytes
from ssd_tf.weights import layout, published, sources
from ssd_tf.weights.published import Published
from tests.apps.conftest import TINY, run, run_well
from tests.apps.test_mistakes import assert_refused
from tests.download_server import refuse, serve_whole

SSDLITE = "ssdlite320_mobilenet_v3_large"
CAT = 17  # COCO's id


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch writes the files of this test")


def written(torch, model, source, change=lambda tensors: None) -> bytes:
    """The model's weights as torch.save writes them, under a program's names."""
    tensors = layout.to_tensors(model, source.names(model), source.anchor_major)
    tensors = {name: value.copy() for name, value in tensors.items()}
    change(tensors)
    file = io.BytesIO()
    torch.save({name: torch.tensor(value) for name, value in tensors.items()}, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def ssdlite(torch) -> bytes:
    """SSDLite of 90 classes that finds cats everywhere."""

    def see_cats(tensors):
        for name, value in tensors.items():
            if re.fullmatch(r"head\.classification_head\.module_list\.\d\.1\.bias", name):
                value.reshape(-1, 91)[:, CAT] = 9

    return written(torch, ssd_tf.build_model(SSDLITE, 90), sources.TORCHVISION_SSDLITE, see_cats)


@pytest.fixture(scope="module")
def tiny(torch) -> bytes:
    """The tiny detector of 80 classes."""
    return written(torch, ssd_tf.build_model("ssd128_tiny", 80), sources.MLPERF)


@pytest.fixture
def offer(weights_server, monkeypatch):
    """Puts a file on the server and into the table, and returns the file's name."""

    def put(name, content, data="coco", detector=SSDLITE):
        entry = Published(f"{name}-{hashlib.sha256(content).hexdigest()[:8]}.pth", data, detector)
        monkeypatch.setitem(published.PUBLISHED, name, entry)
        weights_server.script = [serve_whole(content)]
        return entry.file

    return put


def test_predict_downloads_a_detector_of_coco_and_names_what_it_finds(
    offer, weights_server, ssdlite, tmp_path, monkeypatch
):
    file = offer(SSDLITE, ssdlite)
    PIL.Image.new("RGB", (64, 48), "gray").save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    output = run_well("predict", f"--model=torchvision:{SSDLITE}", "--input=photo.jpg")
    assert "annotated copies and predictions.json in found" in output
    found = json.loads((tmp_path / "found" / "predictions.json").read_text())["annotations"]
    assert {(entry["category_id"], entry["category_name"]) for entry in found} == {(CAT, "cat")}
    assert (tmp_path / "home" / file).read_bytes() == ssdlite
    detector = ssd_tf.Detector.load(f"torchvision:{SSDLITE}")
    assert detector.categories == COCO_CATEGORIES
    (prediction,) = detector.predict("photo.jpg")
    assert len(prediction) == len(found) and set(prediction.names) == {"cat"}
    assert weights_server.ranges == [None]  # it was downloaded once


def test_import_takes_the_detector_from_the_name(offer, ssdlite, tmp_path):
    offer(SSDLITE, ssdlite)
    output = run_well("import_weights", f"--source=torchvision:{SSDLITE}", f"--output={tmp_path / 'model'}")
    assert output == f"{SSDLITE} for 80 classes in {tmp_path / 'model'}\n"
    info, model = load_model(tmp_path / "model")
    assert info.categories == COCO_CATEGORIES
    assert model.get_layer("logits0").bias.numpy().reshape(-1, 81).argmax(axis=1).tolist() == [16] * 6


@pytest.mark.parametrize("classes", [(), ("cat", "dog")])
def test_detector_starts_from_coco_with_its_classes_or_others(offer, ssdlite, classes, caplog):
    caplog.set_level("INFO", logger="absl")
    file = offer(SSDLITE, ssdlite)
    detector = ssd_tf.Detector(SSDLITE, classes, weights="coco")
    assert detector.classes == (list(classes) or [category.name for category in COCO_CATEGORIES])
    (line,) = [line for line in caplog.messages if file in line and "tensors taken" in line]
    total = len(detector.model.weights)
    if classes:  # the last convolution of each of six heads
        assert f"{total - 12} of {total} tensors taken; made anew: logits0/kernel, logits0/bias, " in line
    else:
        assert line.endswith(f"{total} of {total} tensors taken")


def taken_from(model, content, torch):
    """The layers of the tiny detector whose kernels have the numbers of the file."""
    theirs, names = torch.load(io.BytesIO(content)), sources.MLPERF.names(model)
    kernels = {layer.name: layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")}
    return {
        layer
        for layer, kernel in kernels.items()
        if np.array_equal(np.sort(kernel, None), np.sort(theirs[names(layer, "kernel")].numpy(), None))
    }, set(kernels)


@pytest.mark.proof
def test_training_starts_from_a_detector_of_coco_with_fresh_heads_for_its_classes(
    offer, tiny, torch, prepared, tmp_path
):
    offer("tiny", tiny, "coco", "ssd128_tiny")
    flags = (f"--data_dir={prepared}", f"--model_dir={tmp_path / 'm'}", "--steps=1", "--learning_rate=0")
    run_well("train", *TINY, *flags, "--weights=coco", "--eval_every_epochs=0")
    taken, layers = taken_from(load_model(tmp_path / "m")[1], tiny, torch)
    assert layers - taken == {f"logits{level}" for level in range(4)}


def test_detector_starts_from_a_backbone_of_imagenet(offer, tiny, torch):
    offer("tiny", tiny, "imagenet", "ssd128_tiny")
    detector = ssd_tf.Detector("ssd128_tiny", ["cat"], weights="imagenet")
    taken, layers = taken_from(detector.model, tiny, torch)
    assert taken == {layer for layer in layers if is_backbone_layer(layer)}


def test_wrong_check_sum_is_one_line_and_leaves_nothing(offer, weights_server, ssdlite, tmp_path):
    file = offer(SSDLITE, ssdlite)
    other = ssdlite[:-1] + b"x"
    weights_server.script = [serve_whole(other)]
    done = run("import_weights", f"--source=torchvision:{SSDLITE}", f"--output={tmp_path / 'model'}")
    sums = [hashlib.sha256(content).hexdigest() for content in (ssdlite, other)]
    assert_refused(done, f"{file}: expected SHA-256 {sums[0][:8]}.... Received: SHA-256 {sums[1]}")
    assert not (tmp_path / "home" / file).exists() and not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("program", "flags"),
    [
        ("predict", ("--model=torchvision:{name}", "--input={photo}")),
        ("import_weights", ("--source=torchvision:{name}", "--output={folder}/model")),
    ],
)
@pytest.mark.parametrize("name", [SSDLITE, "ssd300_vgg16"])
def test_without_a_network_one_line_says_what_to_fetch_and_where_to_put_it(tmp_path, monkeypatch, program, flags, name):
    monkeypatch.setenv("SSD_TF_HOME", str(tmp_path / "home"))
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")  # nobody answers there
    PIL.Image.new("RGB", (64, 48), "gray").save(tmp_path / "photo.jpg")
    done = run(program, *(flag.format(name=name, photo=tmp_path / "photo.jpg", folder=tmp_path) for flag in flags))
    file = {SSDLITE: f"{SSDLITE}_coco-a79551df.pth", "ssd300_vgg16": "ssd300_vgg16_coco-b556d3b4.pth"}[name]
    by_hand = f"fetch it by hand (SHA-256 {file[-12:-4]}...) and put it at {tmp_path}/home/{file}"
    assert_refused(done, f"cannot download https://download.pytorch.org/models/{file} (", by_hand)


def test_file_put_in_the_cache_by_hand_needs_no_network(offer, weights_server, ssdlite, tmp_path):
    file = offer(SSDLITE, ssdlite)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / file).write_bytes(ssdlite)
    assert len(ssd_tf.Detector.load(f"torchvision:{SSDLITE}").classes) == 80
    assert file_bytes(f"torchvision:{SSDLITE}") == len(ssdlite)
    assert weights_server.ranges == []


def test_file_that_is_gone_from_the_server_is_one_line(offer, weights_server, ssdlite, tmp_path):
    offer(SSDLITE, ssdlite)
    weights_server.script = [refuse(404)]
    done = run("import_weights", f"--source=torchvision:{SSDLITE}", f"--output={tmp_path / 'model'}")
    assert_refused(done, "HTTP 404", "fetch it by hand")


@pytest.mark.parametrize(
    ("name", "words"),
    [("ssd301", "expected one of torchvision:ssd300_vgg16, "), ("resnet34", ", a backbone alone")],
)
@pytest.mark.parametrize("program", ["predict", "export", "stream"])
def test_name_that_is_no_detector_is_one_line(tmp_path, program, name, words):
    flags = {
        "predict": (f"--input={__file__}",),
        "export": (f"--output={tmp_path / 'model.tflite'}",),
        "stream": (),
    }
    done = run(program, f"--model=torchvision:{name}", *flags[program])
    assert_refused(done, f"torchvision:{name}", words)


def test_weights_of_another_detector_are_one_line_that_names_a_tensor(offer, ssdlite, tmp_path):
    offer(SSDLITE, ssdlite)
    flags = (f"--source=torchvision:{SSDLITE}", "--detector=ssd300_vgg16_torchvision", f"--output={tmp_path / 'model'}")
    assert_refused(run("import_weights", *flags), "head.classification_head.module_list.0.1.bias", "Received")
    assert not (tmp_path / "model").exists()

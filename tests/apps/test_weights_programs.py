# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Other people's weights in, ours out, and means of checkpoints: program by program, on 24 images."""

import json
import os
import pickle
import zipfile

import numpy as np
import pytest

import ssd_tf
from ssd_tf import specs
from ssd_tf.data.annotations import Category
from ssd_tf.inference.load import load_predictor
from ssd_tf.inference.predictor import load_model
from ssd_tf.models.backbone import is_backbone_layer
from ssd_tf.weights.convert import import_model, write_tensors
from ssd_tf.weights.model_dir import list_checkpoints
from tests.apps.conftest import TINY, run, run_well
from tests.apps.test_mistakes import assert_refused

DETECTOR = "ssd128_tiny"
NAMES = ("circle", "triangle", "star", "square", "cross")  # of the synthetic images
OTHER_CLASSES = 7
RESNET34 = "https://download.pytorch.org/models/resnet34-333f7ec4.pth"
RESNET34_FLAGS = ("--detector=ssd300_resnet34", "--backbone_weights=torchvision")
RESNET34_SHA256 = "333f7ec4c6338da2cbed37f1fc0445f9624f1355633fa1d7eab79a91084c6cef"


def tensor_file(folder, classes):
    """A file with MLPerf's names, as for so many classes, of a fresh model."""
    write_tensors(folder / f"{classes}.npz", ssd_tf.build_model(DETECTOR, classes))
    return folder / f"{classes}.npz"


def import_flags(source, output, *more):
    return (f"--source={source}", f"--output={output}", f"--detector={DETECTOR}", *more)


def train_flags(prepared, model_dir, *more):
    return (*TINY, f"--data_dir={prepared}", f"--model_dir={model_dir}", "--eval_every_epochs=0", *more)


def weights_of(model_dir, keep=lambda layer: True):
    """path -> value of the variables in the layers that keep takes."""
    _, model = load_model(model_dir)
    return {v.path: v.numpy() for layer in model.layers if keep(layer.name) for v in layer.weights}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return tensor_file(tmp_path_factory.mktemp("source"), len(NAMES))


@pytest.fixture(scope="module")
def imported(drawn, source, tmp_path_factory):
    """The model_dir that import_weights makes of a file, and what it printed."""
    folder = tmp_path_factory.mktemp("imported") / "model"
    flags = import_flags(source, folder, f"--annotations={drawn}/annotations.json")
    return folder, run_well("import_weights", *flags)


def test_import_takes_the_file_s_weights_and_the_data_set_s_classes(imported, source):
    folder, output = imported
    assert f"{DETECTOR} for 5 classes in {folder}" in output
    info, model = load_model(folder)
    assert info.categories == tuple(Category(k, name) for k, name in zip((1, 3, 7, 8, 12), NAMES, strict=True))
    expected = ssd_tf.build_model(DETECTOR, len(NAMES))
    ssd_tf.load_weights(expected, source)
    for found, value in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(found, value)


def test_imported_model_is_evaluated(prepared, imported, tmp_path):
    run_well("evaluate", f"--model={imported[0]}", f"--data_dir={prepared}", f"--output_dir={tmp_path}")
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["num_images"] == 24
    # Its weights are random.
    assert metrics["AP"] < 0.1


@pytest.mark.proof
def test_training_starts_from_the_imported_model(prepared, imported, tmp_path):
    flags = ("--epochs=3", f"--init_from={imported[0]}", "--learning_rate=1e-4")
    run_well("train", *train_flags(prepared, tmp_path / "model", *flags))
    before, after = (weights_of(folder) for folder in (imported[0], tmp_path / "model"))
    kernels = [name for name in before if name.endswith("kernel")]
    moved = max(np.abs(after[name] - before[name]).max() for name in kernels)
    # Nine steps at a small rate move the kernels a little; others that are as random would be 0.1 and more away.
    assert 0 < moved < 0.02


def test_average_is_the_mean_of_the_checkpoints(trained, tmp_path):
    prefixes = list_checkpoints(trained)
    assert len(prefixes) == 2
    output = run_well("average", f"--model={trained}", f"--output={tmp_path / 'mean'}")
    assert f"the mean of 2 checkpoints in {tmp_path / 'mean'}" in output
    parts, found = [weights_of(prefix) for prefix in prefixes], weights_of(tmp_path / "mean")
    assert any((parts[0][name] != parts[1][name]).any() for name in found)
    for name, value in found.items():
        # The mean is taken in float64 and rounded once.
        expected = np.mean([part[name] for part in parts], axis=0, dtype=np.float64)
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-12, err_msg=name)
    assert load_model(tmp_path / "mean")[0] == load_model(trained)[0]


def test_reverse_and_back_gives_the_same_weights(trained, tmp_path):
    there, back = tmp_path / "mlperf.safetensors", tmp_path / "back"
    output = run_well("import_weights", "--reverse", f"--source={trained}", f"--output={there}")
    assert f"{trained} as a state_dict with the names of mlperf in {there}" in output
    # Names of classes do not travel, so they are counted here.
    run_well("import_weights", *import_flags(there, back, "--num_classes=5"))
    assert [category.id for category in load_model(back)[0].categories] == [1, 2, 3, 4, 5]
    assert_same(weights_of(back), weights_of(trained))


@pytest.mark.proof
def test_backbone_of_an_imported_model_of_other_classes(prepared, tmp_path):
    classes = tuple(Category(k, f"class {k}") for k in range(1, OTHER_CLASSES + 1))
    import_model(tensor_file(tmp_path, OTHER_CLASSES), specs.spec(DETECTOR), tmp_path / "other", classes)
    flags = ("--steps=1", "--learning_rate=0", f"--backbone_weights={tmp_path / 'other'}")
    run_well("train", *train_flags(prepared, tmp_path / "m", *flags))
    # With a rate of 0 only the moving statistics move.
    found, expected = (
        {name: value for name, value in weights_of(folder, is_backbone_layer).items() if "moving" not in name}
        for folder in (tmp_path / "m", tmp_path / "other")
    )
    assert_same(found, expected)
    assert len(load_model(tmp_path / "m")[0].categories) == len(NAMES)


def test_missing_weight_file(tmp_path):
    done = run("import_weights", *import_flags(tmp_path / "absent.pth", tmp_path / "model"))
    assert_refused(done, "weights file not found", "absent.pth")


def test_weight_file_that_asks_for_a_command_is_refused_and_the_command_is_not_run(tmp_path):
    canary = tmp_path / "canary"

    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {canary}",)

    content = pickle.dumps({"model": Hostile()}, protocol=2)
    # An unpickler that obeys would leave the canary.
    pickle.loads(content)
    canary.unlink()
    with zipfile.ZipFile(tmp_path / "ssd.pth", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("ssd/data.pkl", content)
        archive.writestr("ssd/version", "3\n")
    done = run("import_weights", *import_flags(tmp_path / "ssd.pth", tmp_path / "model"))
    assert_refused(done, "ssd.pth", "system, which is not part of a tensor file")
    assert not canary.exists()
    assert not (tmp_path / "model").exists()


def test_number_of_classes_against_annotations(drawn, source, tmp_path):
    flags = (f"--annotations={drawn}/annotations.json", "--num_classes=6")
    done = run("import_weights", *import_flags(source, tmp_path / "model", *flags))
    assert_refused(done, "--num_classes=6", "--annotations lists 5 classes")


@pytest.mark.proof
def test_reference_nms_is_kept_by_the_model_and_its_saved_model(tmp_path):
    tensors = tmp_path / "ssd.npz"
    write_tensors(tensors, ssd_tf.build_model("ssd1200_resnet34", 2))
    flags = (f"--source={tensors}", "--detector=ssd1200_resnet34", "--num_classes=2", f"--output={tmp_path}/model")
    run_well("import_weights", *flags, "--reference_nms")
    assert load_model(tmp_path / "model")[0].spec.detection.negative_overlaps
    assert_refused(run("export", f"--model={tmp_path}/model", f"--output={tmp_path}/a.tflite"), "negative_overlaps")
    run_well("export", f"--model={tmp_path}/model", f"--output={tmp_path}/served", "--format=saved_model")
    assert load_predictor(tmp_path / "served").spec.detection.negative_overlaps


@pytest.mark.parametrize("flags", [(), ("--detector=ssd300_resnet34",), ("--detector=ssd1200_resnet34", "--reverse")])
def test_reference_nms_is_of_one_detector(tmp_path, flags):
    done = run("import_weights", "--source=a.pth", f"--output={tmp_path}/model", "--reference_nms", *flags)
    assert_refused(done, "--reference_nms: expected --detector=ssd1200_resnet34. Received: ")


def test_ending_that_cannot_be_written(imported, tmp_path):
    done = run("import_weights", "--reverse", f"--source={imported[0]}", f"--output={tmp_path / 'ssd.pth'}")
    assert_refused(done, "ssd.pth", "expected a file that ends in .safetensors or .npz")
    assert not list(tmp_path.iterdir())


def test_average_of_a_folder_without_checkpoints(imported, tmp_path):
    done = run("average", f"--model={imported[0]}", f"--output={tmp_path / 'mean'}")
    assert_refused(done, str(imported[0]), "expected 1 checkpoints or more. Received: 0")
    assert not (tmp_path / "mean").exists()


def test_torchvision_s_weights_without_a_network_say_how_to_get_them(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("SSD_TF_HOME", str(tmp_path / "home"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")  # nobody answers there
    done = run("train", *train_flags(prepared, tmp_path / "m", "--steps=1", *RESNET34_FLAGS))
    place = str(tmp_path / "home" / "resnet34-333f7ec4.pth")
    assert_refused(done, "cannot download", RESNET34, "87306240 bytes", RESNET34_SHA256, f"put it at {place}")
    assert "B/s" not in done.stderr  # no progress bar of nothing


def test_another_file_in_the_place_of_torchvision_s_weights_is_refused_and_stays(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("SSD_TF_HOME", str(tmp_path))
    (tmp_path / "resnet34-333f7ec4.pth").write_text("something else")
    done = run("train", *train_flags(prepared, tmp_path / "m", "--steps=1", *RESNET34_FLAGS))
    received = "Received: 14 bytes. Remove it to download it again"
    assert_refused(done, "resnet34-333f7ec4.pth", "expected 87306240 bytes", RESNET34_SHA256, received)
    assert (tmp_path / "resnet34-333f7ec4.pth").read_text() == "something else"

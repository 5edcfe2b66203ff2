# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Weight files become folders of ours: which classes they get, and what is refused. And the other way.

The tensors are made up, with MLPerf's or torchvision's names, in the shapes of ssd128_tiny.
"""

import dataclasses
import json

import numpy as np
import pytest
import safetensors.numpy

import ssd_tf
from ssd_tf import specs
from ssd_tf.data.annotations import Category
from ssd_tf.data.formats.coco import COCO_CATEGORIES
from ssd_tf.inference.load import load_predictor
from ssd_tf.inference.predictor import load_model
from ssd_tf.specs import BackboneLevel, ExtraBlock, Heads
from ssd_tf.weights import sources
from ssd_tf.weights.convert import categories_of, import_model, write_tensors
from ssd_tf.weights.model_info import ModelInfo, load_info
from ssd_tf.weights.torchvision import torchvision_name

SPEC = specs.spec("ssd128_tiny")
THREE = (Category(7, "circle"), Category(2, "star"), Category(30, "cross"))
COCO_NAMES = {0: "background", **{k: category.name for k, category in enumerate(COCO_CATEGORIES, start=1)}}


@pytest.fixture(scope="module")
def tensors():
    """classes -> random tensors with MLPerf's names for so many classes."""
    made = {}

    def make(classes):
        if classes not in made:
            rng = np.random.default_rng(classes)
            model = ssd_tf.build_model(SPEC, classes)
            model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.weights])
            made[classes] = sources.state_dict(model, "mlperf")
        return dict(made[classes])

    return make


def write(path, tensors):
    if path.suffix == ".npz":
        np.savez(path, **tensors)
    else:
        safetensors.numpy.save_file(tensors, path)
    return path


def backbone_of(model):
    """The model's backbone with torchvision's names, and its classifier, which has no place in SSD."""
    tensors = {"fc.weight": np.ones((1000, 64), np.float32), "fc.bias": np.ones(1000, np.float32)}
    for layer in model.layers:
        for variable in layer.weights:
            name = torchvision_name(layer.name, variable.name)
            if name:
                value = variable.numpy()
                tensors[name] = np.ascontiguousarray(value.transpose(3, 2, 0, 1)) if value.ndim == 4 else value
    return tensors


def assert_holds(folder, info, tensors):
    """The folder is a model with these classes and, bit for bit, these tensors."""
    found, model = load_model(folder)
    assert found == load_info(folder) == info
    for name, value in sources.state_dict(model, "mlperf").items():
        np.testing.assert_array_equal(value, tensors[name], err_msg=name)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_file_and_classes_become_a_model(tensors, tmp_path, suffix):
    source = write(tmp_path / f"ssd{suffix}", tensors(3))
    info = import_model(source, SPEC, tmp_path / "new" / "model", THREE)
    assert info == ModelInfo(ssd_tf.spec("ssd128_tiny"), THREE)
    assert_holds(tmp_path / "new" / "model", info, tensors(3))
    assert json.loads((tmp_path / "new" / "model" / "config.json").read_text())["source"] == [str(source)]


def test_imported_model_detects(tensors, tmp_path):
    import_model(write(tmp_path / "ssd.npz", tensors(3)), SPEC, tmp_path / "model", THREE)
    predictor = load_predictor(tmp_path / "model")
    assert predictor.categories == THREE
    assert predictor(np.zeros((1, 128, 128, 3), np.uint8)).boxes.shape == (1, 200, 4)


def test_eighty_unnamed_classes_are_coco_s_with_coco_s_ids(tensors, tmp_path):
    info = import_model(write(tmp_path / "ssd.npz", tensors(80)), SPEC, tmp_path / "model", ())
    assert len(info.categories) == 80
    # COCO's list has gaps: 12 (street sign) is the first id that is left out, and ids end at 90.
    by_place = {1: (1, "person"), 11: (11, "fire hydrant"), 12: (13, "stop sign"), 80: (90, "toothbrush")}
    for place, expected in by_place.items():
        category = info.categories[place - 1]
        assert (category.id, category.name) == expected
    assert_holds(tmp_path / "model", info, tensors(80))


def test_coco_s_classes_are_those_of_the_reference(shared):
    labels = json.loads((shared / "golden" / "label_map.json").read_text())["labels"]
    assert [entry["label"] for entry in labels] == list(range(1, 81))
    assert [Category(entry["coco_id"], entry["name"]) for entry in labels] == list(COCO_CATEGORIES)


def test_other_number_of_unnamed_classes_must_be_given(tensors, tmp_path):
    source = write(tmp_path / "ssd.npz", tensors(3))
    with pytest.raises(
        ValueError, match=r"ssd\.npz: does not name its classes \(3\): they, or their number, must be given"
    ):
        import_model(source, SPEC, tmp_path / "model", ())
    assert not (tmp_path / "model").exists()


def test_classes_that_do_not_fit_the_file_are_refused_with_both_numbers(tensors, tmp_path):
    source = write(tmp_path / "ssd.npz", tensors(3))
    with pytest.raises(ValueError, match=r"conf\.0\.weight.*weights for 3 classes, the model has 2"):
        import_model(source, SPEC, tmp_path / "model", THREE[:2])
    assert not (tmp_path / "model").exists()


def test_file_of_another_detector_is_refused(tensors, tmp_path):
    source = write(tmp_path / "ssd.npz", tensors(3))
    with pytest.raises(ValueError, match=r"ssd\.npz: model\.layer1\.0\.weight: .*\(64, 3, 7, 7\).*\(16, 3, 7, 7\)"):
        import_model(source, specs.spec("ssd300_resnet34"), tmp_path / "model", THREE)
    assert not (tmp_path / "model").exists()


def test_backbone_becomes_the_start_of_a_model(tmp_path):
    given = ssd_tf.build_model(SPEC, 1)
    given.set_weights([np.full(weight.shape, 0.25, np.float32) for weight in given.weights])
    source = write(tmp_path / "resnet.safetensors", backbone_of(given))
    info = import_model(source, SPEC, tmp_path / "model", THREE)
    assert info == ModelInfo(ssd_tf.spec("ssd128_tiny"), THREE)
    _, model = load_model(tmp_path / "model")
    for layer in model.layers:
        for variable in layer.weights:
            assert (variable.numpy() == 0.25).all() == layer.name.startswith("conv"), variable.path


def test_backbone_alone_wants_classes(tmp_path):
    source = write(tmp_path / "resnet.npz", backbone_of(ssd_tf.build_model(SPEC, 1)))
    with pytest.raises(ValueError, match=r"resnet\.npz holds a backbone alone: the classes .* must be given"):
        import_model(source, SPEC, tmp_path / "model", ())


def test_folder_that_holds_a_model_is_left_as_it_is(tensors, tmp_path):
    first = write(tmp_path / "first.npz", tensors(3))
    import_model(first, SPEC, tmp_path / "model", THREE)
    before = {path: path.read_bytes() for path in (tmp_path / "model").rglob("*") if path.is_file()}
    second = write(tmp_path / "second.npz", {name: value + 1 for name, value in tensors(3).items()})
    with pytest.raises(ValueError, match="model holds a model already"):
        import_model(second, SPEC, tmp_path / "model", THREE)
    assert {path: path.read_bytes() for path in (tmp_path / "model").rglob("*") if path.is_file()} == before


def test_training_checkpoint_of_the_reference_brings_its_classes(tensors, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    state = {f"module.{name}": torch.tensor(value) for name, value in tensors(3).items()}
    label_map = {0: "background", 1: "circle", 2: "star", 3: "cross"}
    torch.save({"model": state, "label_map": label_map, "epoch": 7}, tmp_path / "iter_1000.pt")
    info = import_model(tmp_path / "iter_1000.pt", SPEC, tmp_path / "model", ())
    assert info.categories == (Category(1, "circle"), Category(2, "star"), Category(3, "cross"))
    assert_holds(tmp_path / "model", info, tensors(3))


# categories_of looks at what a training checkpoint holds, {"model": tensors, "label_map": {...}}.


def test_names_in_the_checkpoint_are_taken_and_numbered(tensors):
    content = {"model": tensors(3), "label_map": {0: "background", 1: "circle", 2: "star", 3: "cross"}}
    found = categories_of(content, tensors(3), SPEC, "ssd.pth")
    assert found == (Category(1, "circle"), Category(2, "star"), Category(3, "cross"))


def test_names_in_the_checkpoint_may_leave_out_the_background(tensors):
    content = {"model": tensors(3), "label_map": {1: "circle", 3: "cross", 2: "star"}}
    names = [category.name for category in categories_of(content, tensors(3), SPEC, "ssd.pth")]
    assert names == ["circle", "star", "cross"]


def test_coco_s_names_in_the_checkpoint_get_coco_s_ids(tensors):
    assert categories_of({"label_map": COCO_NAMES}, tensors(80), SPEC, "ssd.pth") == COCO_CATEGORIES


def test_eighty_other_names_in_the_checkpoint_are_not_coco_s(tensors):
    content = {"label_map": {**COCO_NAMES, 1: "robot"}}
    found = categories_of(content, tensors(80), SPEC, "ssd.pth")
    assert (found[0], found[79]) == (Category(1, "robot"), Category(80, "toothbrush"))


@pytest.mark.parametrize("label_map", [{0: "background", 1: "circle", 2: "star"}, COCO_NAMES], ids=["two", "eighty"])
def test_names_of_another_number_than_the_tensors_are_refused(tensors, label_map):
    count = len(label_map) - 1
    with pytest.raises(ValueError, match=rf"ssd\.pth: names {count} classes, but its tensors are for 3"):
        categories_of({"label_map": label_map}, tensors(3), SPEC, "ssd.pth")


@pytest.mark.parametrize(
    "label_map",
    [None, {}, "circle", {0: "background", 1: "circle", 3: "cross", 4: "star"}, {0: "a", "1": "b", "2": "c", "3": "d"}],
    ids=["none", "empty", "no_dictionary", "gap", "text_for_numbers"],
)
def test_label_map_without_a_name_for_each_number_names_nothing(tensors, label_map):
    with pytest.raises(ValueError, match=r"does not name its classes \(3\)"):
        categories_of({"label_map": label_map}, tensors(3), SPEC, "ssd.pth")


def test_prefix_of_distributed_data_parallel_does_not_hide_the_classes(tensors):
    prefixed = {f"module.{name}": value for name, value in tensors(80).items()}
    assert categories_of({"label_map": COCO_NAMES}, prefixed, SPEC, "ssd.pth") == COCO_CATEGORIES


def test_tensors_without_heads_have_no_classes(tensors):
    headless = {name: value for name, value in tensors(3).items() if not name.startswith("conf")}
    with pytest.raises(ValueError, match=r"x\.npz: no tensor 'conf\.0\.bias': these are not the weights of MLPerf"):
        categories_of(headless, headless, SPEC, "x.npz")


# Four boxes a cell: 4 numbers would be background alone.
@pytest.mark.parametrize("shape", [(15,), (4,), (0,), (), (4, 4)])
def test_head_that_fits_no_number_of_classes_is_refused(tensors, shape):
    odd = {**tensors(3), "conf.0.bias": np.zeros(shape, np.float32)}
    with pytest.raises(ValueError, match=r"conf\.0\.bias: expected 4 numbers for each class\. Received: shape \("):
        categories_of(odd, odd, SPEC, "x.npz")


@pytest.fixture(scope="module")
def model():
    model = ssd_tf.build_model(SPEC, 3)
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(0, 1, weight.shape) for weight in model.weights])
    return model


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_written_model_comes_back_bit_for_bit(model, tmp_path, suffix):
    write_tensors(tmp_path / "a" / f"ssd{suffix}", model)
    again = ssd_tf.build_model(SPEC, 3)
    ssd_tf.load_weights(again, tmp_path / "a" / f"ssd{suffix}")
    for found, expected in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(found, expected, err_msg=expected.path)


def test_written_file_replaces_an_older_one(model, tmp_path):
    (tmp_path / "ssd.npz").write_text("old")
    write_tensors(tmp_path / "ssd.npz", model)
    assert len(np.load(tmp_path / "ssd.npz").files) == len(sources.state_dict(model, "mlperf"))


@pytest.mark.parametrize("name", ["ssd.pth", "ssd.h5", "ssd", "ssd.npz.txt"])
def test_unknown_ending_is_not_written(model, tmp_path, name):
    with pytest.raises(ValueError, match=rf"{name}: expected a file that ends in \.safetensors or \.npz"):
        write_tensors(tmp_path / "a" / name, model)
    assert not list(tmp_path.iterdir())


def test_every_batch_norm_has_a_counter_of_batches(model):
    # PyTorch's load_state_dict(strict=True) asks for it, an int64 without dimensions.
    state = sources.state_dict(model, "mlperf")
    counters = {name: value for name, value in state.items() if name.endswith("num_batches_tracked")}
    modules = {name.removesuffix(".running_var") for name in state if name.endswith(".running_var")}
    assert set(counters) == {f"{module}.num_batches_tracked" for module in modules}
    # The stem's, two of each of the three blocks, and one of each shortcut: both stages widen.
    assert len(counters) == 1 + 6 + 2
    for counter in counters.values():
        assert (counter.shape, counter.dtype, int(counter)) == ((), np.int64, 0)


def test_state_dict_is_contiguous_float32(model):
    for name, value in sources.state_dict(model, "mlperf").items():
        if not name.endswith("num_batches_tracked"):
            assert (value.dtype, value.flags.c_contiguous) == (np.float32, True), name


def test_number_of_classes_that_agrees_changes_nothing(tensors, tmp_path):
    info = import_model(write(tmp_path / "ssd.npz", tensors(80)), SPEC, tmp_path / "model", num_classes=80)
    assert info.categories == COCO_CATEGORIES


def test_number_of_classes_stands_for_names_that_the_file_does_not_have(tensors, tmp_path):
    info = import_model(write(tmp_path / "ssd.npz", tensors(3)), SPEC, tmp_path / "model", num_classes=3)
    assert info.categories == (Category(1, "class 1"), Category(2, "class 2"), Category(3, "class 3"))


def test_number_of_classes_that_is_not_the_file_s_names_both(tensors, tmp_path):
    source = write(tmp_path / "ssd.npz", tensors(3))
    with pytest.raises(ValueError, match=r"ssd\.npz: expected 5 classes. Received: tensors for 3"):
        import_model(source, SPEC, tmp_path / "model", num_classes=5)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("value", [np.zeros((), np.float32), np.zeros(16, "M8[s]"), np.zeros(16, "i4,f4")])
def test_tensor_of_another_kind_is_named(tensors, tmp_path, value):
    source = write(tmp_path / "ssd.npz", {**tensors(3), "loc.0.bias": value})
    with pytest.raises(ValueError, match=r"ssd\.npz: loc\.0\.bias: expected"):
        import_model(source, SPEC, tmp_path / "model", THREE)


def test_prefix_of_distributed_data_parallel_is_named_as_in_the_file(tensors, tmp_path):
    parallel = {f"module.{name}": value for name, value in tensors(3).items()}
    parallel["module.loc.0.bias"] = np.zeros(5, np.float32)
    with pytest.raises(ValueError, match=r"module\.loc\.0\.bias: expected shape \(16,\) .* Received: \(5,\)"):
        import_model(write(tmp_path / "ssd.npz", parallel), SPEC, tmp_path / "model", THREE)


@pytest.mark.parametrize(
    "changed",
    [
        {"heads": Heads(separable=True)},
        {"backbone_levels": (BackboneLevel("conv3", l2_scale=20.0),)},
        {"extra_blocks": tuple(ExtraBlock(64, 128, 2, 1, batch_norm=True) for _ in range(3))},
    ],
    ids=["separable", "l2", "batch_norm"],
)
def test_model_with_layers_that_mlperf_s_ssd_has_not_is_not_written(changed):
    # Two of its layers would have one name in the file, and the weights of one would be lost.
    model = ssd_tf.build_model(dataclasses.replace(ssd_tf.spec("ssd128_tiny"), **changed), 2)
    with pytest.raises(
        ValueError, match=r"ssd128_tiny cannot be written with names of MLPerf: .*MLPerf's SSD has no such layer"
    ):
        sources.state_dict(model, "mlperf")

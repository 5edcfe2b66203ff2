# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Weight files of the reference's form: what is read, where it goes, and what is refused.

The tensors are made up, named as the reference names them, in the shapes of ssd128_tiny. That real names and layouts
give the reference's outputs is tested with the model.
"""

import dataclasses
import zipfile

import numpy as np
import pytest
import safetensors.numpy

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.specs import Level
from ssd_tf.training.checkpoints import Checkpoints
from ssd_tf.training.optimizer import SGD
from ssd_tf.weights.load import load_backbone, load_initial_weights
from ssd_tf.weights.mlperf import reference_name
from ssd_tf.weights.model_info import ModelInfo, save_config

SPEC = "ssd128_tiny"
CLASSES = 3
_SAVERS = {
    ".npz": lambda path, tensors: np.savez(path, **tensors),
    ".safetensors": lambda path, tensors: safetensors.numpy.save_file(tensors, path),
}
INFO = ModelInfo(ssd_tf.spec("ssd128_tiny"), tuple(Category(10 * k, f"class {k}") for k in range(1, CLASSES + 1)))


def tensors_for(model, seed=0):
    """Random tensors in PyTorch's layout for each variable of the model."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for layer in model.layers:
        for variable in layer.weights:
            shape = tuple(variable.shape)
            shape = tuple(shape[i] for i in (3, 2, 0, 1)) if len(shape) == 4 else shape
            tensors[reference_name(layer.name, variable.name)] = rng.normal(0, 1, shape).astype(np.float32)
    return tensors


def write(path, tensors):
    _SAVERS[path.suffix](path, tensors)
    return path


def layer_weights(model, name):
    return [variable.numpy() for variable in model.get_layer(name).weights]


def assert_unchanged(model, before):
    for variable, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    ("layer", "variable", "name"),
    [
        ("conv1", "kernel", "model.layer1.0.weight"),
        ("conv1_bn", "gamma", "model.layer1.1.weight"),
        ("conv1_bn", "moving_variance", "model.layer1.1.running_var"),
        ("conv2_1_1", "kernel", "model.layer1.4.0.conv1.weight"),
        ("conv3_2_2_bn", "beta", "model.layer1.5.1.bn2.bias"),
        ("conv3_1_shortcut", "kernel", "model.layer1.5.0.downsample.0.weight"),
        ("conv4_1_shortcut_bn", "moving_mean", "model.layer2.0.0.downsample.1.running_mean"),
        ("extra1_1", "kernel", "additional_blocks.0.0.weight"),
        ("extra5_2", "bias", "additional_blocks.4.2.bias"),
        ("offsets0", "kernel", "loc.0.weight"),
        ("logits5", "bias", "conf.5.bias"),
    ],
)
def test_variable_has_the_reference_s_name(layer, variable, name):
    # Names as in the golden forward.json, which lists the reference's state_dict.
    assert reference_name(layer, variable) == name


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_file_fills_every_variable(model, tmp_path, suffix):
    before, tensors = model.get_weights(), tensors_for(model)
    ssd_tf.load_weights(model, write(tmp_path / f"weights{suffix}", tensors))
    for variable, value in zip(model.weights, before, strict=True):
        assert (variable.numpy() != value).all(), variable.path
    np.testing.assert_array_equal(
        layer_weights(model, "conv2_1_1")[0], tensors["model.layer1.4.0.conv1.weight"].transpose(2, 3, 1, 0)
    )
    np.testing.assert_array_equal(layer_weights(model, "extra2_1")[1], tensors["additional_blocks.1.0.bias"])
    expected = [tensors[f"model.layer1.1.{name}"] for name in ("weight", "bias", "running_mean", "running_var")]
    np.testing.assert_array_equal(layer_weights(model, "conv1_bn"), expected)


def test_path_may_be_a_string(model, tmp_path):
    tensors = tensors_for(model)
    ssd_tf.load_weights(model, str(write(tmp_path / "weights.npz", tensors)))
    np.testing.assert_array_equal(layer_weights(model, "extra1_1")[1], tensors["additional_blocks.0.0.bias"])


def test_heads_are_turned_from_coordinate_major_to_anchor_major(model, tmp_path):
    tensors = tensors_for(model)
    # Four anchors a cell. The reference's channel is c * 4 + k with c in (dx, dy, dw, dh), ours k * 4 + c with c in
    # (dy, dx, dh, dw); of the logits it is c * 4 + k, ours k * 4 + c, with background and three classes.
    tensors["loc.0.bias"] = np.arange(16, dtype=np.float32)
    tensors["conf.0.bias"] = np.arange(16, dtype=np.float32)
    ssd_tf.load_weights(model, write(tmp_path / "weights.npz", tensors))
    offsets_kernel, offsets_bias = layer_weights(model, "offsets0")
    assert offsets_bias.tolist() == [4, 0, 12, 8, 5, 1, 13, 9, 6, 2, 14, 10, 7, 3, 15, 11]
    logits_kernel, logits_bias = layer_weights(model, "logits0")
    assert logits_bias.tolist() == [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]
    # Kernels go with their biases.
    for kernel, bias, name in ((offsets_kernel, offsets_bias, "loc"), (logits_kernel, logits_bias, "conf")):
        reference = tensors[f"{name}.0.weight"].transpose(2, 3, 1, 0)
        np.testing.assert_array_equal(kernel, reference[..., bias.astype(int)])


def test_prefix_of_distributed_data_parallel_is_taken_off(model, tmp_path):
    tensors = tensors_for(model)
    prefixed = {f"module.{name}": value for name, value in tensors.items()}
    ssd_tf.load_weights(model, write(tmp_path / "weights.safetensors", prefixed))
    np.testing.assert_array_equal(layer_weights(model, "extra1_1")[1], tensors["additional_blocks.0.0.bias"])


def test_counters_of_batches_are_left_alone(model, tmp_path):
    tensors = {**tensors_for(model), "model.layer1.1.num_batches_tracked": np.array(7)}
    ssd_tf.load_weights(model, write(tmp_path / "weights.npz", tensors))
    np.testing.assert_array_equal(layer_weights(model, "extra1_1")[1], tensors["additional_blocks.0.0.bias"])


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_are_converted(model, tmp_path, dtype):
    tensors = {name: value.astype(dtype) for name, value in tensors_for(model).items()}
    ssd_tf.load_weights(model, write(tmp_path / "weights.npz", tensors))
    (kernel, _) = layer_weights(model, "extra1_1")
    assert kernel.dtype == np.float32
    expected = tensors["additional_blocks.0.0.weight"].transpose(2, 3, 1, 0).astype(np.float32)
    np.testing.assert_array_equal(kernel, expected)


def spoiled(tensors, change):
    """The tensors with an error in the one that is assigned last, and what the error's message names."""
    name = "conf.3.bias"
    if change == "missing":
        del tensors[name]
        return KeyError, [name, "ssd128_tiny"]
    if change == "left over":
        tensors["conf.4.bias"] = tensors[name]
        return KeyError, ["conf.4.bias", "ssd128_tiny"]
    tensors["additional_blocks.2.2.weight"] = np.zeros((128, 32, 3, 3), np.float32)
    return ValueError, ["additional_blocks.2.2.weight", "(128, 64, 3, 3)", "(128, 32, 3, 3)"]


@pytest.mark.parametrize("change", ["missing", "left over", "wrong shape"])
def test_tensor_that_does_not_fit_is_named_and_nothing_is_assigned(model, tmp_path, change):
    before, tensors = model.get_weights(), tensors_for(model)
    error, named = spoiled(tensors, change)
    path = write(tmp_path / "weights.npz", tensors)
    with pytest.raises(error) as raised:
        ssd_tf.load_weights(model, path)
    for part in (*named, str(path)):
        assert part in str(raised.value)
    assert_unchanged(model, before)


@pytest.mark.parametrize("number", [1, 80])
def test_other_number_of_classes_names_both(model, tmp_path, number):
    before = model.get_weights()
    path = write(tmp_path / "weights.npz", tensors_for(ssd_tf.build_model("ssd128_tiny", number)))
    with pytest.raises(ValueError, match=rf"conf\.0\.weight.*weights for {number} classes, the model has 3"):
        ssd_tf.load_weights(model, path)
    assert_unchanged(model, before)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("loc.0.weight", (24, 64, 3, 3)),
        ("conf.0.weight", (16, 32, 3, 3)),
        ("conf.0.weight", (16,)),
        ("conf.1.weight", (16, 128, 3, 3)),  # for four default boxes in place of six
    ],
    ids=["more_offsets", "fewer_channels", "a_vector", "fewer_default_boxes"],
)
def test_wrong_shape_of_a_head_is_not_laid_to_the_classes_where_it_is_not_theirs(model, tmp_path, name, shape):
    tensors = tensors_for(model)
    tensors[name] = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match=name) as raised:
        ssd_tf.load_weights(model, write(tmp_path / "weights.npz", tensors))
    assert str(shape) in str(raised.value)
    assert "classes" not in str(raised.value)


def test_backbone_alone_leaves_all_else_as_it_was(model, tmp_path):
    before, tensors = model.get_weights(), tensors_for(model)
    # Heads of another number of classes, and a tensor that has no place.
    tensors |= {"conf.0.weight": np.zeros((324, 64, 3, 3)), "something": np.zeros(1)}
    load_backbone(model, write(tmp_path / "weights.npz", tensors))
    backbone = [v for layer in model.layers if layer.name.startswith("conv") for v in layer.weights]
    assert 0 < len(backbone) < len(model.weights)
    ours = {variable.path for variable in backbone}
    for variable, value in zip(model.weights, before, strict=True):
        changed = (variable.numpy() != value).any()
        assert changed == (variable.path in ours), variable.path


@pytest.mark.parametrize("change", ["missing", "left over", "wrong shape"])
def test_backbone_that_does_not_fit_is_refused(model, tmp_path, change):
    before, tensors = model.get_weights(), tensors_for(model)
    name = "model.layer1.5.0.bn2.running_var"
    if change == "missing":
        del tensors[name]
    elif change == "left over":
        name = "model.layer2.0.0.conv1.weight"
        tensors[name] = np.zeros((4, 4, 3, 3), np.float32)
    else:
        tensors[name] = np.zeros(5, np.float32)
    with pytest.raises(ValueError if change == "wrong shape" else KeyError, match=name):
        load_backbone(model, write(tmp_path / "weights.npz", tensors))
    assert_unchanged(model, before)


def test_unknown_ending_is_refused(model, tmp_path):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"HDF")
    with pytest.raises(ValueError, match=r"weights\.h5: expected a file that ends in \.npz, .* or \.pt"):
        load_backbone(model, path)
    with pytest.raises(ValueError, match=r"weights\.h5"):
        ssd_tf.load_weights(model, path)


@pytest.mark.parametrize("name", ["none.npz", "none.safetensors", "none", "none.pth"])
def test_missing_file_is_named(model, tmp_path, name):
    with pytest.raises(FileNotFoundError, match=name):
        ssd_tf.load_weights(model, tmp_path / name)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"not a weight file, just some text", b"PK\x03\x04"], ids=["empty", "text", "zip"]
)
def test_garbage_is_refused_by_name(model, tmp_path, suffix, content):
    before = model.get_weights()
    path = tmp_path / f"garbage{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"garbage\{suffix}: cannot be read"):
        ssd_tf.load_weights(model, path)
    assert_unchanged(model, before)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_cut_off_file_is_refused_by_name(model, tmp_path, suffix):
    before = model.get_weights()
    path = write(tmp_path / f"cut{suffix}", tensors_for(model))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=rf"cut\{suffix}: cannot be read"):
        ssd_tf.load_weights(model, path)
    assert_unchanged(model, before)


def test_single_array_named_npz_is_refused_by_name(model, tmp_path):
    with (tmp_path / "one.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match=r"one\.npz: cannot be read"):
        ssd_tf.load_weights(model, tmp_path / "one.npz")


def test_archive_of_other_things_named_npz_is_refused(model, tmp_path):
    with zipfile.ZipFile(tmp_path / "images.npz", "w") as archive:
        for name in tensors_for(model):
            archive.writestr(name, b"an image")
    with pytest.raises(ValueError, match=r"images\.npz"):
        ssd_tf.load_weights(model, tmp_path / "images.npz")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was run",))


def test_pickled_arrays_are_refused(model, tmp_path):
    tensors = {**tensors_for(model), "conf.3.bias": np.array([Bomb()], dtype=object)}
    with pytest.raises(ValueError, match=r"weights\.npz: cannot be read as \.npz.*allow_pickle"):
        ssd_tf.load_weights(model, write(tmp_path / "weights.npz", tensors))


@pytest.fixture
def model_dir(model, tmp_path):
    """A folder as training leaves it, with the weights of `tensors_for`; the model itself has others."""
    first = model.get_weights()
    ssd_tf.load_weights(model, write(tmp_path / "weights.npz", tensors_for(model)))
    folder = tmp_path / "run"
    folder.mkdir()
    save_config(folder, INFO, {})
    optimizer = SGD()
    optimizer.build(model.trainable_variables)
    Checkpoints(folder, model, optimizer).save(5)
    model.set_weights(first)
    return folder


@pytest.mark.parametrize("place", ["", "checkpoints", "checkpoints/ckpt-5", "checkpoints/ckpt-5.index"])
def test_checkpoint_of_ours_is_loaded(model, model_dir, place):
    ssd_tf.load_weights(model, model_dir / place)
    expected = tensors_for(model)["additional_blocks.0.0.bias"]
    np.testing.assert_array_equal(layer_weights(model, "extra1_1")[1], expected)


def test_initial_weights_from_a_checkpoint_of_the_same_classes(model, model_dir):
    load_initial_weights(model, INFO, model_dir)
    expected = tensors_for(model)["additional_blocks.0.0.bias"]
    np.testing.assert_array_equal(layer_weights(model, "extra1_1")[1], expected)


def test_initial_weights_from_a_file(model, tmp_path):
    tensors = tensors_for(model)
    load_initial_weights(model, INFO, write(tmp_path / "weights.npz", tensors))
    np.testing.assert_array_equal(layer_weights(model, "extra1_1")[1], tensors["additional_blocks.0.0.bias"])


OTHERS = (Category(1, "class 1"), Category(2, "another"))


@pytest.mark.parametrize("kind", ["checkpoint", "file"])
def test_initial_weights_of_other_classes_leave_the_heads_for_classes_fresh(model, model_dir, tmp_path, kind, caplog):
    caplog.set_level("INFO", logger="absl")
    path = model_dir if kind == "checkpoint" else write(tmp_path / "weights.npz", tensors_for(model))
    started = ssd_tf.build_model(SPEC, len(OTHERS))
    before = started.get_weights()
    load_initial_weights(started, ModelInfo(INFO.spec, OTHERS), path)
    fresh = {
        weight.path for weight, value in zip(started.weights, before, strict=True) if (weight == value).numpy().all()
    }
    assert fresh == {f"logits{level}/{name}" for level in range(4) for name in ("kernel", "bias")}
    np.testing.assert_array_equal(
        layer_weights(started, "extra1_1")[1], tensors_for(model)["additional_blocks.0.0.bias"]
    )
    total = len(started.weights)
    assert caplog.messages[-1] == (
        f"{path}: {total - 8} of {total} tensors taken; "
        "made anew: logits0/kernel, logits0/bias, logits1/kernel and 5 more"
    )


def test_initial_weights_of_as_many_classes_of_other_names_leave_their_heads_fresh(model, model_dir):
    before = layer_weights(model, "logits0")[1]
    renamed = ModelInfo(INFO.spec, (*INFO.categories[:2], Category(30, "other")))
    load_initial_weights(model, renamed, model_dir)
    np.testing.assert_array_equal(layer_weights(model, "logits0")[1], before)


def test_initial_weights_of_the_same_classes_are_all_taken(model, model_dir, caplog):
    caplog.set_level("INFO", logger="absl")
    ids = ModelInfo(INFO.spec, tuple(Category(k, category.name) for k, category in enumerate(INFO.categories, 1)))
    before = model.get_weights()
    load_initial_weights(model, ids, model_dir)  # their ids may differ
    assert all((weight.numpy() != value).any() for weight, value in zip(model.weights, before, strict=True))
    assert caplog.messages[-1].endswith(f"{len(before)} of {len(before)} tensors taken")


def with_listed_boxes(spec, per_cell=()):
    """The detector with one size for all default boxes; per_cell: how many on each level, where not its own number."""
    counts = per_cell or [level.boxes_per_cell for level in spec.levels]
    levels = tuple(
        Level(level.cells, level.step, boxes=((40.0, 10.0),) * count)
        for level, count in zip(spec.levels, counts, strict=True)
    )
    return dataclasses.replace(spec, name="mine", levels=levels)


def test_initial_weights_fit_default_boxes_of_other_sizes(model, model_dir, caplog):
    caplog.set_level("INFO", logger="absl")
    load_initial_weights(model, ModelInfo(with_listed_boxes(INFO.spec), INFO.categories), model_dir)
    assert caplog.messages[-1].endswith(f"{len(model.weights)} of {len(model.weights)} tensors taken")


@pytest.mark.parametrize(
    "spec",
    [with_listed_boxes(INFO.spec, (4, 6, 6, 5)), dataclasses.replace(with_listed_boxes(INFO.spec), clip="none")],
    ids=["number", "clip"],
)
def test_initial_weights_of_another_number_of_default_boxes_or_other_fields_are_refused(model, model_dir, spec):
    with pytest.raises(ValueError, match="holds a ssd128_tiny, not a mine"):
        load_initial_weights(model, ModelInfo(spec, INFO.categories), model_dir)


def test_initial_weights_of_another_detector_are_refused(model, model_dir, tmp_path):
    before = model.get_weights()
    other = ModelInfo(ssd_tf.spec("ssd300_resnet34"), INFO.categories)
    with pytest.raises(ValueError, match="holds a ssd128_tiny, not a ssd300_resnet34"):
        load_initial_weights(model, other, model_dir)
    tensors = {"vgg.0.weight": np.zeros((64, 3, 3, 3), np.float32), "conf.0.bias": np.zeros(16, np.float32)}
    with pytest.raises(ValueError, match=r"w\.npz: tensor 'vgg.0.weight' of amdegroot has no place in ssd128_tiny"):
        load_initial_weights(model, INFO, write(tmp_path / "w.npz", tensors))
    assert_unchanged(model, before)


def test_npz_file_that_would_fill_the_memory_is_refused(model, tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, **{"model.layer1.0.weight": np.zeros(10_000_000, np.float32)})
    assert path.stat().st_size < 100_000
    with pytest.raises(ValueError, match=r"bomb\.npz: cannot be read as \.npz: it would inflate to 40000\d\d\d bytes"):
        ssd_tf.load_weights(model, path)

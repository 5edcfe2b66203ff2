# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Weights between PyTorch and us: files that torch.save wrote, files for PyTorch to load, and steps side by side."""

import json

import keras
import numpy as np
import pytest
import recipe
import safetensors.numpy
import tensorflow as tf

import ssd_tf
from ssd_tf.data.color_jitter import Jitter
from ssd_tf.data.examples import TrainBatch
from ssd_tf.data.formats.coco import COCO_CATEGORIES
from ssd_tf.models.backbone import is_backbone_layer
from ssd_tf.settings import AugmentConfig
from ssd_tf.training.optimizer import SGD
from ssd_tf.training.step import make_train_step, read_result
from ssd_tf.weights import sources
from ssd_tf.weights.convert import write_tensors
from ssd_tf.weights.load import load_backbone

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import safetensors.torch  # noqa: E402 - needs torch

from tests.torch_ssd import SSD300, ResNet34, multibox_loss  # noqa: E402

pytestmark = pytest.mark.proof

SPEC = "ssd300_resnet34"
CLASSES = 80
LABEL_MAP = {0: "background", **{k: category.name for k, category in enumerate(COCO_CATEGORIES, start=1)}}
ZIP, LEGACY = "zip", "legacy"


def load_recipe(module, seed):
    """Fills a module of PyTorch with recipe.py's weights, running statistics too."""
    entries = module.state_dict().items()
    module.load_state_dict({name: torch.tensor(recipe.weight(name, value.shape, seed)) for name, value in entries})
    return module


def save(path, content, form=ZIP):
    torch.save(content, path, _use_new_zipfile_serialization=form == ZIP)
    return path


def compute(module, images, training):
    """The outputs as arrays; images are NCHW."""
    module.train(training)
    with torch.no_grad():
        return [output.numpy() for output in module(torch.tensor(images))]


@pytest.fixture(scope="module")
def images():
    return recipe.images(7, 2)


@pytest.fixture(scope="module")
def in_reference_layout(reference_order):
    """Turns our [B, A, .] offsets and logits into the reference's (loc, conf)."""
    back = np.argsort(reference_order)

    def convert(offsets, logits):
        # (dy, dx, dh, dw) -> (dx, dy, dw, dh).
        by_anchor = np.asarray(offsets)[:, back][..., [1, 0, 3, 2]], np.asarray(logits)[:, back]
        return [np.moveaxis(values, 1, 2) for values in by_anchor]

    return convert


@pytest.fixture(scope="module")
def reference(images):
    """PyTorch's model: its state before, its outputs (mode -> loc, conf), and its state after a pass of training."""
    module = load_recipe(SSD300(CLASSES), seed=0)
    state = {name: value.clone() for name, value in module.state_dict().items()}
    outputs = {mode: compute(module, images, mode == "train") for mode in ("eval", "train")}
    return state, outputs, module.state_dict()


def test_the_restated_model_is_the_reference(reference, golden):
    state, outputs, _ = reference
    entries = json.loads((golden / "forward.json").read_text())["state_dict"]
    assert {name: list(value.shape) for name, value in state.items()} == {
        name: entry["shape"] for name, entry in entries.items()
    }
    recorded = np.load(golden / "forward.npz")
    for mode, (loc, conf) in outputs.items():
        # The reference's own noise is 9e-6. Measured: 8.1e-6 with one thread, 0 with two.
        np.testing.assert_allclose(loc, recorded[f"loc_{mode}_f32"], rtol=0, atol=1e-4)
        sample = conf[tuple(recorded["conf_index"])]
        np.testing.assert_allclose(sample, recorded[f"conf_sample_{mode}_f32"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("form", [ZIP, LEGACY])
def test_checkpoint_of_the_reference_fills_all_weights(model, reference, tmp_path, form, prefix):
    state, _, _ = reference
    content = {"model": {prefix + name: value for name, value in state.items()}, "label_map": LABEL_MAP}
    ssd_tf.load_weights(model, save(tmp_path / "ssd.pth", content, form))
    # That the way back is right too is tested with what PyTorch makes of our files.
    for name, value in sources.state_dict(model, "mlperf").items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)


def test_checkpoint_of_the_reference_gives_its_outputs(model, reference, images, in_reference_layout, tmp_path):
    state, outputs, state_after = reference
    ssd_tf.load_weights(model, save(tmp_path / "ssd.pth", {"model": state, "label_map": LABEL_MAP}))
    for mode in ("eval", "train"):  # training last: it moves the statistics
        found = model(images.transpose(0, 2, 3, 1), training=mode == "train")
        for ours, theirs in zip(in_reference_layout(**found), outputs[mode], strict=True):
            # float32 sums in another order; outputs up to 20. Measured: 4.2e-5 in evaluation, 1.4e-5 in training.
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-3)
    moved = [name for name in state if "running" in name]
    assert len(moved) == 2 * 29
    ours = sources.state_dict(model, "mlperf")
    for name in moved:
        # Measured: 1.2e-7.
        np.testing.assert_allclose(ours[name], state_after[name], rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def resnet():
    return load_recipe(ResNet34(conv4_stride=1), seed=3)


def write_backbone(folder, kind, tensors):
    if kind == ".safetensors":
        safetensors.torch.save_file(tensors, folder / "resnet34.safetensors")
        return folder / "resnet34.safetensors"
    return save(folder / "resnet34.pth", tensors, kind)


def assert_backbone(model, before, expected):
    """The backbone is that of a state_dict with MLPerf's names, bit for bit, and all else is as before."""
    found = {name: value for name, value in sources.state_dict(model, "mlperf").items() if name.startswith("model.")}
    assert len(found) == 174  # 29 convolutions, and 5 entries of the batch norm after each
    for name, value in found.items():
        if not name.endswith("num_batches_tracked"):
            np.testing.assert_array_equal(value, expected[name].float(), err_msg=name)
    backbone = {variable.path for layer in model.layers if is_backbone_layer(layer.name) for variable in layer.weights}
    for variable, value in zip(model.weights, before, strict=True):
        if variable.path not in backbone:
            np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize("kind", [ZIP, LEGACY, ".safetensors"])
def test_file_of_torchvision_or_timm_fills_the_backbone_alone(model, resnet, tmp_path, kind):
    # conv5 (layer4) and the classifier (fc) are in the file, and have no place.
    before = model.get_weights()
    load_backbone(model, write_backbone(tmp_path, kind, resnet.state_dict()))
    assert_backbone(model, before, SSD300(CLASSES, resnet).state_dict())


def test_checkpoint_of_the_reference_fills_the_backbone_alone(model, reference, tmp_path):
    before, (state, _, _) = model.get_weights(), reference
    load_backbone(model, save(tmp_path / "ssd.pth", {"model": state, "label_map": LABEL_MAP}))
    assert_backbone(model, before, state)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("kind", [ZIP, ".safetensors"])
def test_backbone_in_half_precision_is_taken(model, resnet, tmp_path, kind, dtype):
    before = model.get_weights()
    rounded = ResNet34(conv4_stride=1).to(getattr(torch, dtype))
    rounded.load_state_dict(resnet.state_dict())
    load_backbone(model, write_backbone(tmp_path, kind, rounded.state_dict()))
    assert_backbone(model, before, SSD300(CLASSES, rounded).state_dict())


def test_backbone_computes_what_pytorch_s_does(model, resnet, images, tmp_path):
    load_backbone(model, write_backbone(tmp_path, ZIP, resnet.state_dict()))
    features = keras.Model(model.input, model.get_layer("conv4_6_out").output)(images.transpose(0, 2, 3, 1))
    with torch.no_grad():
        expected = resnet.eval().conv4(torch.tensor(images)).numpy().transpose(0, 2, 3, 1)
    assert expected.shape == (2, 38, 38, 256)
    # As above; values up to 31. Measured: 3.6e-5.
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", [ZIP, ".safetensors"])
@pytest.mark.parametrize("name", ["layer1.0.conv3.weight", "foo", "layer3.6.bn1.running_mean"])
def test_tensor_too_many_is_named_as_the_file_names_it(model, resnet, tmp_path, kind, name):
    before = model.get_weights()
    path = write_backbone(tmp_path, kind, {**resnet.state_dict(), name: torch.zeros(256)})
    with pytest.raises(KeyError, match=rf"resnet34\..*'{name}' has no place in {SPEC}"):
        load_backbone(model, path)
    assert_unchanged(model, before)


def test_tensor_too_few_is_named_as_the_file_names_it(model, resnet, tmp_path):
    # ResNet-18 and ResNet-34 have the same names; the smaller one lacks blocks.
    before = model.get_weights()
    tensors = {name: value for name, value in resnet.state_dict().items() if not name.startswith("layer2.3.")}
    with pytest.raises(KeyError, match=r"no tensor 'layer2\.3\.conv1\.weight'"):
        load_backbone(model, write_backbone(tmp_path, ZIP, tensors))
    assert_unchanged(model, before)


def test_other_resnet_is_refused_with_both_shapes(model, resnet, tmp_path):
    # ResNet-50's blocks begin with a 1x1 convolution.
    before = model.get_weights()
    tensors = {**resnet.state_dict(), "layer1.0.conv1.weight": torch.zeros(64, 64, 1, 1)}
    with pytest.raises(ValueError, match=r"layer1\.0\.conv1\.weight: .*\(64, 64, 3, 3\).*\(64, 64, 1, 1\)"):
        load_backbone(model, write_backbone(tmp_path, ZIP, tensors))
    assert_unchanged(model, before)


def test_backbone_for_all_weights_is_refused_with_the_flag_to_use(model, resnet, tmp_path):
    before = model.get_weights()
    path = write_backbone(tmp_path, ZIP, resnet.state_dict())
    with pytest.raises(ValueError, match=f"backbone alone: use --backbone_weights={path}"):
        ssd_tf.load_weights(model, path)
    assert_unchanged(model, before)


def assert_unchanged(model, before):
    for variable, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.fixture(scope="module")
def random_weights(built):
    """Fresh kernels and random batch norm, small at the end of each block so that the outputs stay small."""
    model, first = built
    model.set_weights(first)
    rng = np.random.default_rng(4)
    makers = {
        "gamma": lambda shape: 1 + rng.normal(0, 0.1, shape),
        "beta": lambda shape: rng.normal(0, 0.1, shape),
        "moving_mean": lambda shape: rng.normal(0, 0.1, shape),
        "moving_variance": lambda shape: rng.uniform(0.5, 1.5, shape),
    }
    for layer in model.layers:
        for variable in layer.weights:
            if variable.name in makers:
                value = makers[variable.name](variable.shape)
                variable.assign(0.3 * value if (layer.name[-5:], variable.name) == ("_2_bn", "gamma") else value)
    return model.get_weights()


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_written_file_is_the_reference_s_and_comes_back_bit_for_bit(model, random_weights, golden, tmp_path, suffix):
    model.set_weights(random_weights)
    path = tmp_path / f"new folder/ssd{suffix}"
    write_tensors(path, model)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]  # nothing temporary is left
    tensors = safetensors.numpy.load_file(path) if suffix == ".safetensors" else dict(np.load(path))
    entries = json.loads((golden / "forward.json").read_text())["state_dict"]
    assert {name: list(value.shape) for name, value in tensors.items()} == {
        name: entry["shape"] for name, entry in entries.items()
    }
    model.set_weights([np.zeros_like(value) for value in random_weights])
    ssd_tf.load_weights(model, path)
    for variable, value in zip(model.weights, random_weights, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)


def test_pytorch_loads_what_we_write_and_computes_the_same(
    model, random_weights, images, in_reference_layout, tmp_path
):
    model.set_weights(random_weights)
    write_tensors(tmp_path / "ssd.safetensors", model)
    module = SSD300(CLASSES)
    module.load_state_dict(safetensors.torch.load_file(tmp_path / "ssd.safetensors"), strict=True)
    found = in_reference_layout(**model(images.transpose(0, 2, 3, 1), training=False))
    for ours, theirs in zip(found, compute(module, images, training=False), strict=True):
        assert np.abs(theirs).max() > 0.1
        # float32 sums in another order; outputs up to 3. Measured: 7.9e-6.
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


RATE, MOMENTUM, WEIGHT_DECAY = 1e-3, 0.9, 5e-4
STEPS = 2


@pytest.fixture(scope="module")
def batch():
    """Two images with two and one boxes, nothing to augment."""
    images = np.stack([recipe.aug_image_u8(i, (300, 300)) for i in range(2)])
    boxes = [[[0.1, 0.2, 0.5, 0.6], [0.4, 0.55, 0.95, 0.9]], [[0.3, 0.1, 0.45, 0.3], [0.0, 0.0, 0.0, 0.0]]]
    return TrainBatch(
        images=tf.constant(images),
        boxes=tf.constant(boxes, tf.float32),
        classes=tf.constant([[17, 1], [44, 0]]),
        flip=tf.constant([False, False]),
        jitter=Jitter(tf.zeros([2, 4], tf.int32), tf.zeros([2, 4])),
        record=tf.range(2, dtype=tf.int64),
        fault=tf.zeros([2], tf.int32),
    )


def accumulate(state, batch, targets, splits):
    """The reference's training with --batch-splits: a part's loss counts by its share of the batch.

    Returns:
      The state after STEPS updates, and the loss of each.
    """
    module = SSD300(CLASSES)
    module.load_state_dict(state)
    module.train()
    optimizer = torch.optim.SGD(module.parameters(), RATE, MOMENTUM, weight_decay=WEIGHT_DECAY)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    images = ((batch.images.numpy() / 255 - mean) / deviation).transpose(0, 3, 1, 2)
    whole = [torch.tensor(images, dtype=torch.float32), *targets]
    count = len(images)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        total = 0.0
        for part in range(splits):
            images, offsets, labels = (values.chunk(splits)[part] for values in whole)
            loss = multibox_loss(*module(images), offsets, labels) * len(images) / count
            loss.backward()
            total += loss.item()
        optimizer.step()
        losses.append(total)
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}, losses


def test_batch_in_parts_trains_as_the_reference_accumulates(model, reference, batch, in_reference_layout, tmp_path):
    state = reference[0]
    offsets, labels = ssd_tf.match(SPEC, batch.boxes, batch.classes)
    offsets, labels = in_reference_layout(offsets, labels[..., None])
    targets = [torch.tensor(offsets), torch.tensor(labels[:, 0], dtype=torch.int64)]
    expected, expected_losses = accumulate(state, batch, targets, splits=2)

    ssd_tf.load_weights(model, save(tmp_path / "ssd.pth", state))
    augment = AugmentConfig(random_crop=False, random_flip=False, color_jitter=False)
    optimizer = SGD(momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    step = make_train_step(ssd_tf.spec(SPEC), model, optimizer, augment, batch_size=2, batch_splits=2)
    losses = [read_result(step(batch, tf.constant(RATE))).loss for _ in range(STEPS)]

    # Measured: 1.5e-6.
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    assert losses[1] < 0.9 * losses[0]

    found = sources.state_dict(model, "mlperf")
    for name, before in state.items():
        ours, theirs, before = found[name], expected[name], before.numpy()
        if "running" in name:
            # Measured: 1.7e-5, of values up to 5. The whole batch at once would be off by 0.5.
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4, err_msg=name)
        elif not name.endswith("num_batches_tracked"):
            # Weights move little, so they are judged by how far. float32 noise of the gradients, largest where they
            # passed all of the network. Measured: 0.011, and 2.3e-5 at most. The whole batch at once: 1.2.
            assert np.linalg.norm(ours - theirs) < 0.05 * np.linalg.norm(theirs - before), name
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4, err_msg=name)

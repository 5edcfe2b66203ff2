# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Training steps of amdegroot's and torchvision's detectors from the recipes' weights, in a process of its own.

`python -m tests.training.family_runs OUTPUT.npz` is run with TF_ENABLE_ONEDNN_OPTS=0: an untrained VGG amplifies
rounding, and TensorFlow's own kernels round a third of oneDNN's. In ten steps losses are at most 1.5e-5 from the
recorded ones, and 3.4e-5 with oneDNN; 1.8e-5 with that too, where convolutions of 256 channels and more add up parts
of 128 channels.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden"))

import family_recipe
import numpy as np
import tensorflow as tf
import torchvision_recipe

import ssd_tf
from ssd_tf.models.losses import batch_divisor
from ssd_tf.training.optimizer import SGD
from ssd_tf.training.step import apply_gradients, gradients_of
from ssd_tf.weights import layout, mobilenet, vgg
from tests.family import fill, padded, torchvision_targets

# Of the recorded ten: after that runs A and C part from themselves in float64.
STEPS = {"D": 10, "C": 5, "A": 2}
TORCHVISION = {"ssd300": ("ssd300_vgg16_torchvision", 2), "ssdlite": ("ssdlite320_mobilenet_v3_large", 4)}


def gradients_and_terms(spec, model, images, offsets, labels):
    """The gradients, and the two terms of the loss, of a batch whose positives the loss is divided by."""
    count = images.shape[0]
    gradients, parts = gradients_of(model, images, offsets, labels, count, spec_loss=spec.loss)
    divisor = batch_divisor(parts.positives, count)
    return [gradient / divisor for gradient in gradients], (
        parts.localization / divisor,
        parts.classification / divisor,
    )


def names_of(model, name_of):
    """The published name of each trainable variable, in their order."""
    by_id = {
        id(variable): name_of(layer.name, variable.name)
        for layer in model.layers
        for variable in layer.trainable_weights
    }
    return [by_id[id(variable)] for variable in model.trainable_variables]


def amdegroot_runs():
    """Terms of the loss at each step of each run; of run D norms of the first gradients and of the last parameters."""
    spec = ssd_tf.spec("ssd300_vgg16_amdegroot")
    model = ssd_tf.build_model(spec, 20)
    decay = tf.Variable(0.0)
    optimizer = SGD(momentum=0.9, weight_decay=decay)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(images, offsets, labels, rate):
        gradients, terms = gradients_and_terms(spec, model, images, offsets, labels)
        apply_gradients(model, optimizer, gradients, rate)
        return terms, [tf.norm(gradient) for gradient in gradients]

    batches = []
    for it in range(3):
        images, gts = family_recipe.traj_batch(it)
        targets = ssd_tf.match(spec, *padded([(boxes, labels + 1) for boxes, labels in gts]))
        batches.append((tf.constant(images.transpose(0, 2, 3, 1)), *targets))
    found = {"amdegroot_names": names_of(model, vgg.amdegroot_name)}
    for name, steps in STEPS.items():
        settings = family_recipe.TRAJ[name]
        fill(model, vgg.amdegroot_name, family_recipe.weight)
        for velocity in optimizer.velocities:
            velocity.assign(tf.zeros(velocity.shape))
        decay.assign(settings["weight_decay"])
        results = [step(*batches[it % 3], tf.constant(settings["lr"])) for it in range(steps)]
        found[f"{name}_terms"] = [terms for terms, _ in results]
        if name == "D":
            found["D_first_gradients"] = results[0][1]
            found["D_end_l2"] = [np.linalg.norm(v.numpy().astype(np.float64)) for v in model.trainable_variables]
    return found


def torchvision_step(short):
    """Terms of the loss, norms of the gradients, and sum and norm of the running statistics after a forward pass."""
    detector, count = TORCHVISION[short]
    spec = ssd_tf.spec(detector)
    model = ssd_tf.build_model(spec, 90)
    name_of = vgg.torchvision_name if short == "ssd300" else mobilenet.detector_names(model)
    fill(model, name_of, torchvision_recipe.weight)
    pixels = torchvision_recipe.images01(1, count, spec.image_size).transpose(0, 2, 3, 1) * 255
    targets = torchvision_targets(spec, [torchvision_recipe.gt_set(3 + image, short) for image in range(count)])
    images = ssd_tf.preprocess(pixels, spec)
    gradients, terms = tf.function(gradients_and_terms)(spec, model, images, *targets)
    statistics = {
        name: value.astype(np.float64) for name, value in layout.to_tensors(model, name_of).items() if "running" in name
    }
    return {
        f"{short}_names": names_of(model, name_of),
        f"{short}_terms": terms,
        f"{short}_gradients": [tf.norm(gradient) for gradient in gradients],
        f"{short}_running_names": list(statistics),
        f"{short}_running": [[value.sum(), np.linalg.norm(value)] for value in statistics.values()],
    }


def main(output):
    found = {**amdegroot_runs(), **torchvision_step("ssd300"), **torchvision_step("ssdlite")}
    np.savez(output, **{name: np.array(value) for name, value in found.items()})


if __name__ == "__main__":
    main(sys.argv[1])

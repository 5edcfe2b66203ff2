# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Real processes are killed and real files damaged: small versions of the scripts in benchmarks/faults."""

import dataclasses
import pathlib
import shutil
import signal
import sys

import pytest

from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.shapes import draw_shapes
from ssd_tf.data.preparation.prepare import prepare
from tests.apps.conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "faults"))

import bad_records
import common
import kills
import nan_loss

pytestmark = pytest.mark.proof

STEPS = 9
SAVING = (*common.TRAIN, "--checkpoint_every_steps=3", "--eval_every_epochs=0", f"--steps={STEPS}")
SHORT = (*common.TRAIN, "--eval_every_epochs=0", "--steps=3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    """The data that the scripts prepare with the programs: 48 synthetic images in two shards."""
    folder = tmp_path_factory.mktemp("faults")
    path = draw_shapes(folder / "shapes", 48)
    dataset = read_coco(path, path.parent / "images")
    for split, count in (("train", 48), ("val", 8)):
        part = dataclasses.replace(dataset, images=dataset.images[:count])
        prepare(part, folder / "data", split, {}, num_shards=2)
    return folder


@pytest.fixture(scope="module")
def whole(folder) -> pathlib.Path:
    """A run that nobody stopped."""
    common.train_well(folder / "data", folder / "whole", *SAVING)
    return folder / "whole"


def test_run_that_was_killed_twice_ends_bit_for_bit_as_if_it_had_not(folder, whole):
    row = kills.interrupted(folder, whole, SAVING, STEPS, signal.SIGKILL, ["a step", "a save"])
    assert row.good, row.outcome


def test_noise_in_a_shard_ends_the_run_with_file_and_record(folder):
    row = bad_records.noise(folder, SHORT)
    assert row.good, row.outcome


def test_bad_records_and_images_are_left_out_and_counted(folder):
    data = pathlib.Path(shutil.copytree(folder / "data", folder / "both"))
    for split in ("train", "val"):
        bad_records.spoil_image(data, split, 1)
    bad_records.overwrite(data / bad_records.SHARD, 22)
    # All 48 records of an epoch come in its 6 steps.
    printed = common.train_well(data, folder / "both_model", *SHORT, "--steps=6", "--skip_bad_records")
    left_out = "left out of split {!r}: 1 images that cannot be decoded, {} records that cannot be read"
    assert left_out.format("train", 2) in printed  # the last two of 24: behind the noise, the shard is lost
    assert left_out.format("val", 0) in printed


def test_loss_that_is_not_finite_ends_the_run_and_says_of_which_images(folder):
    row = nan_loss.exploding(folder)
    assert row.good, row.outcome

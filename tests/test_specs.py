# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The table of detectors: its names, and that the numbers of each entry fit each other; specs as JSON."""

import dataclasses
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssd_tf
from ssd_tf.specs import (
    DETECTORS,
    VGG,
    BackboneLevel,
    BatchNormalization,
    Detection,
    DetectorSpec,
    ExtraBlock,
    Heads,
    InvertedResidual,
    Level,
    Loss,
    Matching,
    MobileNet,
    Preprocessing,
    ResNet,
    Stage,
    differences,
    spec_from_json,
    spec_to_json,
)

every_detector = pytest.mark.parametrize("spec", DETECTORS.values(), ids=DETECTORS)


@pytest.mark.parametrize("name", ["ssd300_resnet34", "ssd128_tiny"])
def test_known_name_gives_the_detector_of_that_name(name):
    assert ssd_tf.spec(name).name == name


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown detector 'ssd999'.*ssd300_resnet34.*ssd128_tiny"):
        ssd_tf.spec("ssd999")


def test_a_spec_of_ones_own_passes_through():
    mine = dataclasses.replace(ssd_tf.spec("ssd128_tiny"), name="mine")
    assert ssd_tf.spec(mine) is mine


def test_a_spec_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ssd_tf.spec("ssd128_tiny").image_size = 300


def test_number_of_anchors():
    # Liu et al. section 3.1: 38*38*4 + 19*19*6 + 10*10*6 + 5*5*6 + 3*3*4 + 1*1*4.
    assert ssd_tf.spec("ssd300_resnet34").num_anchors == 8732
    # 16*16*4 + 8*8*6 + 4*4*6 + 2*2*4.
    assert ssd_tf.spec("ssd128_tiny").num_anchors == 1520


@pytest.mark.parametrize(
    ("name", "anchors"),
    [
        ("ssd1200_resnet34", 15130),
        ("ssd300_vgg16", 8732),
        ("ssd300_vgg16_voc", 8732),
        ("ssd512_vgg16", 24564),
        ("ssd512_vgg16_voc", 24564),
        ("ssd300_vgg16_amdegroot", 8732),
        ("ssd300_vgg16_torchvision", 8732),
        ("ssdlite320_mobilenet_v3_large", 3234),
        ("ssdlite320_mobilenet_v2", 3234),
        ("ssd300_res10", 8892),
    ],
)
def test_number_of_anchors_is_the_published_one(name, anchors):
    assert ssd_tf.spec(name).num_anchors == anchors


def test_anchors_of_ssd300_are_the_paper_s_for_coco():
    levels = ssd_tf.spec("ssd300_resnet34").levels
    assert [level.size for level in levels] == [21, 45, 99, 153, 207, 261]
    assert [level.boxes_per_cell for level in levels] == [4, 6, 6, 6, 4, 4]
    assert [level.cells for level in levels] == [38, 19, 10, 5, 3, 1]


@every_detector
def test_table_lists_each_detector_under_its_name(spec):
    assert DETECTORS[spec.name] is spec


@every_detector
def test_next_size_is_the_next_level_s_size(spec):
    for level, following in itertools.pairwise(spec.levels):
        assert level.next_size == following.size > level.size
    assert spec.levels[-1].next_size > spec.levels[-1].size


@pytest.mark.parametrize("name", [name for name, spec in DETECTORS.items() if isinstance(spec.backbone, ResNet)])
def test_cells_follow_from_the_convolutions(name):
    spec = DETECTORS[name]

    def convolve(cells, kernel, stride, padding):
        return (cells + 2 * padding - kernel) // stride + 1

    cells = convolve(convolve(spec.image_size, 7, 2, 3), 3, 2, 1)  # conv1 and the max pool
    for stage in spec.backbone.stages:
        cells = convolve(cells, 3, stage.stride, 1)
    maps = [cells]
    for block in spec.extra_blocks:
        maps.append(convolve(maps[-1], 3, block.stride, block.padding))
    assert [level.cells for level in spec.levels] == [convolve(side, 3, spec.heads.stride, 1) for side in maps]


@every_detector
def test_cells_cover_the_image(spec):
    # 38 cells of 8 pixels are 304 pixels wide: the last cell may reach beyond the image, by less than itself. The last
    # two levels of Res10 are larger than what their steps were made for, as published.
    for level in spec.levels[:4] if spec.name == "ssd300_res10" else spec.levels:
        step = level.step or spec.image_size / level.cells
        assert 0 <= level.cells * step - spec.image_size < step


TINY = ssd_tf.spec("ssd128_tiny")
counts, sizes, bools = st.integers(1, 2000), st.floats(0.001, 5000), st.booleans()
fractions = st.floats(0, 1, exclude_min=True)
triples = st.tuples(sizes, sizes, sizes)


activations = st.sampled_from(["relu", "relu6", "hard_silu"])


@st.composite
def any_backbone(draw):
    if draw(bools):
        stages = draw(st.lists(st.builds(Stage, counts, counts, counts), min_size=1, max_size=3))
        return ResNet(draw(counts), tuple(stages))
    if draw(bools):
        groups = draw(st.lists(st.tuples(counts, counts), min_size=1, max_size=3))
        channels, convolutions = zip(*groups, strict=True)
        return VGG(channels, convolutions, draw(counts), draw(counts))
    block = st.builds(InvertedResidual, counts, counts, counts, counts, st.integers(0, 9), activations)
    return MobileNet(draw(counts), tuple(draw(st.lists(block, max_size=3))), draw(counts), draw(activations))


@st.composite
def any_spec(draw):
    """A spec with any values that its fields may have; its layers need not fit."""
    backbone = draw(any_backbone())
    used = draw(st.lists(st.sampled_from(backbone.feature_maps), min_size=1, max_size=2, unique=True))
    used.sort(key=backbone.feature_maps.index)
    blocks = draw(
        st.lists(
            st.builds(
                ExtraBlock,
                counts,
                counts,
                counts,
                st.integers(0, 3),
                counts,
                bools,
                bools,
                activations,
            ),
            max_size=3,
        )
    )
    ratios = st.lists(sizes, max_size=3).map(tuple)
    listed = st.lists(st.tuples(sizes, sizes), min_size=1, max_size=3).map(tuple)
    steps = st.none() | sizes
    level = st.builds(Level, counts, steps, sizes, sizes, ratios) | st.builds(Level, counts, steps, boxes=listed)
    count = len(used) + len(blocks)
    return DetectorSpec(
        name=draw(st.text(min_size=1)),
        image_size=draw(counts),
        backbone=backbone,
        backbone_levels=tuple(BackboneLevel(name, draw(st.none() | sizes), draw(sizes)) for name in used),
        extra_blocks=tuple(blocks),
        levels=tuple(draw(st.lists(level, min_size=count, max_size=count))),
        heads=Heads(draw(counts), draw(bools)),
        batch_norm=BatchNormalization(draw(sizes), draw(fractions)),
        backbone_batch_norm=draw(st.none() | st.builds(BatchNormalization, sizes, fractions)),
        initialization=draw(st.sampled_from(["xavier", "xavier_zero", "normal"])),
        clip=draw(st.sampled_from(["none", "centre_form", "sizes"])),
        variances=draw(st.tuples(sizes, sizes, sizes, sizes)),
        matching=Matching(draw(fractions), draw(bools), draw(st.sampled_from(["in_order", "greedy"]))),
        loss=Loss(draw(st.sampled_from(["image", "batch"])), draw(counts)),
        preprocessing=Preprocessing(
            draw(triples), draw(triples), draw(sizes), draw(st.sampled_from(["rgb", "bgr"])), draw(bools)
        ),
        detection=Detection(
            draw(fractions),
            draw(fractions),
            draw(bools),
            draw(counts),
            draw(counts),
            draw(bools),
            draw(st.none() | sizes),
        ),
        weight_names=draw(st.sampled_from(["mlperf", "amdegroot", "torchvision"])),
    )


@given(any_spec())
@settings(max_examples=50, deadline=None)
def test_spec_comes_back_from_json_as_it_was(spec):
    assert spec_from_json(json.loads(json.dumps(spec_to_json(spec)))) == spec


def test_fields_with_a_default_may_be_left_out_of_the_json():
    content = spec_to_json(TINY)
    del content["loss"], content["extra_blocks"][0]["kernel"], content["backbone"]["kind"]
    assert spec_from_json(content) == TINY


def test_default_boxes_may_be_listed_in_the_json():
    content = spec_to_json(TINY)
    content["levels"][0] = {"cells": 16, "step": 8, "boxes": [[20, 10.5], [10, 20]]}
    spec = spec_from_json(content)
    assert spec.levels[0] == Level(16, 8, boxes=((20, 10.5), (10, 20)))
    assert spec.num_anchors == TINY.num_anchors - 2 * 16**2
    content["levels"][0]["boxes"][1][0] = 0
    with pytest.raises(ValueError, match=r"levels\[0\]\.boxes\[1\]\[0\]: expected more than 0"):
        spec_from_json(content)


def changed(path, value):
    """The JSON of the small detector with another value at a path; ... deletes the field."""
    content = json.loads(json.dumps(spec_to_json(TINY)))
    place = content
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["size"], 3, "spec: unknown field 'size'"),
        (["image_size"], ..., "spec: missing field 'image_size'"),
        (["levels", 1, "step"], ..., r"spec\.levels\[1\]: missing field 'step'"),
        (["loss", "focal"], True, r"spec\.loss: unknown field 'focal'"),
        (["image_size"], "128", r"spec\.image_size: expected int\. Received: '128'"),
        (["image_size"], True, r"spec\.image_size: expected int"),
        (["image_size"], 128.5, r"spec\.image_size: expected int"),
        (["heads", "separable"], 1, r"spec\.heads\.separable: expected bool"),
        (["levels", 0, "size"], float("nan"), r"spec\.levels\[0\]\.size: expected float"),
        (["backbone", "kind"], "alexnet", r"spec\.backbone\.kind: expected 'resnet' or 'vgg' or 'mobilenet'"),
        (["backbone", "kind"], 3, r"spec\.backbone\.kind: expected 'resnet' or"),
        (["backbone", "kind"], "vgg", r"spec\.backbone: unknown field 'stem_channels'"),
        (["backbone"], "resnet", r"spec\.backbone: expected an object"),
        (["backbone"], {"kind": "vgg", "channels": [8], "convolutions": []}, "as many channels as convolutions"),
        (["detection", "max_growth"], 0, "detection.max_growth: expected more than 0"),
        (["clip"], "all", "spec.clip: expected 'none' or 'centre_form' or 'sizes'. Received: 'all'"),
        (["variances"], [0.1, 0.1], r"spec\.variances: expected 4 values"),
        (["levels"], {}, r"spec\.levels: expected a list"),
        (["levels"], [], "ssd128_tiny: expected a level for each of 1 backbone_levels and 3 extra_blocks"),
        (["backbone_levels", 0, "feature_map"], "conv4", "feature_map: expected one of conv2, conv3"),
        (["image_size"], 0, "image_size: expected more than 0"),
        (["variances"], [0.1, 0.0, 0.2, 0.2], r"variances\[1\]: expected more than 0"),
        (["loss", "negatives_per_positive"], -1, "negatives_per_positive: expected at least 0"),
        (["levels", 0, "size"], ..., "level of 16 cells: expected size and next_size, or boxes. Received: size=None"),
        (["levels", 0, "boxes"], [[20, 10]], "level of 16 cells: expected boxes alone, or size and next_size"),
        (["levels", 0, "boxes"], [[20]], r"levels\[0\]\.boxes\[0\]: expected 2 values"),
        (["levels", 0, "step"], 0, r"levels\[0\]\.step: expected more than 0"),
        (["levels", 1, "aspect_ratios"], [2, 0], r"levels\[1\]\.aspect_ratios\[1\]: expected more than 0"),
        (["extra_blocks", 0, "stride"], 0, r"extra_blocks\[0\]\.stride: expected more than 0"),
        (["extra_blocks", 0, "padding"], -1, r"extra_blocks\[0\]\.padding: expected at least 0"),
        (["backbone", "stages", 0, "channels"], -8, r"stages\[0\]\.channels: expected at least 0"),
        (["matching", "iou_threshold"], 1.5, "matching.iou_threshold: expected at most 1"),
        (["detection", "score_threshold"], -0.1, "detection.score_threshold: expected at least 0"),
    ],
)
def test_json_that_is_no_spec_is_refused_by_the_field_s_name(path, value, message):
    with pytest.raises(ValueError, match=message):
        spec_from_json(changed(path, value))


@pytest.mark.parametrize("content", [None, [], "ssd128_tiny", 3])
def test_json_that_is_no_object_is_refused(content):
    with pytest.raises(ValueError, match="spec: expected an object"):
        spec_from_json(content)


def test_wrong_value_is_refused_in_python_too():
    with pytest.raises(ValueError, match=r"spec\.clip: expected 'none'"):
        dataclasses.replace(TINY, clip="yes")
    with pytest.raises(ValueError, match="expected at least one of backbone_levels"):
        dataclasses.replace(TINY, backbone_levels=(), levels=TINY.levels[1:])
    with pytest.raises(ValueError, match="expected a tuple in a spec"):
        dataclasses.replace(TINY, levels=list(TINY.levels))  # type: ignore[arg-type]


@pytest.mark.parametrize("maps", [("conv3", "conv2"), ("conv3", "conv3")])
def test_feature_maps_out_of_order_or_twice_are_refused(maps):
    with pytest.raises(ValueError, match="backbone_levels: expected feature maps in the order conv2, conv3, each once"):
        dataclasses.replace(
            TINY, backbone_levels=tuple(map(BackboneLevel, maps)), levels=(TINY.levels[0], *TINY.levels)
        )


def test_a_json_file_is_a_detector(tmp_path):
    mine = dataclasses.replace(TINY, name="mine", clip="none")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(spec_to_json(mine)))
    assert ssd_tf.spec(path) == ssd_tf.spec(str(path)) == mine
    path.write_text("{")
    with pytest.raises(ValueError, match=r"mine\.json: not a detector's spec"):
        ssd_tf.spec(path)
    with pytest.raises(FileNotFoundError, match=r"other\.json"):
        ssd_tf.spec(tmp_path / "other.json")


def test_differences_name_the_fields():
    assert differences(TINY, TINY) == []
    assert differences(TINY, dataclasses.replace(TINY, name="other", clip="none")) == ["name", "clip"]


@pytest.mark.parametrize("wrong", [{"normalized_by": "Batch"}, {"negatives_per_positive": -1}])
def test_loss_is_checked_outside_a_spec_too(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=rf"loss\.{name}: expected"):
        Loss(**wrong)

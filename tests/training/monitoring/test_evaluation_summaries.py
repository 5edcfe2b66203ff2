# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What TensorBoard gets of an evaluation, read back as TensorBoard reads it."""

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.coco_results import Results
from ssd_tf.data.pipeline import eval_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.evaluator import Evaluation, evaluate_split
from ssd_tf.geometry.detections import Detections
from ssd_tf.training.monitoring.evaluation_summaries import report_evaluation
from ssd_tf.training.monitoring.event_log import Monitor
from tests.fixtures.specs import with_input

SIZE, NUM_IMAGES = 64, 20


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Twenty drawn images; ids 300 to 319."""
    folder = tmp_path_factory.mktemp("dashboard")
    path = shapes.draw_shapes(folder / "drawn", NUM_IMAGES, image_size=(96, 72), start_id=300)
    return folder, prepare(read_coco(path, path.parent / "images"), folder, "val", {})


def evaluation_of(split, found_fraction):
    """Of a detector that finds the first boxes of each image, so many of them, and nothing wrong."""
    folder, manifest = split
    class_of = {category.id: k for k, category in enumerate(manifest.categories, start=1)}
    truth = {}
    for batch in eval_dataset(folder, manifest, with_input(SIZE), 1).as_numpy_iterator():
        n = int(batch.num_boxes[0] * found_fraction)
        classes = np.array([class_of[i] for i in batch.category_ids[0, :n].tolist()], np.int32)
        found = (batch.boxes[:1, :n], np.full((1, n), 0.75, np.float32), classes[None], np.array([n], np.int32))
        truth[batch.images[0].tobytes()] = Detections(*map(tf.constant, found))
    return evaluate_split(lambda images: truth[images.numpy()[0].tobytes()], folder, manifest, with_input(SIZE), 1)


@pytest.fixture(scope="module")
def perfect(split):
    """The evaluation of a detector that finds everything."""
    return evaluation_of(split, 1.0)


def report(split, folder, evaluation, steps=(5,)):
    with Monitor(folder, 0) as monitor:
        for step in steps:
            report_evaluation(monitor, step, evaluation, *split)
    return EventAccumulator(str(folder / "tensorboard"), {"tensors": 0}).Reload()


@pytest.fixture(scope="module")
def perfect_events(split, perfect, tmp_path_factory):
    return report(split, tmp_path_factory.mktemp("perfect"), perfect)


def values(events, tag):
    return tf.make_ndarray(events.Tensors(tag)[-1].tensor_proto)


def test_perfect_detector_has_ap_one_in_each_class(split, perfect_events):
    names = [f"val_class_AP/{category.name}" for category in split[1].categories]
    assert [values(perfect_events, name).item() for name in names] == pytest.approx([1.0] * len(names))


def test_curves_count_what_is_found_and_missed(split, tmp_path):
    evaluation = evaluation_of(split, 0.5)
    events = report(split, tmp_path, evaluation)
    curve = values(events, "val_pr/all classes")
    assert curve.shape == (6, 101)
    truths, found = len(evaluation.ground_truth["annotations"]), len(evaluation.results)
    # At threshold 0.5 all detections are kept, at 0.8 none; none is wrong.
    assert curve[:, 50].tolist() == pytest.approx([found, 0, 0, truths - found, 1, found / truths])
    assert curve[:, 80].tolist() == [0, 0, 0, truths, 1, 0]
    per_class = [values(events, f"val_pr/{category.name}")[0, 50] for category in split[1].categories]
    assert sum(per_class) == found


def test_scores_are_parted_into_correct_and_wrong(perfect, perfect_events):
    assert values(perfect_events, "val_scores/correct")[:, 2].sum() == len(perfect.results)
    assert values(perfect_events, "val_scores/wrong")[:, 2].sum() == 0


def test_the_same_sixteen_images_are_shown_at_each_evaluation(split, perfect, tmp_path):
    events = report(split, tmp_path, perfect, steps=(5, 10))
    tags = [tag for tag in events.Tags()["tensors"] if tag.startswith("val_pictures/")]
    assert len(tags) == 16
    assert all([event.step for event in events.Tensors(tag)] == [5, 10] for tag in tags)
    assert set(tags) <= {f"val_pictures/{image_id}" for image_id in range(300, 320)}
    width, height, encoded = values(events, tags[0])
    # 96 x 72 is enlarged to 384 x 288: twice beside each other, with a head.
    assert int(width) == 2 * 384 + 6 and int(height) > 288
    assert tf.io.decode_image(encoded).shape == (int(height), int(width), 3)


def test_confusion_matrix_is_an_image(perfect_events):
    width, height, _ = values(perfect_events, "val/confusion")
    assert int(width) > 300 and int(height) > 200


def truth(*annotations, names=("cat", "dog")):
    """Of one image of 10 x 10; annotations are (category id, is crowd) of a box that fills it."""
    return {
        "images": [{"id": 1, "height": 10, "width": 10}],
        "annotations": [
            {"id": k, "image_id": 1, "category_id": category, "bbox": [0, 0, 10, 10], "area": 100.0, "iscrowd": crowd}
            for k, (category, crowd) in enumerate(annotations, start=1)
        ],
        "categories": [{"id": k, "name": name} for k, name in enumerate(names, start=1)],
    }


def tags_of(split, folder, ground_truth, *found):
    """What is written of an evaluation; found are category ids of detections that fill the image."""
    results = [{"image_id": 1, "category_id": k, "bbox": [0, 0, 10, 10], "score": 0.9} for k in found]
    evaluation = Evaluation(coco_metrics(ground_truth, results), Results.of(results), ground_truth)
    with Monitor(folder, 0) as monitor:
        report_evaluation(monitor, 1, evaluation, *split)
    events = EventAccumulator(str(folder / "tensorboard"), {"tensors": 0}).Reload()
    return {tag: values(events, tag) for tag in events.Tags()["tensors"]}


@pytest.mark.parametrize("annotations", [(), ((1, 1), (2, 1))], ids=["no boxes", "all crowd"])
def test_without_truth_there_are_neither_ap_nor_curves(split, tmp_path, annotations):
    tags = tags_of(split, tmp_path, truth(*annotations), 1, 2)
    assert {tag.partition("/")[0] for tag in tags} == {"val", "val_scores"}


def test_class_without_truth_is_left_out(split, tmp_path):
    tags = tags_of(split, tmp_path, truth((2, 0)), 2)
    assert {"val_class_AP/dog", "val_pr/dog", "val_pr/all classes"} <= set(tags)
    assert not {"val_class_AP/cat", "val_pr/cat"} & set(tags)


def test_classes_of_one_name_are_distinguished_by_their_ids(split, tmp_path):
    ground_truth = truth((1, 0), (2, 0), (3, 0), (4, 0), names=("x", "x", "", "all classes"))
    tags = tags_of(split, tmp_path, ground_truth, 1)
    found = {tag: float(value) for tag, value in tags.items() if tag.startswith("val_class_AP/")}
    assert found == {
        "val_class_AP/x (1)": pytest.approx(1.0),
        "val_class_AP/x (2)": 0.0,
        "val_class_AP/(3)": 0.0,
        "val_class_AP/all classes (4)": 0.0,
    }


def test_detector_that_finds_nothing_is_reported_too(split, tmp_path):
    events = report(split, tmp_path, evaluation_of(split, 0.0))
    assert values(events, "val_pr/all classes")[0].max() == 0
    assert len([tag for tag in events.Tags()["tensors"] if tag.startswith("val_pictures/")]) == 16

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""LoadGen's pictures are those that `evaluate` scores, and in memory only while LoadGen wants them there."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.pipeline import eval_dataset
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.evaluator import coco_results, evaluate_split
from ssd_tf.geometry.detections import Detections
from ssd_tf.performance.loadgen_images import Pictures


def test_pictures_are_in_memory_only_between_load_and_unload(drawn_split, pictures):
    assert len(pictures) == 11
    images = [
        batch.images[0]
        for batch in eval_dataset(drawn_split.folder, drawn_split.manifest, pictures.image_size, 1).as_numpy_iterator()
    ]
    pictures.load([7, 2, 7])
    np.testing.assert_array_equal(pictures[7], images[7])
    np.testing.assert_array_equal(pictures[2], images[2])
    for index in (0, 3):
        with pytest.raises(KeyError):
            pictures[index]
    pictures.unload([7, 2, 7])
    with pytest.raises(KeyError):
        pictures[7]


def test_picture_that_cannot_be_decoded_is_left_out_as_evaluate_does(drawn_split, pictures, tmp_path):
    shard = drawn_split.manifest.shards[0]
    files = {other.file: (drawn_split.folder / other.file).read_bytes() for other in drawn_split.manifest.shards}
    contents = list(tf.data.TFRecordDataset(str(drawn_split.folder / shard.file)).as_numpy_iterator())
    example = tf.train.Example.FromString(contents[2])
    example.features.feature["image/encoded"].bytes_list.value[0] = b"no picture"
    contents[2] = example.SerializeToString()
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    with tf.io.TFRecordWriter(str(tmp_path / shard.file)) as writer:
        for content in contents:
            writer.write(content)

    lost = int(example.features.feature["image/source_id"].bytes_list.value[0])
    expected_ids = [image["id"] for image in pictures.ground_truth["images"] if image["id"] != lost]
    readable = Pictures(tmp_path, drawn_split.manifest, pictures.image_size)
    assert len(readable) == len(pictures) - 1
    assert [image["id"] for image in readable.ground_truth["images"]] == expected_ids

    readable.load(range(len(readable)))
    results = []
    for index, image in enumerate(readable.ground_truth["images"]):
        found = Detections(*(values.numpy() for values in drawn_split.predict(tf.constant(readable[index][None]))))
        results += coco_results(found, 0, readable.categories, image["id"], image["height"], image["width"])
    expected, expected_results, _ = evaluate_split(
        drawn_split.predict, tmp_path, drawn_split.manifest, pictures.image_size, 4
    )
    assert results == expected_results
    assert repr(coco_metrics(readable.ground_truth, results)) == repr(expected)

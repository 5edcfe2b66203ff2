# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""LoadGen's images are those that `evaluate` scores, and in memory only while LoadGen wants them there."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.formats.coco_results import coco_results
from ssd_tf.data.pipeline import eval_dataset
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.geometry.detections import Detections
from ssd_tf.performance.loadgen_images import SplitImages


def test_images_are_in_memory_only_between_load_and_unload(prepared_split, split_images):
    assert len(split_images) == 11
    dataset = eval_dataset(prepared_split.folder, prepared_split.manifest, split_images.spec, 1)
    images = [batch.images[0] for batch in dataset.as_numpy_iterator()]
    split_images.load([7, 2, 7])
    np.testing.assert_array_equal(split_images[7], images[7])
    np.testing.assert_array_equal(split_images[2], images[2])
    for index in (0, 3):
        with pytest.raises(KeyError):
            split_images[index]
    split_images.unload([7, 2, 7])
    with pytest.raises(KeyError):
        split_images[7]


def test_image_that_cannot_be_decoded_is_left_out_as_evaluate_does(prepared_split, split_images, tmp_path):
    shard = prepared_split.manifest.shards[0]
    files = {other.file: (prepared_split.folder / other.file).read_bytes() for other in prepared_split.manifest.shards}
    contents = list(tf.data.TFRecordDataset(str(prepared_split.folder / shard.file)).as_numpy_iterator())
    example = tf.train.Example.FromString(contents[2])
    example.features.feature["image/encoded"].bytes_list.value[0] = b"no image"
    contents[2] = example.SerializeToString()
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    with tf.io.TFRecordWriter(str(tmp_path / shard.file)) as writer:
        for content in contents:
            writer.write(content)

    lost = int(example.features.feature["image/source_id"].bytes_list.value[0])
    expected_ids = [image["id"] for image in split_images.ground_truth["images"] if image["id"] != lost]
    readable = SplitImages(tmp_path, prepared_split.manifest, split_images.spec)
    assert len(readable) == len(split_images) - 1
    assert [image["id"] for image in readable.ground_truth["images"]] == expected_ids

    readable.load(range(len(readable)))
    results = []
    for index, image in enumerate(readable.ground_truth["images"]):
        found = Detections(*(values.numpy() for values in prepared_split.predict(tf.constant(readable[index][None]))))
        results += coco_results(found, 0, readable.categories, image["id"], image["height"], image["width"])
    expected, expected_results, _ = evaluate_split(
        prepared_split.predict, tmp_path, prepared_split.manifest, split_images.spec, 4
    )
    assert results == expected_results
    assert repr(coco_metrics(readable.ground_truth, results)) == repr(expected)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Runs a SavedModel where nothing but TensorFlow is installed.

python bare_tensorflow.py served/1 photo.jpg another.png

Prints one JSON object an image, as examples/litert_detect.py does.
"""

import json
import pathlib
import sys

import tensorflow as tf


def main() -> None:
    folder, *files = sys.argv[1:]
    model = tf.saved_model.load(folder)
    contents = [pathlib.Path(file).read_bytes() for file in files]
    answer = model.signatures["serving_default"](image_bytes=tf.constant(contents))
    found = {name: value.numpy() for name, value in answer.items()}
    for index, file in enumerate(files):
        detections = [
            {
                "box": found["boxes_pixels"][index, rank].tolist(),
                "score": float(found["scores"][index, rank]),
                "category_id": int(found["class_ids"][index, rank]),
                "category_name": found["class_names"][index, rank].decode(),
            }
            for rank in range(found["count"][index])
        ]
        print(json.dumps({"file": file, "error": found["errors"][index].decode(), "detections": detections}))


if __name__ == "__main__":
    main()

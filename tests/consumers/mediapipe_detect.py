# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Runs a LiteRT file with MediaPipe Tasks' ObjectDetector, which reads all that it needs to know from the file.

python mediapipe_detect.py op.tflite photo.jpg another.png

The file is one that was exported with --nms=op. Prints one JSON object an image, as examples/litert_detect.py does.
"""

import json
import sys

import mediapipe as mp


def main() -> None:
    model, *files = sys.argv[1:]
    options = mp.tasks.vision.ObjectDetectorOptions(base_options=mp.tasks.BaseOptions(model_asset_path=model))
    with mp.tasks.vision.ObjectDetector.create_from_options(options) as detector:
        for file in files:
            found = detector.detect(mp.Image.create_from_file(file)).detections
            print(json.dumps({"file": file, "detections": [as_json(detection) for detection in found]}))


def as_json(detection) -> dict:
    box, category = detection.bounding_box, detection.categories[0]
    return {
        "box": [box.origin_y, box.origin_x, box.origin_y + box.height, box.origin_x + box.width],
        "score": category.score,
        "category_name": category.category_name,
    }


if __name__ == "__main__":
    main()

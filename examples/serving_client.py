# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Asks TensorFlow Serving what is in images, over REST or gRPC. Copy this file: it stands alone.

python serving_client.py --server=localhost:8501 --model=cells photo.jpg another.png
pip install tensorflow-serving-api
python serving_client.py --server=localhost:8500 --model=cells --grpc photo.jpg another.png

REST needs Python alone. Prints one JSON object an image: {"file": ..., "error": "", or why the server could not read
it, "detections": [{"box": [ymin, xmin, ymax, xmax] in pixels, "score": ..., "category_id": ..., "category_name": ...},
...]}. Exit status: 0, or 1 where an image or a request failed.
"""

import argparse
import base64
import json
import pathlib
import sys
import urllib.error
import urllib.request
from typing import Any

INPUT = "image_bytes"
OUTPUTS = ("boxes_pixels", "scores", "class_ids", "class_names", "count", "errors")


def ask_rest(server: str, model: str, version: int | None, images: list[bytes], timeout: float) -> list[dict]:
    """The outputs of the model for each image.

    Raises:
      OSError: the server does not answer, or refuses; the message is its own.
    """
    place = f"/versions/{version}" if version else ""
    # With one input, an instance is its value; bytes are wrapped so, whatever the input is called.
    instances = [{"b64": base64.b64encode(image).decode()} for image in images]
    body = json.dumps({"signature_name": "serving_default", "instances": instances}).encode()
    request = urllib.request.Request(f"http://{server}/v1/models/{model}{place}:predict", body)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)["predictions"]
    except urllib.error.HTTPError as error:
        raise OSError(f"{server}: {error.code} {error.read().decode(errors='replace')}") from error


def ask_grpc(server: str, model: str, version: int | None, images: list[bytes], timeout: float) -> list[dict]:
    """As `ask_rest`, with the stubs of tensorflow-serving-api."""
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    messages: Any = predict_pb2  # generated code, whose names no type checker sees
    request = messages.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, "serving_default"
    if version:
        request.model_spec.version.value = version
    request.inputs[INPUT].CopyFrom(tf.make_tensor_proto(images, shape=[len(images)]))
    request.output_filter.extend(OUTPUTS)
    try:
        with grpc.insecure_channel(server) as channel:
            answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout)
    except grpc.RpcError as error:
        call: Any = error  # which is the failed call too
        raise OSError(f"{server}: {call.code().name} {call.details()}") from error
    columns = {name: tf.make_ndarray(answer.outputs[name]).tolist() for name in OUTPUTS}
    return [{name: text(values[row]) for name, values in columns.items()} for row in range(len(images))]


def text(value):
    """Bytes, alone or in a list, as text; all else as it is."""
    if isinstance(value, list):
        return [text(entry) for entry in value]
    return value.decode() if isinstance(value, bytes) else value


def as_line(file: str, found: dict) -> str:
    """The JSON of one image."""
    detections = [
        {
            "box": found["boxes_pixels"][rank],
            "score": found["scores"][rank],
            "category_id": found["class_ids"][rank],
            "category_name": found["class_names"][rank],
        }
        for rank in range(found["count"])
    ]
    return json.dumps({"file": file, "error": found["errors"], "detections": detections})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--server", default="localhost:8501", help="host:port; its REST port is 8501 as a rule, gRPC 8500"
    )
    parser.add_argument("--model", required=True, help="the name that the server knows the model by")
    parser.add_argument("--version", type=int, default=None, help="of the model; the server's choice by default")
    parser.add_argument(
        "--grpc", action="store_true", help="ask over gRPC, with smaller requests and answers than REST's"
    )
    parser.add_argument("--batch_size", type=int, default=8, help="images in a request")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds to wait for an answer")
    parser.add_argument("images", nargs="+")
    options = parser.parse_args()
    if options.batch_size < 1:
        parser.error(f"--batch_size: expected at least 1. Received: {options.batch_size}")
    ask = ask_grpc if options.grpc else ask_rest
    unreadable = 0
    for start in range(0, len(options.images), options.batch_size):
        files = options.images[start : start + options.batch_size]
        try:
            contents = [pathlib.Path(file).read_bytes() for file in files]
            answers = ask(options.server, options.model, options.version, contents, options.timeout)
        except OSError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        for file, found in zip(files, answers, strict=True):
            print(as_line(file, found))
            unreadable += bool(found["errors"])
    return 1 if unreadable else 0


if __name__ == "__main__":
    sys.exit(main())

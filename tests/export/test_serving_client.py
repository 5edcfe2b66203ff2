# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The example client gets from a server what the checkpoint finds.

The server is a stand-in of ours, not TensorFlow Serving: it runs the exported SavedModel behind the part of TensorFlow
Serving's documented REST and gRPC interfaces that clients need.
"""

import base64
import concurrent.futures
import http.server
import json
import pathlib
import re
import subprocess
import sys
import threading
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.export.conftest import CATEGORIES

CLIENT = pathlib.Path(__file__).parent.parent.parent / "examples" / "serving_client.py"
MODEL = "shapes"


class StandIn(prediction_service_pb2_grpc.PredictionServiceServicer):
    """One model under both interfaces."""

    def __init__(self, model):
        self.signatures = model.signatures
        self.requests = []

    def run(self, signature: str, inputs: dict) -> dict[str, np.ndarray]:
        self.requests.append((signature, {name: len(value) for name, value in inputs.items()}))
        return {name: value.numpy() for name, value in self.signatures[signature](**inputs).items()}

    def Predict(self, request, context):  # noqa: N802 the name is gRPC's
        if request.model_spec.name != MODEL or request.model_spec.version.value not in (0, 1):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request.model_spec.name}")
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        messages: Any = predict_pb2
        response = messages.PredictResponse()
        for name, value in self.run(request.model_spec.signature_name, inputs).items():
            if name in request.output_filter:
                response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response

    def predict_json(self, body: dict) -> dict:
        """The rules of TensorFlow Serving's api_rest.md for a model of one input."""
        signature = body.get("signature_name", "serving_default")
        ((name, spec),) = self.signatures[signature].structured_input_signature[1].items()
        rows = "instances" in body
        values = body["instances"] if rows else body["inputs"]
        values = values[name] if isinstance(values, dict) else values
        outputs = self.run(signature, {name: tf.constant([unwrapped(value) for value in values], spec.dtype)})
        columns = {key: [as_json(key, entry) for entry in value.tolist()] for key, value in outputs.items()}
        if not rows:
            return {"outputs": columns}
        return {"predictions": [{key: column[row] for key, column in columns.items()} for row in range(len(values))]}


def unwrapped(value):
    if isinstance(value, dict):
        assert set(value) == {"b64"}
        return base64.b64decode(value["b64"], validate=True)
    return value


def as_json(name: str, value):
    """Strings of outputs whose names end with _bytes are wrapped; others are text."""
    if isinstance(value, list):
        return [as_json(name, entry) for entry in value]
    if not isinstance(value, bytes):
        return value
    return {"b64": base64.b64encode(value).decode()} if name.endswith("_bytes") else value.decode()


def rest_handler(stand_in: StandIn):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = re.fullmatch(rf"/v1/models/{MODEL}(/versions/1)?:predict", self.path)
            answer = stand_in.predict_json(body) if found else {"error": f"Servable not found for request: {self.path}"}
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format, *args):
            del format, args

    return Handler


@pytest.fixture(scope="module")
def servers(served):
    """The stand-in, and the addresses of its REST and its gRPC interface."""
    stand_in = StandIn(tf.saved_model.load(str(served / "1")))
    rest = http.server.ThreadingHTTPServer(("localhost", 0), rest_handler(stand_in))
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    rpc = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(stand_in, rpc)
    port = rpc.add_insecure_port("localhost:0")
    rpc.start()
    yield stand_in, {"rest": f"localhost:{rest.server_port}", "grpc": f"localhost:{port}"}
    rpc.stop(None).wait()
    rest.shutdown()
    rest.server_close()


@pytest.fixture(scope="module")
def files(tmp_path_factory, images) -> list[str]:
    """Three images and a file that is none."""
    folder = tmp_path_factory.mktemp("images")
    for index in range(3):
        Image.fromarray(images[index]).save(folder / f"{index}.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    return [str(folder / name) for name in ("0.png", "1.png", "broken.jpg", "2.png")]


def ask(kind: str, address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -I: neither the current folder nor the user's packages are looked into.
    command = [sys.executable, "-I", str(CLIENT), f"--server={address}", *(["--grpc"] if kind == "grpc" else [])]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_client_prints_what_the_checkpoint_finds(servers, files, predictor, images, kind):
    stand_in, addresses = servers
    stand_in.requests.clear()
    done = ask(kind, addresses[kind], f"--model={MODEL}", "--version=1", "--batch_size=3", *files)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == files, done.stderr
    assert done.returncode == 1  # for the broken one
    assert stand_in.requests == [("serving_default", {"image_bytes": size}) for size in (3, 1)]
    broken = lines.pop(2)
    assert broken["detections"] == [] and "expected a whole JPEG" in broken["error"]
    wanted = predictor(images[:3], 0.2)
    for index, line in enumerate(lines):
        count = int(wanted.count[index])
        assert line["error"] == "" and len(line["detections"]) == count >= 5
        boxes = np.array([found["box"] for found in line["detections"]]) / 128
        np.testing.assert_allclose(boxes, wanted.boxes[index, :count], atol=1e-4)
        scores = [found["score"] for found in line["detections"]]
        np.testing.assert_allclose(scores, wanted.scores[index, :count], atol=1e-4)
        categories = [CATEGORIES[label - 1] for label in wanted.classes[index, :count].numpy()]
        assert [found["category_id"] for found in line["detections"]] == [category.id for category in categories]
        assert [found["category_name"] for found in line["detections"]] == [category.name for category in categories]


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_unknown_model_is_one_line_of_the_servers_own_words(servers, files, kind):
    done = ask(kind, servers[1][kind], "--model=other", files[0])
    assert done.returncode == 1 and done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "Servable not found" in errors[0] and "Traceback" not in done.stderr


def test_server_that_is_not_there_is_an_error(files):
    done = ask("rest", "localhost:9", f"--model={MODEL}", files[0])
    assert done.returncode == 1 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr


def test_documented_columns_give_the_same_as_rows(servers, files):
    stand_in, _ = servers
    wrapped = [{"b64": base64.b64encode(pathlib.Path(files[0]).read_bytes()).decode()}]
    (row,) = stand_in.predict_json({"instances": wrapped})["predictions"]
    columns = stand_in.predict_json({"inputs": {"image_bytes": wrapped}})["outputs"]
    assert {name: column[0] for name, column in columns.items()} == row

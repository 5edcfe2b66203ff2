# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What each part of the int8 quantisation is worth in AP.

python benchmarks/int8.py --model=runs/bccd --data_dir=data --splits val test
"""

import argparse
import itertools
import pathlib
import tempfile

import numpy as np

from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.pipeline import images
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.export import flatbuffer
from ssd_tf.export import quantization as int8
from ssd_tf.export.description import describe
from ssd_tf.export.exported import load_exported
from ssd_tf.export.litert import LiteRTConfig, convert, packed
from ssd_tf.inference.predictor import load_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--splits", nargs="+", default=["val"])
    parser.add_argument("--calibration_images", type=int, default=300)
    options = parser.parse_args()
    info, model = load_model(options.model)
    description = describe(info)
    content = convert(description, model, LiteRTConfig())
    train = load_manifest(options.data_dir, "train")
    shown = images(options.data_dir, train, info.spec, options.calibration_images)
    forms = {"float32": content, **variants(content, shown)}
    print("| what |" + "".join(f" AP on {split} |" for split in options.splits))
    print("|---" * (1 + len(options.splits)) + "|")
    for name, form in forms.items():
        print(f"| {name} |", end="", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.tflite"
            path.write_bytes(packed(description, form, LiteRTConfig()))
            predictor = load_exported(path)
            assert predictor is not None
            for split in options.splits:
                manifest = load_manifest(options.data_dir, split)
                metrics, _, _ = evaluate_split(predictor, options.data_dir, manifest, info.spec, 8)
                print(f" {metrics.summary['AP']:.3f} |", end="", flush=True)
        print()


def variants(content: bytes, shown: list[np.ndarray]) -> dict[str, bytes]:
    """A quantised model for each step from the converter's own way to ours."""
    whole = int8.image_ranges(content, shown, outside=0.0)
    inner = int8.image_ranges(content, shown)
    ends = int8.float_tensors(content)
    model = flatbuffer.read(content)
    operators = model.subgraphs[0].operators
    before = itertools.takewhile(
        lambda op: model.operatorCodes[op.opcodeIndex].builtinCode != flatbuffer.CONV_2D, operators
    )
    heads = sorted(set(ends) - {index for operator in before for index in operator.outputs})
    final = int8.with_int8_tensors(content, mean(inner), ends)
    return {
        "all int8, each range from the least to the greatest value": int8.with_int8_tensors(content, widest(whole), []),
        "and what the heads answer in float": int8.with_int8_tensors(content, widest(whole), heads),
        "and the normalisation in float": int8.with_int8_tensors(content, widest(whole), ends),
        "and ranges without the most extreme 1e-4 of an image's values": int8.with_int8_tensors(
            content, widest(inner), ends
        ),
        "and ranges as the mean over the images": final,
        "and the heads' weights in int8": int8.with_int8_weights(final),
    }


def widest(ranges: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    return {index: np.array([seen[:, 0].min(), seen[:, 1].max()]) for index, seen in ranges.items()}


def mean(ranges: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    return {index: seen.mean(axis=0) for index, seen in ranges.items()}


if __name__ == "__main__":
    main()

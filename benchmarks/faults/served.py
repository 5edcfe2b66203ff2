# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A SavedModel under load: 8 clients of 1,000 requests each, of images of every kind, and of what is none.

python benchmarks/faults/served.py

A request has one to four images. Every one must be answered, a bad image with its error, a good one as when it was
asked for alone, and the memory must not grow.
"""

import pathlib
import random
import threading

import common
import numpy as np
import tensorflow as tf

from ssd_tf.utils.hardware import host_bytes

CLIENTS, REQUESTS = 8, 1000
# What the process may grow by from the first quarter of the requests to the end.
GROWTH = 0.03


def rows(folder: pathlib.Path) -> list[common.Row]:
    code = (
        "import ssd_tf; detector = ssd_tf.Detector('ssd128_tiny', ['circle', 'square']); "
        f"detector.export({str(folder / 'served')!r})"
    )
    common.python("-c", code)
    (version,) = (folder / "served").iterdir()
    serve = tf.saved_model.load(str(version)).signatures["serving_default"]
    images = _images(folder / "shapes" / "images")
    alone = [{name: value[0].numpy() for name, value in serve(tf.constant([one])).items()} for one in images]
    good = sum(answer["errors"] == b"" for answer in alone)
    wrong: list[str] = []
    memory: list[int] = []

    def ask(client: int) -> None:
        chance = random.Random(client)
        for number in range(REQUESTS):
            chosen = [chance.randrange(len(images)) for _ in range(chance.randint(1, 4))]
            try:
                found = serve(tf.constant([images[k] for k in chosen]))
                for name, values in found.items():
                    for value, k in zip(values.numpy(), chosen, strict=True):
                        if not _equal(value, alone[k][name]):
                            wrong.append(f"{name} of image {k} is another")
            except Exception as error:
                wrong.append(repr(error))
            if client == 0 and number % (REQUESTS // 4) == 0:
                memory.append(host_bytes())

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    growth = host_bytes() / memory[1] - 1
    said = f"{len(wrong)} wrong, the first: {wrong[0][:200]}" if wrong else "all answered, as alone"
    said += f"; from the first quarter on the memory grew by {100 * growth:.1f} % of {memory[1] / 1e6:.0f} MB"
    tried = f"{CLIENTS} clients, {REQUESTS} requests each; {good} kinds of images, {len(images) - good} that are none"
    return [common.Row("SavedModel under load", tried, said, not wrong and growth < GROWTH)]


def _images(folder: pathlib.Path) -> list[bytes]:
    """JPEG and PNG of several sizes, grey ones and one with transparency; and bytes that are no image."""
    jpeg = sorted(folder.iterdir())[0].read_bytes()
    pixels = tf.io.decode_jpeg(jpeg)
    grey = tf.image.rgb_to_grayscale(pixels)
    noise = np.random.default_rng(0).integers(0, 256, (30, 700, 4)).astype(np.uint8)
    good = [jpeg, *(tf.io.encode_png(one).numpy() for one in (pixels, grey, noise, pixels[:1, :1]))]
    good += [tf.io.encode_jpeg(one).numpy() for one in (grey, tf.tile(pixels, [4, 4, 1]))]
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\0\0\0"
    return [*good, b"", b"words", jpeg[: len(jpeg) // 2], jpeg[:100], jpeg[:2] + b"\0" * 5000, header]


def _equal(value: np.ndarray | bytes, other: np.ndarray | bytes) -> bool:
    """To 1e-5: sums of a batch may be made in another order."""
    if isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f":
        return np.allclose(value, other, atol=1e-5)
    return np.array_equal(value, other)


if __name__ == "__main__":
    common.main(rows, __doc__ or "")

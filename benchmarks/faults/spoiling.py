# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Spoils good inputs at random: bytes, JSON, text, and records of a TFRecord file."""

import json
import pathlib
import random
from typing import Any

import tensorflow as tf

VALUES = (None, -1, 0, 1e400, -1e9, 2**70, "", "x", "NaN", "é" * 300, [], {}, [1, 2, 3], True)
WORDS = ("", "-1", "0", "1e999", "nan", "x", "9" * 40, "é", '"', "<", "{", "}", ",", "\0")
# What the values of a feature of a tf.train.Example may become.
LISTS = ([], [0], [-1], [2**62], [1, 2, 3], [0.5], [float("nan")], [-1e30], [0.1] * 50, [b""], [b"x"], [b"\xff"] * 3)


def spoiled_bytes(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        place, length = rng.randrange(len(data) + 1), rng.choice((1, 1, 4, 64, 4096))
        match rng.randrange(5):
            case 0:
                del data[place:]
            case 1:
                data[place : place + length] = rng.randbytes(length)
            case 2:
                data[place:place] = rng.randbytes(length)
            case 3:
                data[place : place + length] = bytes(length)
            case _:
                data[:length] = rng.randbytes(length)  # what tells the kind of a file
    return bytes(data)


def spoiled_json(content: Any, rng: random.Random) -> Any:
    """Some values of the tree replaced, taken out, or there twice."""
    content = json.loads(json.dumps(content))
    for _ in range(rng.randint(1, 4)):
        places: list[tuple[Any, Any]] = []
        todo = [content]
        while todo:
            node = todo.pop()
            keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
            places += [(node, key) for key in keys]
            todo += [node[key] for key in keys]
        if not places:
            break
        node, key = rng.choice(places)
        match rng.randrange(4):
            case 0:
                del node[key]
            case 1 if isinstance(node, list):
                node.insert(key, node[key])
            case _:
                node[key] = rng.choice(VALUES)
    return content


def spoiled_text(content: str, rng: random.Random) -> str:
    words = content.replace("<", " <").replace(",", " , ").split(" ")
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(words))
        if rng.random() < 0.7:
            words[place] = rng.choice((*WORDS, rng.choice(words)))
        else:
            del words[place : place + rng.randint(1, 5)]
            words = words or [""]
    return " ".join(words).replace(" <", "<").replace(" , ", ",")


class Untouched(random.Random):
    """Spoils nothing: what is good must be answered, or the rest would say little."""

    def randint(self, a: int, b: int) -> int:
        return 0


def spoiled_record(content: bytes, rng: random.Random) -> bytes:
    """A record as whole as its shard says, with a tf.train.Example in it that is spoiled, or what is none."""
    from tests.fixtures.formats import feature as feature_of  # here: bad_inputs.py first says where tests/ lies

    if rng.randint(0, 2) == 1:
        return spoiled_bytes(content, rng)
    example = tf.train.Example.FromString(content)
    for _ in range(rng.randint(1, 3)):
        feature = example.features.feature
        key = rng.choice([*sorted(feature), "another"])
        if key in feature:
            del feature[key]
        if rng.random() < 0.7:
            feature[key].CopyFrom(feature_of(rng.choice(LISTS)))
    return example.SerializeToString()


def spoil_shard(path: pathlib.Path, rng: random.Random) -> list[int]:
    """Spoils the bytes of a shard, or one of its records, whose place is in the list then."""
    if rng.randint(0, 3) == 1:
        path.write_bytes(spoiled_bytes(path.read_bytes(), rng))
        return []
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    place = rng.randrange(len(records))
    records[place] = spoiled_record(records[place], rng)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return [place]

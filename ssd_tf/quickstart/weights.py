# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which weights a run can start from: the best that are in the cache or can be downloaded, or none."""

from typing import NamedTuple

from absl import logging

from ssd_tf import specs
from ssd_tf.utils.download import cache_dir
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.published import find, for_detector, local_file

# The best first: all of a detector's weights save more than those of its backbone.
_CANDIDATES = (("ssdlite320_mobilenet_v3_large", "coco"), ("ssdlite320_mobilenet_v2", "imagenet"))
# Without any weights.
SCRATCH = "ssdlite320_mobilenet_v2"
# As docs/training.md has it in numbers.
_COST = "this costs most AP where a class has few images"
_TRAINED_ON = {"coco": "trained on COCO", "imagenet": "with a backbone trained on ImageNet"}


class Start(NamedTuple):
    """What a run starts from.

    Attributes:
      detector: its name, or a .json file.
      weights: coco or imagenet, as TrainConfig has it; "" from scratch.
      why: the reason, in words.
    """

    detector: str
    weights: str
    why: str


def find_start(detector: str = "") -> Start:
    """The best start that can be had; weights that are not in the cache are downloaded.

    Args:
      detector: the one to train; "" takes that of the best weights.

    Raises:
      ValueError: there is no such detector, or a file in the cache is another than its name says.
    """
    candidates = [(detector, data) for data in _TRAINED_ON] if detector else list(_CANDIDATES)
    failed, offline = [], False
    for name, data in candidates:
        spec = specs.spec(name)
        try:
            weights = for_detector(spec, data)
        except UserError:
            continue  # nobody has published such
        published = find(weights)
        there = (cache_dir() / published.file).is_file()
        if offline and not there and not published.package:
            failed.append(weights)
            continue
        try:
            path = local_file(weights, offline)
        except (OSError, UserError) as error:  # no network, no place to keep it, or another file than asked for
            if there:
                raise
            logging.warning("%s", error)
            failed.append(weights)
            offline = isinstance(error, ConnectionError)
            continue
        return Start(name, data, f"{_TRAINED_ON[data]}: {path}")
    chosen = detector or SCRATCH
    lacking = f"{' and '.join(failed)} could not be downloaded" if failed else f"no weights are published for {chosen}"
    return Start(chosen, "", f"from scratch, since {lacking}; {_COST}")

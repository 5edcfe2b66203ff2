# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO 2017 from its own server (https://cocodataset.org/#download): annotations and images of a split."""

import os
import pathlib

from ssd_tf.utils.archives import unpack
from ssd_tf.utils.download import RemoteFile, fetch
from ssd_tf.utils.errors import UserError

# Plain http is what the COCO site links to; the hash shows whether the content is COCO's.
_SERVER = "http://images.cocodataset.org"
# annotations/instances_train2017.json, instances_val2017.json, and those of captions and keypoints.
ANNOTATIONS = RemoteFile(
    f"{_SERVER}/annotations/annotations_trainval2017.zip",
    size=252_907_541,
    sha256="113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
)
# The archive of each split holds its images as SPLIT2017/*.jpg: 118,287 for train, 5,000 for val.
IMAGES = {
    "train": RemoteFile(
        f"{_SERVER}/zips/train2017.zip",
        size=19_336_861_798,
        sha256="69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
    ),
    "val": RemoteFile(
        f"{_SERVER}/zips/val2017.zip",
        size=815_585_330,
        sha256="4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
    ),
}


def download_coco2017(split: str, folder: str | os.PathLike[str]) -> tuple[pathlib.Path, pathlib.Path]:
    """Downloads and unpacks what a split needs; what is there already is not fetched or unpacked again.

    Args:
      split: train or val; the annotations of test are not public.
      folder: where the archives and their content go, and stay. Train takes twice the 19.3 GB of its archive.

    Returns:
      The annotations (a COCO instances JSON file) and the folder of the images, as `read_coco` takes them.

    Raises:
      ValueError: there is no such split, or an archive is not the one that is expected.
      OSError: an archive cannot be had (the message says what to fetch by hand), or the folder cannot be written to.
    """
    if split not in IMAGES:
        raise UserError(f"split: expected one of COCO 2017 with annotations: {', '.join(IMAGES)}. Received: {split!r}")
    folder = pathlib.Path(folder)
    # The small one first: whatever is wrong shows early.
    for archive in (ANNOTATIONS, IMAGES[split]):
        unpack(fetch(archive, folder), folder)
    return folder / "annotations" / f"instances_{split}2017.json", folder / f"{split}2017"

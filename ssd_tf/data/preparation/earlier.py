# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What an earlier preparation of a split left in the output folder, and what there is the user's and stays.

A shard is a preparation's own where its note is beside it or the split's manifest lists it. At every moment of a
preparation one of these is so, so that one that was killed leaves no shard that the next one takes for the user's.
"""

import pathlib
import re
from collections.abc import Iterable, Set

from ssd_tf.data.annotations import AnnotatedImage
from ssd_tf.data.manifest import manifest_path
from ssd_tf.data.preparation.shards import note_path
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import parse_json


def remove_old_split(output: pathlib.Path, split: str, images: Iterable[AnnotatedImage]) -> None:
    """Removes the split that was prepared before, with its manifest, and half-written files; finished shards of a
    preparation that was stopped stay, with their notes.

    Args:
      output: the folder.
      split: its name.
      images: what is going to be prepared.

    Raises:
      FileExistsError: a file is in the way that no preparation wrote. Nothing is removed then.
      ValueError: images are in shards that would be replaced.
    """
    manifest = manifest_path(output, split)
    listed = _listed(manifest)
    shards = _shards(output, split)
    for shard in shards:
        if shard.name not in listed and not note_path(shard).is_file():
            raise FileExistsError(
                f"{shard} is in the way of a shard, and no manifest or note says that prepare wrote it: choose another "
                "--output_dir or --split, or remove it"
            )
    sources = {image.path for image in images if image.stored is not None}
    read = {path.resolve() for path in sources} & {shard.resolve() for shard in shards}
    if read:
        raise UserError(
            f"{min(read)}: its images cannot be prepared into itself: choose another --output_dir or --split"
        )
    for shard in shards:
        if not note_path(shard).is_file():
            shard.unlink()
    # After its shards, which are known to be a preparation's own by it.
    manifest.unlink(missing_ok=True)
    _remove_files(output, split, r"\..+\.tmp")
    for stale in output.glob(f".{split}.json.*.tmp"):
        stale.unlink()


def remove_leftovers(output: pathlib.Path, split: str, keep: Set[str]) -> None:
    """Removes shards that another preparation finished before it was stopped, those but to `keep` by name."""
    for shard in _shards(output, split):
        if shard.name not in keep and note_path(shard).is_file():
            shard.unlink()


def remove_notes(output: pathlib.Path, split: str) -> None:
    """Removes what was kept for the case that the preparation was stopped."""
    _remove_files(output, split, r"\.(done|job)")


def _listed(manifest: pathlib.Path) -> set[str]:
    """The files of the shards that a manifest lists; nothing where there is no such file."""
    if not manifest.is_file():
        return set()
    try:
        return {shard["file"] for shard in parse_json(manifest.read_text(encoding="utf-8"))["shards"]}
    except (ValueError, TypeError, KeyError):
        raise FileExistsError(
            f"{manifest} is not a manifest, and in the way of one: choose another --output_dir or --split"
        ) from None


def _shards(output: pathlib.Path, split: str) -> list[pathlib.Path]:
    pattern = _pattern(split, "")
    return sorted(path for path in output.iterdir() if pattern.fullmatch(path.name))


def _remove_files(output: pathlib.Path, split: str, ending: str) -> None:
    """Removes the files beside this split's shards whose names continue with the pattern `ending`."""
    pattern = _pattern(split, ending, r"\.?")
    for path in output.iterdir():
        if pattern.fullmatch(path.name):
            path.unlink()


def _pattern(split: str, ending: str, beginning: str = "") -> re.Pattern[str]:
    return re.compile(rf"{beginning}{re.escape(split)}-\d{{5,}}-of-\d{{5,}}\.tfrecord{ending}")

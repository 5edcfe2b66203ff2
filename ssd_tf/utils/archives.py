# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Unpacks zip archives that are not to be trusted, continuing where an earlier try stopped."""

import os
import pathlib
import stat
import zipfile
import zlib

import tqdm

from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import CHUNK, atomic_path, byte_progress, make_folder, require_space, write_chunk


def unpack(archive: str | os.PathLike[str], folder: str | os.PathLike[str]) -> None:
    """Unpacks a zip archive.

    Args:
      archive: the zip file.
      folder: where to; made if missing. Members that are there with the right size are skipped, since a file gets its
        name only when it is whole.

    Raises:
      ValueError: the archive is damaged, or a member would be written outside the folder or is not a plain file. All
        names are checked before anything is written.
      OSError: the archive is missing, the disk is full, or the folder cannot be written to.
    """
    folder = pathlib.Path(folder).resolve()
    try:
        with zipfile.ZipFile(archive) as zipped:
            targets = [(member, _target(member, archive, folder)) for member in zipped.infolist()]
            make_folder(folder)
            missing = [(member, target) for member, target in targets if not _is_unpacked(member, target)]
            total, left = (sum(member.file_size for member, _ in pairs) for pairs in (targets, missing))
            require_space(folder, left)
            with byte_progress("unpack", pathlib.Path(archive).name, total, total - left) as progress:
                for member, target in missing:
                    _extract(zipped, member, target, progress)
    # RuntimeError: a member that needs a password, or (NotImplementedError) an unknown compression.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise UserError(f"{archive}: not a readable zip archive ({error})") from error


def _target(member: zipfile.ZipInfo, archive: str | os.PathLike[str], folder: pathlib.Path) -> pathlib.Path:
    """Where a member goes; ValueError if that is outside the resolved folder, or if it is no plain file or folder."""
    name = member.filename
    plain = name and not name.startswith("/") and "\\" not in name and ".." not in name.split("/")
    if not plain or pathlib.PureWindowsPath(name).drive:
        raise UserError(f"{archive}: expected relative names without '..'. Received: member {name!r}")
    # Archives that were not made on Unix have no file type: 0.
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UserError(f"{archive}: expected files and folders. Received: member {name!r}, a link or a device")
    target = folder / name
    # Links that are in the folder already can lead out of it.
    if not target.resolve().is_relative_to(folder):
        raise UserError(f"{archive}: member {name!r} would be written to {target.resolve()}, outside {folder}")
    return target


def _is_unpacked(member: zipfile.ZipInfo, target: pathlib.Path) -> bool:
    return target.is_dir() if member.is_dir() else target.is_file() and target.stat().st_size == member.file_size


def _extract(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, target: pathlib.Path, progress: tqdm.tqdm) -> None:
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary, zipped.open(member) as source, temporary.open("wb") as file:
        while chunk := source.read(CHUNK):
            write_chunk(file, chunk)
            progress.update(len(chunk))

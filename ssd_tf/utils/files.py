# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Writing files so that a reader never sees half of one, and what downloads and archives share."""

import atexit
import contextlib
import errno
import functools
import json
import os
import pathlib
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

import tqdm

# Bytes that are copied at a time.
CHUNK = 1 << 16
# Seconds: a progress bar without a delay is drawn when it is made, and so where nothing comes.
_BAR_DELAY = 1e-6
# What a write raises where a disk, a quota or a largest size of files is reached.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What TensorFlow's patterns are made of; a ] alone is none.
_PATTERN = re.compile(r"[*?\[\\]")
# What systems leave among files, in lower case; and folders that they fill with files of theirs.
_SYSTEM_FILES = ("thumbs.db", "desktop.ini")
_SYSTEM_FOLDERS = ("@eadir", "__macosx")


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Gives a temporary path beside `path` to write to; it takes the place of `path` when the block ends well.

    Its name is its own even among processes of several machines. When the block raises, the temporary file is removed
    and `path` stays as it was.

    Raises:
      OSError: what the block raises; where there is no room to write, which names no file, it names `path`.
    """
    final = pathlib.Path(path)
    temporary = final.with_name(f".{final.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        temporary.replace(final)
    except OSError as error:
        if error.filename is None and error.errno in _NO_ROOM:
            raise OSError(error.errno, error.strerror, str(final)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: str | os.PathLike[str], text: str) -> None:
    """Writes UTF-8 text."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def is_file(path: pathlib.Path) -> bool:
    """Whether it is a file; no error for a name that no file system takes, such as one of 5,000 characters."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def without_system_files(
    paths: Iterable[pathlib.Path], folder: pathlib.Path
) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """The files of a folder and of those in it, parted: those of the user; and those that are hidden, or that systems
    leave there, such as ._x.jpg, Thumbs.db and all that is in @eaDir."""
    kept, left_out = [], []
    for path in paths:
        parts = [part.lower() for part in path.relative_to(folder).parts]
        is_systems = parts[-1] in _SYSTEM_FILES or any(p.startswith(".") or p in _SYSTEM_FOLDERS for p in parts)
        (left_out if is_systems else kept).append(path)
    return kept, left_out


def files_like(folder: pathlib.Path, *patterns: str) -> list[pathlib.Path]:
    """The user's files in a folder whose names fit one of the patterns, sorted."""
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return sorted(without_system_files(found, folder)[0])


def parse_json(text: str | bytes, **options: Any) -> Any:
    """json.loads; all that can be wrong with the text is a ValueError.

    Python itself ends JSON that is nested by the thousand with a RecursionError.
    """
    try:
        return json.loads(text, **options)
    except RecursionError as error:
        raise ValueError("it is nested too deep to be read") from error


@contextlib.contextmanager
def json_lists(
    path: str | os.PathLike[str], head: Mapping[str, Any], names: Sequence[str]
) -> Iterator[list[Callable[[Any], None]]]:
    """Writes a JSON object that ends in lists, an entry a line, without keeping these in memory.

    The file appears when the block ends well, as that of `atomic_path`.

    Args:
      path: the file.
      head: what comes before the lists; not empty.
      names: the keys of the lists.

    Returns:
      For each list a function that adds an entry.
    """
    with contextlib.ExitStack() as stack:
        parts = [stack.enter_context(_scratch_file(pathlib.Path(path).parent)) for _ in names]

        def adds_to(part: IO[bytes]) -> Callable[[Any], None]:
            def add(entry: Any) -> None:
                write_chunk(part, (",\n" * (part.tell() > 0) + json.dumps(entry)).encode(), name=path)

            return add

        yield [adds_to(part) for part in parts]
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            file.write(json.dumps(head).encode()[:-1])
            for name, part in zip(names, parts, strict=True):
                part.seek(0)
                file.write(f",\n{json.dumps(name)}: [\n".encode())
                shutil.copyfileobj(part, file)
                file.write(b"\n]")
            file.write(b"}\n")


@contextlib.contextmanager
def _scratch_file(folder: pathlib.Path) -> Iterator[IO[bytes]]:
    """A file without a name, which is gone when the block ends."""
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            yield file
        finally:
            # A full disk may refuse what is in its buffer, which nobody reads now: what ended the block is to be told.
            with contextlib.suppress(OSError):
                file.close()


def literal(path: str | os.PathLike[str]) -> str:
    """A name of the same file for TensorFlow, which takes the names of checkpoints and SavedModels for patterns.

    A path without a pattern's characters is its own name. For another, the folder (or the path, where it is one) gets a
    link with a plain name, which lives as long as this process.
    """
    given = pathlib.Path(path).absolute()
    if not _PATTERN.search(str(given)):
        return str(path)
    folder = given if given.is_dir() else given.parent
    return str(_links() / _link_to(folder) / given.relative_to(folder))


@functools.cache
def _links() -> pathlib.Path:
    folder = tempfile.TemporaryDirectory(prefix="ssd_tf-links-")
    atexit.register(folder.cleanup)
    return pathlib.Path(folder.name)


@functools.cache
def _link_to(folder: pathlib.Path) -> str:
    name = secrets.token_hex(8)
    (_links() / name).symlink_to(folder, target_is_directory=True)
    return name


def write_chunk(file: IO[bytes], chunk: bytes, name: str | os.PathLike[str] = "") -> None:
    """Appends to an open file; the OSError of a failure names the file, by its own name where none is given."""
    try:
        file.write(chunk)
    except OSError as error:  # which does not name the file by itself
        raise OSError(error.errno, error.strerror, str(name or file.name)) from error


def make_folder(folder: pathlib.Path) -> None:
    """Makes a folder and those above it, unless they are there; NotADirectoryError where a file is in the way."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise NotADirectoryError(f"expected a folder to write to. Received: {folder}, where a file is") from error


def require_file_target(path: pathlib.Path) -> None:
    """Makes the folder of a file that is going to be written, and sees that it can be, before work is done for it.

    Raises:
      IsADirectoryError, NotADirectoryError: a folder is in the file's place, or a file in its folder's.
      PermissionError: the folder cannot be written to.
    """
    if path.is_dir():
        raise IsADirectoryError(f"expected a file to write to. Received: {path}, which is a folder")
    make_folder(path.parent)
    try:  # what os.access says is not true of all folders, such as /proc
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise PermissionError(f"{path.parent}: this folder cannot be written to ({error.strerror})") from error


def require_space(folder: pathlib.Path, needed: int) -> None:
    """Raises OSError where the disk has less free space than so many bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(f"{folder}: not enough space on the disk: {needed} bytes are needed, {free} are free")


def byte_progress(verb: str, name: str, total: int | None, initial: int = 0) -> tqdm.tqdm:
    """A progress bar in bytes, which is not shown before the first of them."""
    return tqdm.tqdm(
        desc=f"{verb} {name}",
        total=total,
        initial=initial,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        delay=_BAR_DELAY,
    )

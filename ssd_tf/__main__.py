# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The command `ssd_tf`: a subcommand for each program of ssd_tf.apps.

ssd_tf train --flagfile=flags/mlperf.cfg --data_dir=data --model_dir=runs/mlperf
"""

import ast
import difflib
import pathlib
import sys

from ssd_tf.apps import cli
from ssd_tf.version import __version__

_APPS = pathlib.Path(cli.__file__).parent
_OTHERS = ("__init__", "cli")


def main() -> None:
    """Runs the program that the first argument names with the rest; ends the process with its status."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h", "help", "--helpshort", "--helpfull"):
        print(_usage())
        sys.exit(cli.EXIT_OK)
    if name == "--version":
        print(f"ssd_tf {__version__}")
        sys.exit(cli.EXIT_OK)
    if name not in programs():
        near = difflib.get_close_matches(name, programs(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        print(f"error: there is no program {name!r}.{hint} See ssd_tf --help", file=sys.stderr)
        sys.exit(cli.EXIT_MISTAKE)
    del sys.argv[1]
    cli.run(name)


def programs() -> dict[str, str]:
    """The programs by name with the first sentence of their docstrings; none is imported."""
    found = {}
    for path in sorted(_APPS.glob("*.py")):
        if path.stem not in _OTHERS:
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            found[path.stem] = " ".join(text.partition("\n\n")[0].split())
    return found


def _usage() -> str:
    table = programs()
    width = max(map(len, table))
    lines = [f"  {name:<{width}}  {text}" for name, text in table.items()]
    return "\n".join(
        ["usage: ssd_tf PROGRAM [--flag=value ...]", "", *lines, "", "ssd_tf PROGRAM --help explains its flags."]
    )


if __name__ == "__main__":
    main()

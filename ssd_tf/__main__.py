# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The command `ssd_tf`: a subcommand for each program of ssd_tf.apps.

ssd_tf train --flagfile=flags/mlperf.cfg --data_dir=data --model_dir=runs/mlperf
"""

import sys

from ssd_tf.apps import cli
from ssd_tf.version import __version__


def main() -> None:
    """Runs the program that the first argument names with the rest; ends the process with its status."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h", "help", "--helpshort", "--helpfull"):
        print(_usage())
        sys.exit(cli.EXIT_OK)
    if name == "--version":
        print(f"ssd_tf {__version__}")
        sys.exit(cli.EXIT_OK)
    del sys.argv[1]
    cli.run(name)


def _usage() -> str:
    table = cli.programs()
    width = max(map(len, table))
    lines = [f"  {name:<{width}}  {text}" for name, text in table.items()]
    return "\n".join(
        ["usage: ssd_tf PROGRAM [--flag=value ...]", "", *lines, "", "ssd_tf PROGRAM --help explains its flags."]
    )


if __name__ == "__main__":
    main()

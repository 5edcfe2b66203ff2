# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What all programs share: a quiet start, one clear line for a mistake of the user's, and the exit status."""

import logging as std_logging
import os
import pathlib
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from absl import app, flags, logging

from ssd_tf.utils.tensorflow_output import quiet_stderr

EXIT_OK = 0
EXIT_MISTAKE = 1
MODEL_HELP = "A model_dir, one of its checkpoints, or an exported model: a SavedModel, a .tflite or an .onnx file."
# As shells report a program ended by SIGINT.
EXIT_KEYBOARD = 130
EXIT_TERMINATED = 143  # and by SIGTERM
# As sysexits.h's EX_TEMPFAIL: run the same command again to go on.
EXIT_INTERRUPTED = 75


def run(main: Callable[[], int | None], *, tensorflow: bool = True) -> None:
    """Parses the flags, runs main, and exits with its status (None is 0).

    TensorFlow is started before main, unless main does it itself, later or in a thread.

    ValueError, KeyError, ArithmeticError, OSError and TensorFlow's own errors end the program with one line on stderr
    and status 1. `--verbosity=1` shows the traceback as well.

    SIGTERM ends main as Ctrl-C does, by KeyboardInterrupt, so that temporary files are removed; main may set another
    handler.
    """
    logging.set_verbosity(logging.INFO)
    # absl's own handler prints file and line of the call; users want the message.
    logging.use_absl_handler()
    logging.get_absl_handler().setFormatter(None)
    # TensorFlow reports at INFO, through the same logger, how long it took to shard a checkpoint.
    logging.get_absl_logger().addFilter(
        lambda record: record.levelno > std_logging.INFO or "tensorflow" not in pathlib.Path(record.pathname).parts
    )
    # --help shows the text and the flags of the program's module, whichever file started it.
    sys.modules["__main__"].__doc__ = sys.modules[main.__module__].__doc__
    for flag in flags.FLAGS.get_flags_for_module(main.__module__):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    app.run(lambda _: sys.exit(_guarded(main, tensorflow)), flags_parser=_parse)


def start_tensorflow() -> None:
    """Imports TensorFlow, which takes seconds, and sets it up for a program; what it prints meanwhile is held back."""
    with quiet_stderr():
        import tensorflow as tf

        # These tell at length of every file that is exported.
        for name in ("tensorflow", "tf2onnx"):
            std_logging.getLogger(name).setLevel(std_logging.WARNING)
        # Else the first program that starts takes all memory of a GPU, and the next one gets none.
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)


def leave(status: int, error: Exception | None = None) -> NoReturn:
    """Ends the program at once, without TensorFlow's own end, which may wait for machines that are gone."""
    if error is not None:
        print(f"error: {_one_line(error)}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _parse(argv: list[str]) -> list[str]:
    try:
        rest = flags.FLAGS(argv)
    except flags.Error as error:
        sys.exit(f"error: {error}. See --help")
    if len(rest) > 1:
        sys.exit(f"error: expected only flags such as --name=value. Received: {' '.join(rest[1:])}. See --help")
    return rest


def _guarded(main: Callable[[], int | None], tensorflow: bool) -> int:
    try:
        if tensorflow:
            start_tensorflow()
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return main() or EXIT_OK
    except KeyboardInterrupt as interrupt:
        print("interrupted", file=sys.stderr)
        return _interrupted(interrupt)
    except _mistakes() as error:
        logging.debug("traceback", exc_info=True)
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return EXIT_MISTAKE


class _Terminated(KeyboardInterrupt):
    """SIGTERM came."""


def _terminate(_number: int, _frame: object) -> None:
    raise _Terminated


def _interrupted(interrupt: KeyboardInterrupt) -> int:
    return EXIT_TERMINATED if isinstance(interrupt, _Terminated) else EXIT_KEYBOARD


def _mistakes() -> tuple[type[Exception], ...]:
    """What a mistake of the user's is told by; TensorFlow's errors are among them once it is there."""
    own = (ValueError, KeyError, ArithmeticError, OSError)
    errors = getattr(sys.modules.get("tensorflow"), "errors", None)  # None while another thread imports it too
    return (*own, errors.OpError) if errors else own


def _one_line(error: Exception) -> str:
    # str() of a KeyError is the repr of its message.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(line.strip() for line in text.strip().splitlines()[:2]) or type(error).__name__

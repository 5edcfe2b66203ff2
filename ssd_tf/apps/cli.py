# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How a program is run: flags in, exit status out, one clear line for a mistake of the user's.

A program is a module of ssd_tf.apps with `define_flags(values)` and `main(args)`. Where it has `check_flags(args)` too,
that raises ValueError for flags that do not go together, before TensorFlow is started, which takes seconds. Its flags
live in a FlagValues of their own, so that programs can be imported together: `call` runs one in this process, `run` is
a process of its own.
"""

import ast
import contextlib
import difflib
import faulthandler
import importlib
import logging as std_logging
import os
import pathlib
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from absl import flags, logging

from ssd_tf.utils.errors import first_line, mistakes
from ssd_tf.utils.hardware import grow_gpu_memory
from ssd_tf.utils.imports import quiet_stderr
from ssd_tf.utils.text import is_text, printable

EXIT_OK = 0
EXIT_MISTAKE = 1
MODEL_HELP = (
    "A model_dir, one of its checkpoints, a .keras file, an exported model (a SavedModel, a .tflite or an .onnx file), "
    "or torchvision:NAME, which is downloaded."
)
# Those of data/formats/readers.py, which imports TensorFlow.
FORMATS = ("coco", "voc", "yolo", "csv", "tfrecord")
# Modules of ssd_tf.apps that programs share.
_SHARED = ("__init__", "cli", "tiling")
# As shells report a program ended by SIGINT.
EXIT_KEYBOARD = 130
EXIT_TERMINATED = 143  # and by SIGTERM
# As sysexits.h's EX_TEMPFAIL: run the same command again to resume.
EXIT_INTERRUPTED = 75
_BUG = "error: this is a bug of ssd_tf. Please report it, with the command and what follows:"


def call(program: str, argv: Sequence[str]) -> int:
    """Runs a program in this process, and returns its exit status.

    A mistake of the user's is one line on stderr and status 1. Any other exception is a bug: it is raised, after a line
    that asks to report it. Signal handlers, logging and Keras' dtype policy are afterwards what they were before.

    Args:
      program: the name of a module of ssd_tf.apps, such as "train".
      argv: its flags, such as ["--data_dir=data", "--model_dir=runs/mine"].
    """
    try:
        return _call(program, argv)
    except _Leave as leave_:
        return leave_.status


def run(program: str) -> NoReturn:
    """Runs a program with the flags of the command line, and ends the process with its status."""
    faulthandler.enable()
    try:
        status = _call(program, sys.argv[1:])
    except _Leave as leave_:
        end_process(leave_.status)
    sys.exit(status)


def end_process(status: int) -> NoReturn:
    """Ends the process without TensorFlow's own end, which takes seconds, and aborts where a thread still uses it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def programs() -> dict[str, str]:
    """The programs by name with the first sentence of their docstrings; none is imported."""
    found = {}
    for name, path in _program_files().items():
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[name] = " ".join(text.partition("\n\n")[0].split())
    return found


def _program_files() -> dict[str, pathlib.Path]:
    files = sorted(pathlib.Path(__file__).parent.glob("*.py"))
    return {path.stem: path for path in files if path.stem not in _SHARED}


class _PathParser(flags.ArgumentParser):
    """Where a flag becomes a path. A leading ~ is the home folder, as in a shell, which leaves it alone behind a =."""

    def parse(self, argument: str) -> str:
        if not is_text(argument):
            raise ValueError("expected a name in UTF-8")
        # As text: Path would change addresses, and raise for a user that there is not.
        return os.path.expanduser(argument)  # noqa: PTH111


def define_path(name: str, default: str | None, help_text: str, flag_values: flags.FlagValues, **more: Any) -> None:
    """A flag that names a file or a folder. Nothing in it is a pattern, unless its help says so."""
    flags.DEFINE(_PathParser(), name, default, help_text, flag_values=flag_values, **more)


def define_paths(
    name: str, default: list[str] | None, help_text: str, flag_values: flags.FlagValues, **more: Any
) -> None:
    """A flag that may be repeated, each time with a file or a folder."""
    flags.DEFINE_multi(
        _PathParser(), flags.ArgumentSerializer(), name, default, help_text, flag_values=flag_values, **more
    )


def define_annotations(values: flags.FlagValues, required: bool = False) -> None:
    """The flags of programs that read annotated data sets; `required`: without --annotations it does not start."""
    flags.DEFINE_string("format", "auto", f"What the annotations are: auto, {', '.join(FORMATS)}.", flag_values=values)
    define_paths(
        "annotations",
        None if required else [],
        "The annotations: a file or a folder. May be repeated, for sets of the same classes.",
        flag_values=values,
        required=required,
    )
    define_paths(
        "images",
        [],
        "The folder of the images, or one for each --annotations; without it, where the format has them.",
        flag_values=values,
    )
    define_path(
        "classes",
        "",
        "A file with a class name in each line, or a label map (.pbtxt). Without it, the classes of the data.",
        flag_values=values,
    )


def define_subset(values: flags.FlagValues) -> None:
    """The flag of programs that read a part of an annotated data set."""
    flags.DEFINE_string(
        "subset",
        "",
        "The part to take of annotations that list several, such as VOC's trainval, or all. Without it that of the "
        "split, or everything.",
        flag_values=values,
    )


def define_exif(values: flags.FlagValues) -> None:
    """The flag of programs that prepare images."""
    flags.DEFINE_enum(
        "exif",
        "upright",
        ["upright", "raw"],
        "What the boxes are of in images that their EXIF orientation turns, where the size in the annotations fits "
        "both: the image as it is shown, or as it is stored.",
        flag_values=values,
    )


def start_tensorflow() -> None:
    """Imports TensorFlow, which takes seconds, and sets it up for a program; what it prints meanwhile is held back."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr():
        # These report every file that is exported at length.
        for name in ("tensorflow", "tf2onnx"):
            std_logging.getLogger(name).setLevel(std_logging.WARNING)
        grow_gpu_memory()


def leave(status: int, error: BaseException | None = None) -> NoReturn:
    """Ends the program at once, without TensorFlow's own end, which may wait for machines that are gone.

    An error is printed as by `call`: a mistake in a line, a bug with its traceback.
    """
    if isinstance(error, mistakes()):
        _print_error(error)
    elif error is not None:
        print(_BUG, file=sys.stderr)
        traceback.print_exception(error)
    raise _Leave(status)


def set_signal(number: int, handler: Any) -> None:
    """signal.signal, where Python allows it: in the main thread."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, handler)


class _Leave(BaseException):
    """Not an Exception: nothing on the way out handles it."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


class _Terminated(KeyboardInterrupt):
    """SIGTERM came."""


def _call(program: str, argv: Sequence[str]) -> int:
    known = _program_files()  # not `programs`, which parses all of them
    if program not in known:
        near = difflib.get_close_matches(program, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        print(f"error: there is no program {program!r}.{hint} See ssd_tf --help", file=sys.stderr)
        return EXIT_MISTAKE
    module = importlib.import_module(f"ssd_tf.apps.{program}")
    args = _new_flags(module)
    try:
        rest = args([program, *argv])
    except flags.Error as error:
        return _refuse_flags(args, module, str(error))
    if _wants_help(args):
        return _help(args, module)
    if len(rest) > 1:
        return _refuse_flags(args, module, f"expected only flags such as --name=value. Received: {' '.join(rest[1:])}")
    with _logging_to_stderr(args.verbosity), _state_put_back(), warnings.catch_warnings():
        # Pillow warns of images of more than 89 megapixels, and refuses those of more than twice as many.
        warnings.filterwarnings("ignore", "Image size .* exceeds limit", RuntimeWarning)
        return _guarded(module, args)


def _new_flags(module: Any) -> flags.FlagValues:
    """The program's flags, and those that all have."""
    values = flags.FlagValues()
    module.define_flags(values)
    for name in _SHARED:  # what a helper defined belongs to the program
        for flag in values.get_flags_for_module(f"{__package__}.{name}"):
            values.register_flag_by_module(module.__name__, flag)
    flags.DEFINE_bool("help", False, "Show this help.", short_name="?", flag_values=values)
    flags.DEFINE_bool("helpshort", False, "Show this help.", flag_values=values)
    flags.DEFINE_bool("helpfull", False, "Show this help.", flag_values=values)
    flags.DEFINE_integer("verbosity", 0, "-1: warnings, 0: progress, 1: all.", short_name="v", flag_values=values)
    return values


def _wants_help(args: flags.FlagValues) -> bool:
    return args.help or args.helpshort or args.helpfull


def _help(args: flags.FlagValues, module: Any) -> int:
    print(f"{module.__doc__}\nflags:\n\n{args.module_help(module.__name__)}")
    return EXIT_OK


def _refuse_flags(args: flags.FlagValues, module: Any, reason: str) -> int:
    # A required flag that is missing is no mistake of someone who asks for help.
    args.mark_as_parsed()
    if _wants_help(args):
        return _help(args, module)
    print(f"error: {printable(' '.join(reason.split())).rstrip('.')}. See --help", file=sys.stderr)
    return EXIT_MISTAKE


def _guarded(module: Any, args: flags.FlagValues) -> int:
    try:
        if hasattr(module, "check_flags"):
            module.check_flags(args)
        # Programs that open a window first, or may do without TensorFlow, start it themselves.
        if getattr(module, "STARTS_TENSORFLOW", True):
            start_tensorflow()
        set_signal(signal.SIGTERM, _terminate)
        return module.main(args) or EXIT_OK
    except KeyboardInterrupt as interrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_TERMINATED if isinstance(interrupt, _Terminated) else EXIT_KEYBOARD
    except mistakes() as error:
        logging.debug("traceback", exc_info=True)
        _print_error(error)
        return EXIT_MISTAKE
    except Exception:
        print(_BUG, file=sys.stderr)
        raise


def _terminate(_number: int, _frame: object) -> None:
    raise _Terminated


def _print_error(error: BaseException) -> None:
    # str() of a KeyError is the repr of its message.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if type(error).__module__.startswith("tensorflow"):
        text = first_line(error)
    line = " ".join(line.strip() for line in text.strip().splitlines()[:2]) or type(error).__name__
    print(f"error: {printable(line)}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _logging_to_stderr(verbosity: int) -> Iterator[None]:
    """absl's log on stderr, messages alone, without TensorFlow's reports of how long it took to shard a checkpoint."""
    logging.use_absl_handler()
    parsed = flags.FLAGS.is_parsed()
    flags.FLAGS.mark_as_parsed()  # else absl warns that nobody has parsed its own flags
    logger, handler = logging.get_absl_logger(), logging.get_absl_handler()
    before = logging.get_verbosity(), handler.python_handler.formatter, handler.python_handler.stream
    logging.set_verbosity(verbosity)
    handler.setFormatter(None)
    handler.python_handler.stream = sys.stderr
    logger.addFilter(_not_tensorflow)
    try:
        yield
    finally:
        logger.removeFilter(_not_tensorflow)
        handler.setFormatter(before[1])
        handler.python_handler.stream = before[2]
        logging.set_verbosity(before[0])
        if not parsed:
            flags.FLAGS.unparse_flags()


def _not_tensorflow(record: std_logging.LogRecord) -> bool:
    return record.levelno > std_logging.INFO or "tensorflow" not in pathlib.Path(record.pathname).parts


@contextlib.contextmanager
def _state_put_back() -> Iterator[None]:
    """Puts signal handlers and Keras' dtype policy back."""
    main_thread = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    keras = sys.modules.get("keras")
    policy = keras.mixed_precision.dtype_policy() if keras else "float32"  # as it is when Keras is imported
    try:
        yield
    finally:
        if main_thread:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if "keras" in sys.modules:
            sys.modules["keras"].mixed_precision.set_dtype_policy(policy)

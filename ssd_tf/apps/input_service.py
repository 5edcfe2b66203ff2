# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Decodes and augments training images on other machines than the trainer's: a tf.data service.

On one machine, the dispatcher, which only deals out work:
python -m ssd_tf.apps.input_service --role=dispatcher --workers=machine1:5051,machine2:5051

On each of machine1 and machine2, which see the shards under the same path as the trainer:
python -m ssd_tf.apps.input_service --role=worker --host=machine1 --dispatcher=grpc://machine0:5050

Then train with --input_service=grpc://machine0:5050. Each runs until SIGTERM or SIGINT. The service knows neither
passwords nor encryption, so keep its ports inside a network that you trust.
"""

import os
import signal
import socket

from absl import flags, logging

from ssd_tf.apps import cli


def define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_enum("role", None, ["dispatcher", "worker"], "What to start.", required=True, flag_values=values)
    flags.DEFINE_integer(
        "port",
        0,
        "The port to listen on; 0 is 5050 for a dispatcher, 5051 for a worker.",
        lower_bound=0,
        upper_bound=65535,
        flag_values=values,
    )
    flags.DEFINE_list(
        "workers",
        ["localhost:5051"],
        "For a dispatcher: HOST:PORT of each worker that will register.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "dispatcher", "grpc://localhost:5050", "For a worker: the dispatcher to register with.", flag_values=values
    )
    flags.DEFINE_string(
        "host",
        "localhost",
        "For a worker: the name of this machine in the dispatcher's list; trainers reach it there.",
        flag_values=values,
    )


def main(args: flags.FlagValues) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        cli.set_signal(number, signal.default_int_handler)
    try:
        _serve(_dispatcher(args) if args.role == "dispatcher" else _worker(args))
    except KeyboardInterrupt:
        logging.info("stopped")
        logging.flush()
        # A worker's own end waits for the tuning thread of each of its streams, up to a minute each.
        os._exit(cli.EXIT_OK)


def _dispatcher(args: flags.FlagValues):
    from ssd_tf.data.input_service import start_dispatcher

    port = args.port or 5050
    server = start_dispatcher(port, args.workers)
    logging.info("dispatcher on port %d of the workers %s", port, ", ".join(args.workers))
    logging.info("train with --input_service=grpc://%s:%d", socket.gethostname(), port)
    return server


def _worker(args: flags.FlagValues):
    from ssd_tf.data.input_service import start_worker

    port = args.port or 5051
    server = start_worker(args.dispatcher, args.host, port)
    logging.info("worker %s:%d of the dispatcher at %s", args.host, port, args.dispatcher)
    return server


def _serve(server) -> None:
    """Keeps a reference to the server, which would end without one, until a signal comes."""
    signal.pause()


if __name__ == "__main__":
    cli.run("input_service")

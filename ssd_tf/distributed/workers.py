# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The processes of a run on several machines: who they are, waiting until all are there, and ending when one is lost.

TensorFlow notices a dead worker by itself, within a second where its connection breaks, and within ten where not.
Left to us are a limit to the start, where TensorFlow waits for an hour, and one clear line in place of its report.
"""

import contextlib
import dataclasses
import faulthandler
import os
import re
import socket
import time
from collections.abc import Iterator

import tensorflow as tf
from absl import logging

from ssd_tf.utils.errors import UserError

# Seconds in which all workers must be there. Job managers start them within moments of each other.
START_SECONDS = 300.0
# What the collectives of the other workers raise when one is gone, by the operation that notices it first.
_LOST = (tf.errors.UnavailableError, tf.errors.DeadlineExceededError, tf.errors.AbortedError)
# The same, or a fault of this machine's own: the message says which.
_PERHAPS_LOST = (tf.errors.CancelledError, tf.errors.InternalError, tf.errors.FailedPreconditionError)
_OF_WORKERS = re.compile("collective|coordination|heartbeat|peer", re.IGNORECASE)


class WorkerLostError(ConnectionError):
    """Another worker is gone: the run can resume from its last checkpoint when all are started again."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers' addresses, HOST:PORT, the chief's first, and the place of this process among them."""

    addresses: tuple[str, ...]
    index: int


def find_cluster() -> Cluster | None:
    """The workers of TF_CONFIG, else of SLURM where it started several tasks; None where nobody names any.

    Raises:
      ValueError: they do not make sense.
    """
    if os.environ.get("TF_CONFIG"):
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        try:
            jobs, task, number = resolver.cluster_spec().as_dict(), resolver.task_type, resolver.task_id
        except (ValueError, TypeError) as error:
            raise UserError(f"TF_CONFIG: expected a JSON object with cluster and task. Received: {error}") from error
        return _cluster_of(jobs, task, number) if jobs else None
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "1")
    if not tasks.isdigit():
        raise UserError(f"SLURM_STEP_NUM_TASKS: expected a number. Received: {tasks!r}")
    return _slurm_cluster(int(tasks)) if int(tasks) > 1 else None


def _cluster_of(jobs: dict[str, list[str]], task: str | None, number: int | None) -> Cluster:
    if not jobs.get("worker") or set(jobs) - {"chief", "worker"}:
        raise UserError(f"TF_CONFIG: expected jobs worker, and chief if you like. Received: {sorted(jobs)}")
    if task not in jobs or number is None or not 0 <= number < len(jobs[task]):
        raise UserError(f"TF_CONFIG: expected a task of the cluster {jobs}. Received: {task} {number}")
    chief = jobs.get("chief", [])
    for address in (*chief, *jobs["worker"]):
        if not re.fullmatch(r".+:\d+", address):
            raise UserError(f"TF_CONFIG: expected workers as host:port. Received: {address!r}")
    return Cluster((*chief, *jobs["worker"]), number + (len(chief) if task == "worker" else 0))


def _slurm_cluster(tasks: int) -> Cluster:
    # One GPU a task is what the resolver needs to count tasks, GPUs or not; which ones a task sees is SLURM's to say.
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
    )
    (addresses,) = resolver.cluster_spec().as_dict().values()
    index = int(resolver.task_id or 0)
    node = os.environ.get("SLURMD_NODENAME", "")
    if node and node != addresses[index].rsplit(":", 1)[0]:
        # TensorFlow sorts host names as text: n1, n10, n2.
        raise UserError(
            f"SLURM: expected task {index} on {addresses[index]}. Received: {node}. TensorFlow takes the hosts in "
            "alphabetical order; name the workers in TF_CONFIG instead"
        )
    return Cluster(tuple(addresses), index)


def join(cluster: Cluster) -> tf.distribute.MultiWorkerMirroredStrategy:
    """The strategy of all workers, when they are all there.

    Raises:
      TimeoutError: some are not there in time.
    """
    wait_for_workers(cluster)
    # A worker can still die before it is registered. TensorFlow then waits with Python's lock held, where nothing but
    # this ends the process.
    faulthandler.dump_traceback_later(START_SECONDS, exit=True)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}), task_type="worker", task_id=cluster.index
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    strategy.gather(tf.zeros([1]), axis=0)
    faulthandler.cancel_dump_traceback_later()
    return strategy


def wait_for_workers(cluster: Cluster, seconds: float = START_SECONDS) -> None:
    """Returns when each worker's port answers. Until TensorFlow's server takes our own port, a listener answers there.

    Raises:
      TimeoutError: names the workers that did not answer.
      OSError: our own port cannot be had.
    """
    addresses, index = cluster.addresses, cluster.index
    deadline = time.monotonic() + seconds
    missing = [address for place, address in enumerate(addresses) if place != index]
    with socket.create_server(("", _port(addresses[index])), backlog=len(addresses)):
        warned = False
        while missing := [address for address in missing if not _answers(address)]:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"expected {len(addresses)} workers within {seconds:.0f} seconds. "
                    f"Received: no answer from {', '.join(missing)}"
                )
            if not warned:
                logging.info("worker %d of %d waits for %s", index, len(addresses), ", ".join(missing))
                warned = True
            time.sleep(0.5)


@contextlib.contextmanager
def lost_workers_named(index: int) -> Iterator[None]:
    """Turns what TensorFlow raises in the block when another worker is gone into a WorkerLostError."""
    try:
        yield
    except (*_LOST, *_PERHAPS_LOST) as error:
        if isinstance(error, _PERHAPS_LOST) and not _OF_WORKERS.search(error.message):
            raise
        cause = " ".join(error.message.split("aborted by: ")[-1].split("\n")[:2])
        raise WorkerLostError(
            f"worker {index} stops, since another worker is gone. Start all workers again: the run resumes from its "
            f"last checkpoint. TensorFlow says: {cause.strip()[:200]}"
        ) from error


def _answers(address: str) -> bool:
    host = address.rsplit(":", 1)[0]
    try:
        with socket.create_connection((host, _port(address)), timeout=2.0):
            return True
    except OSError:
        return False


def _port(address: str) -> int:
    return int(address.rsplit(":", 1)[1])

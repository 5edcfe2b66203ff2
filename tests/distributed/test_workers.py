# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The workers of a run: found in TF_CONFIG or SLURM's variables, waited for, and named when one is lost."""

import concurrent.futures
import json
import socket
import threading

import pytest
import tensorflow as tf

from ssd_tf.distributed.workers import Cluster, WorkerLostError, find_cluster, lost_workers_named, wait_for_workers
from ssd_tf.utils.errors import UserError
from tests.fixtures.ports import free_ports

# Seconds: long enough for a busy machine; no test waits for it unless it fails.
PATIENCE = 120


@pytest.fixture(autouse=True)
def nobody_names_workers(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS", "SLURMD_NODENAME"):
        monkeypatch.delenv(name, raising=False)


def tf_config(monkeypatch, cluster, task, index):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": task, "index": index}}))


def test_without_a_word_there_is_no_cluster():
    assert find_cluster() is None


def test_workers_of_tf_config_are_found_in_their_order(monkeypatch):
    tf_config(monkeypatch, {"worker": ["a:1", "b:2", "c:3"]}, "worker", 1)
    assert find_cluster() == Cluster(("a:1", "b:2", "c:3"), 1)


@pytest.mark.parametrize(("task", "index", "place"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)])
def test_chief_of_tf_config_is_the_first_worker(monkeypatch, task, index, place):
    tf_config(monkeypatch, {"chief": ["a:1"], "worker": ["b:2", "c:3"]}, task, index)
    assert find_cluster() == Cluster(("a:1", "b:2", "c:3"), place)


@pytest.mark.parametrize(
    ("cluster", "task", "index", "message"),
    [
        (
            {"worker": ["a:1"], "ps": ["b:2"]},
            "worker",
            0,
            r"expected jobs worker, and chief if you like\. Received: \['ps'",
        ),
        ({"worker": ["a:1", "b:2"]}, "worker", 2, r"expected a task of the cluster .* Received: worker 2"),
        ({"worker": ["a:1", "b:2"]}, "evaluator", 0, r"expected a task of the cluster .* Received: evaluator 0"),
        ({"worker": ["a:1", "b"]}, "worker", 0, r"expected workers as host:port\. Received: 'b'"),
        ({"chief": ["a:x"], "worker": ["b:1"]}, "worker", 0, r"expected workers as host:port\. Received: 'a:x'"),
    ],
    ids=["ps", "index", "task", "no_port", "port_is_a_word"],
)
def test_cluster_that_makes_no_sense_is_refused(monkeypatch, cluster, task, index, message):
    tf_config(monkeypatch, cluster, task, index)
    with pytest.raises(ValueError, match=message):
        find_cluster()


def slurm(monkeypatch, nodes, rank, node):
    values = {"PROCID": rank, "STEP_NUM_TASKS": 3, "STEP_NODELIST": nodes, "STEP_TASKS_PER_NODE": "1(x3)"}
    for name, value in values.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    monkeypatch.setenv("SLURMD_NODENAME", node)


def test_number_of_slurm_that_is_none_is_refused(monkeypatch):
    slurm(monkeypatch, "n[01-02,10]", 1, "n02")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "three")
    with pytest.raises(UserError, match=r"SLURM_STEP_NUM_TASKS: expected a number\. Received: 'three'"):
        find_cluster()


def test_tasks_of_slurm_are_found(monkeypatch):
    slurm(monkeypatch, "n[01-02,10]", 1, "n02")
    found = find_cluster()
    assert [address.split(":")[0] for address in found.addresses] == ["n01", "n02", "n10"]
    assert found.index == 1


def test_hosts_that_tensorflow_would_mix_up_are_refused(monkeypatch):
    slurm(monkeypatch, "n[1-2,10]", 1, "n2")
    with pytest.raises(ValueError, match=r"expected task 1 on n10:\d+\. Received: n2"):
        find_cluster()


def test_workers_wait_for_each_other():
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    both_ended = threading.Barrier(2)

    def start(index: int) -> None:
        wait_for_workers(Cluster(addresses, index), PATIENCE)
        # TensorFlow's server takes the port now: the other worker may still look for it.
        with socket.create_server(("127.0.0.1", int(addresses[index].split(":")[1]))):
            both_ended.wait(PATIENCE)

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        for ended in [threads.submit(start, index) for index in range(2)]:
            ended.result()


def test_worker_that_does_not_come_is_named():
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    with pytest.raises(
        TimeoutError, match=f"expected 2 workers within 1 seconds. Received: no answer from {addresses[1]}"
    ):
        wait_for_workers(Cluster(addresses, 0), 1)


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (tf.errors.UnavailableError(None, None, "Socket closed"), True),
        (tf.errors.DeadlineExceededError(None, None, "Deadline Exceeded"), True),
        (tf.errors.InternalError(None, None, "Collective ops is aborted by: worker 1"), True),
        (tf.errors.InternalError(None, None, "cuDNN launch failure"), False),
        (tf.errors.ResourceExhaustedError(None, None, "OOM"), False),
    ],
    ids=["unavailable", "deadline", "collective", "cudnn", "memory"],
)
def test_lost_worker_is_told_from_a_fault_of_ones_own(error, lost):
    with pytest.raises(WorkerLostError if lost else type(error)), lost_workers_named(0):
        raise error

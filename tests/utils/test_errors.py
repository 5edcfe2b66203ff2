# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which exceptions a program answers with one line, and what that line is."""

import pytest
import tensorflow as tf

from ssd_tf.utils.errors import UserError, first_line, mistakes


def error_of(name):
    return getattr(tf.errors, name)(None, None, "message")


@pytest.mark.parametrize("error", [UserError("flag"), FileNotFoundError("file"), TimeoutError("network")])
def test_mistakes_and_what_the_machine_did_are_no_bugs(error):
    assert isinstance(error, mistakes())


@pytest.mark.parametrize("error", [ValueError("shape"), KeyError("key"), RuntimeError("state"), AssertionError()])
def test_all_other_errors_are_bugs(error):
    assert not isinstance(error, mistakes())


@pytest.mark.parametrize("name", ["NotFoundError", "PermissionDeniedError", "ResourceExhaustedError"])
def test_what_a_file_system_or_a_full_memory_did_is_no_bug(name):
    assert isinstance(error_of(name), mistakes())


@pytest.mark.parametrize("name", ["InvalidArgumentError", "InternalError", "FailedPreconditionError", "UnknownError"])
def test_what_our_graph_did_is_a_bug(name):
    assert not isinstance(error_of(name), mistakes())


def test_first_line_leaves_out_where_in_the_graph_it_was():
    text = "{{function_node __wrapped__Save}} disk is full [Op:SaveV2]\nmore"
    assert first_line(ValueError(text)) == "disk is full"


def test_error_without_words_is_called_by_its_type():
    assert first_line(InterruptedError()) == "InterruptedError"

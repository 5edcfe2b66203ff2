# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A graph resumes where one of its operations fails."""

import tensorflow as tf

from ssd_tf.data.reading import or_default


@tf.function
def halves(values):
    """Each of the strings as a number, halved; -1 where it is none."""
    return tf.map_fn(
        lambda text: or_default(lambda t: tf.strings.to_number(t) / 2.0, text, -1.0),
        values,
        fn_output_signature=tf.float32,
    )


def test_what_fails_has_the_other_value_and_the_rest_their_own():
    assert halves(tf.constant(["4", "four", "5"])).numpy().tolist() == [2.0, -1.0, 2.5]


def test_both_may_be_structures_of_other_shapes():
    number, good = or_default(lambda t: (tf.strings.split(t), True), tf.constant("a b"), (tf.constant(["none"]), False))
    assert number.numpy().tolist() == [b"a", b"b"] and bool(good)

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Rates over the last two seconds, and the times at which frames are due."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_tf.media.rates import EvenTimes, Pace, Rate


def test_rate_of_even_frames():
    rate = Rate()
    values = [rate.add(10 + k / 25, k) for k in range(100)]
    assert values[0] == 0.0
    assert values[1:] == pytest.approx([25.0] * 99)


def test_rate_follows_a_change_within_two_seconds():
    rate = Rate()
    for k in range(100):
        rate.add(k / 50, k)
    values = [rate.add(2 + k / 5, 100 + k) for k in range(12)]
    assert values[1] > 40 and values[-1] == pytest.approx(5.0)


def test_rate_counts_frames_that_were_left_out():
    rate = Rate()
    rate.add(0.0, 1)
    assert rate.add(0.5, 11) == pytest.approx(20.0)


def test_one_image_in_five_seconds_is_a_rate():
    rate = Rate()
    assert [rate.add(5.0 * k, k) for k in range(4)] == pytest.approx([0.0, 0.2, 0.2, 0.2])


def test_two_frames_at_the_same_time_give_no_rate():
    rate = Rate()
    rate.add(1.0, 1)
    assert rate.add(1.0, 2) == 0.0


def test_pause_does_not_count():
    rate = Rate()
    rate.add(0.0, 1)
    rate.restart()
    assert rate.add(100.0, 2) == 0.0
    assert rate.add(100.1, 3) == pytest.approx(10.0)


def test_frames_are_due_by_the_clock_of_the_first():
    pace = Pace()
    assert pace.due(3.0, now=100.0) == 100.0
    assert pace.due(3.5, now=107.0) == pytest.approx(100.5)
    pace.restart()
    assert pace.due(4.0, now=107.0) == 107.0
    assert pace.due(4.2, now=107.0) == pytest.approx(107.2)


def even_times(fps: float, seconds: Sequence[float]) -> list[float]:
    times = EvenTimes(fps)
    return [times.add(value) for value in seconds]


def test_times_that_are_nearly_even_are_made_even():
    assert even_times(10.0, [5.0, 5.14, 5.16, 5.3, 5.44]) == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_times_of_a_varying_rate_are_kept():
    assert even_times(10.0, [0.0, 0.3, 0.35, 1.0, 1.01]) == pytest.approx([0.0, 0.3, 0.35, 1.0, 1.01])


def test_frames_without_times_follow_each_other():
    assert even_times(10.0, [0.0] * 4) == pytest.approx([0.0, 0.1, 0.2, 0.3])


@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=30), st.floats(1.0, 60.0))
def test_times_never_go_back_and_keep_near_the_files(gaps, fps):
    seconds = [sum(gaps[: k + 1]) for k in range(len(gaps))]
    times = even_times(fps, seconds)
    assert times == sorted(times)
    if len(set(seconds)) == len(seconds):  # each within half a frame of its own
        assert times == pytest.approx([value - seconds[0] for value in seconds], abs=0.5 / fps + 1e-9)

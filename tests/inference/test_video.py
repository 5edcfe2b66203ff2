# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Every frame is annotated in order, whatever the batch, and what came before a break is kept."""

import dataclasses
from typing import Literal

import numpy as np
import pytest

from ssd_tf.inference.video import annotate_source
from ssd_tf.media import video_writer
from ssd_tf.media.open import open_source
from ssd_tf.media.source import Frame, Source, SourceInfo, SourceLostError
from ssd_tf.media.video_writer import VideoWriter
from tests.fixtures.live import FRAMES, HEIGHT, LEVEL, WIDTH, frame_number, write_video


class Camera(Source):
    """A live source of grey frames, each half a second after the other, that ends as it is told."""

    def __init__(self, frames: int, end: type[BaseException]):
        self.info = SourceInfo("camera 0", "camera", 10.0, 0, WIDTH, HEIGHT)
        self._frames = iter(range(frames))
        self._end = end

    def open(self) -> None:
        pass

    def read(self) -> Frame | None:
        for index in self._frames:
            return Frame(np.full((HEIGHT, WIDTH, 3), LEVEL * index, np.uint8), index, index / 2)
        raise self._end("camera 0 does not answer any more")

    def close(self) -> None:
        pass


def frames_of(path) -> list[np.ndarray]:
    with open_source(str(path)) as source:
        return [frame.image for frame in iter(source.read, None)]


@pytest.mark.parametrize("batch_size", [1, 3, 8, 64])
def test_all_frames_are_annotated_in_order_whatever_the_batch(detector, video, tmp_path, batch_size):
    got = []
    with open_source(str(video)) as source, VideoWriter(tmp_path / "out.mp4", source.info.fps) as writer:
        done = annotate_source(
            detector, source, writer, 0.3, batch_size, lambda frame, found, drawn: got.append((frame, found, drawn))
        )
    assert (done.frames, done.objects, done.problem) == (FRAMES, 2 * FRAMES, "")
    assert [frame.index for frame, _, _ in got] == list(range(FRAMES))
    assert all(found.count.tolist() == [2] and found.scores.shape == (1, 3) for _, found, _ in got)
    written = frames_of(tmp_path / "out.mp4")
    assert [frame_number(image) for image in written] == list(range(FRAMES))
    # The first object's frame is drawn; its colour is not grey.
    for image in written:
        assert np.ptp(image[: HEIGHT // 2, : WIDTH // 2].astype(int), axis=-1).max() > 50


def test_without_a_writer_frames_are_only_counted(detector, video):
    with open_source(str(video)) as source:
        assert annotate_source(detector, source, None, 0.95).objects == 0


def test_damaged_video_is_annotated_until_where_it_breaks_off(detector, tmp_path):
    whole = write_video(tmp_path / "whole.avi", frames=60, size=(160, 120))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with open_source(str(whole)) as source, VideoWriter(tmp_path / "out.mp4", 25.0) as writer:
        done = annotate_source(detector, source, writer, 0.3)
    assert 0 < done.frames < 60
    assert done.problem == f"whole.avi is damaged: it breaks off after {done.frames} of 60 frames"
    assert len(frames_of(tmp_path / "out.mp4")) == done.frames


@pytest.mark.parametrize(
    ("end", "problem"), [(KeyboardInterrupt, ""), (SourceLostError, "camera 0 does not answer any more")]
)
def test_what_a_camera_showed_is_kept_and_plays_in_real_time(detector, tmp_path, end, problem):
    with VideoWriter(tmp_path / "out.mp4", 10.0) as writer:
        done = annotate_source(detector, Camera(4, end), writer, 0.3)
    assert (done.frames, done.problem) == (4, problem)
    # Two frames a second at ten a second; nobody knows how long the last would have been seen.
    assert [frame_number(image) for image in frames_of(tmp_path / "out.mp4")] == [0] * 5 + [1] * 5 + [2] * 5 + [3]


class Uneven(Camera):
    """A video whose frames come at such times."""

    def __init__(self, seconds: list[float], kind: Literal["video", "images"] = "video"):
        super().__init__(len(seconds), SourceLostError)
        self.info = dataclasses.replace(self.info, name="phone.mp4", kind=kind)
        self._seconds = seconds

    def read(self) -> Frame | None:
        for index in self._frames:
            return Frame(np.full((HEIGHT, WIDTH, 3), LEVEL * index, np.uint8), index, self._seconds[index])
        return None


def test_video_of_a_varying_rate_plays_in_real_time(detector, tmp_path):
    got = []
    with VideoWriter(tmp_path / "out.mp4", 10.0) as writer:
        source = Uneven([0.0, 0.5, 0.52, 0.54, 1.0])
        done = annotate_source(detector, source, writer, 0.3, 2, lambda frame, found, drawn: got.append(frame.index))
    assert (done.frames, got) == (5, [0, 1, 2, 3, 4])  # all are looked at
    assert [frame_number(image) for image in frames_of(tmp_path / "out.mp4")] == [0] * 5 + [3] * 5 + [4]


def test_frames_that_come_nearly_evenly_are_all_in_the_video(detector, tmp_path):
    with VideoWriter(tmp_path / "out.mp4", 10.0) as writer:
        annotate_source(detector, Uneven([0.0, 0.14, 0.16, 0.34, 0.36]), writer, 0.3)
    assert [frame_number(image) for image in frames_of(tmp_path / "out.mp4")] == [0, 1, 2, 3, 4]


def test_images_are_in_the_video_once_though_some_were_left_out(detector, tmp_path):
    with VideoWriter(tmp_path / "out.mp4", 1.0) as writer:
        annotate_source(detector, Uneven([0.0, 1.0, 5.0], "images"), writer, 0.3)
    assert [frame_number(image) for image in frames_of(tmp_path / "out.mp4")] == [0, 1, 2]


@pytest.mark.parametrize("left", [7, 5])  # the disk is looked at after 5 and 10: while frames come, and at the very end
def test_nearly_full_disk_breaks_off_and_keeps_what_there_is(detector, tmp_path, monkeypatch, left):
    def fill(frame, found, drawn) -> None:
        if frame.index == 3:
            monkeypatch.setattr(video_writer, "_SPARE_BYTES", 1 << 60)

    with VideoWriter(tmp_path / "out.mp4", 5.0) as writer:
        source = Uneven([k / 5 for k in range(left + 1)])
        done = annotate_source(detector, source, writer, 0.3, 1, fill)
    assert "out.mp4: ends after 1 s" in done.problem and "not enough space" in done.problem
    assert [frame_number(image) for image in frames_of(tmp_path / "out.mp4")] == [0, 1, 2, 3, 4]


def test_ctrl_c_leaves_no_half_of_a_files_video(detector, video, tmp_path):
    def interrupt(frame, found, drawn) -> None:
        if frame.index == 10:
            raise KeyboardInterrupt

    with (
        open_source(str(video)) as source,
        pytest.raises(KeyboardInterrupt),
        VideoWriter(tmp_path / "out.mp4", 25.0) as writer,
    ):
        annotate_source(detector, source, writer, 0.3, 4, interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["grey.mp4"]


def test_video_never_replaces_the_one_that_is_read(detector, video):
    before = video.read_bytes()
    for target in (video, video.parent / ".." / video.parent.name / video.name):
        with (
            open_source(str(video)) as source,
            pytest.raises(ValueError, match="expected another file"),
            VideoWriter(target, 25.0) as writer,
        ):
            annotate_source(detector, source, writer, 0.3)
    assert video.read_bytes() == before

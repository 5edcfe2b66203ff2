# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Cameras by the names that Linux gives them. No camera is needed: its folder of devices is drawn up."""

import pathlib
import sys

import pytest

from ssd_tf.media.cameras import Camera, cameras_in, list_cameras


def add_device(devices: pathlib.Path, device: str, **files: str) -> None:
    (devices / device).mkdir()
    for file, text in files.items():
        (devices / device / file).write_text(f"{text}\n")


def test_cameras_are_listed_by_number_with_their_names(tmp_path):
    add_device(tmp_path, "video10", name="USB Kamera: Ä", index="0")
    add_device(tmp_path, "video2", name="Integrated Camera", index="0")
    assert cameras_in(tmp_path) == [Camera(2, "Integrated Camera"), Camera(10, "USB Kamera: Ä")]


def test_second_device_of_a_camera_and_other_devices_are_left_out(tmp_path):
    add_device(tmp_path, "video0", name="Integrated Camera", index="0")
    add_device(tmp_path, "video1", name="Integrated Camera", index="1")
    add_device(tmp_path, "v4l-subdev0", name="sensor")
    assert [camera.number for camera in cameras_in(tmp_path)] == [0]


def test_camera_without_a_name_gets_its_number(tmp_path):
    add_device(tmp_path, "video3")
    assert cameras_in(tmp_path) == [Camera(3, "camera 3")]


def test_no_camera_is_an_empty_list(tmp_path):
    assert cameras_in(tmp_path) == cameras_in(tmp_path / "nowhere") == []


@pytest.mark.skipif(sys.platform != "linux", reason="opens the cameras elsewhere")
def test_cameras_of_this_machine_have_names():
    cameras = list_cameras()
    assert all(camera.name for camera in cameras)
    assert len(cameras) <= len(list(pathlib.Path("/dev").glob("video*")))

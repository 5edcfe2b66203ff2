# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Cameras, streams, videos and images, frame by frame: read, detected in and drawn, each in a thread of its own."""

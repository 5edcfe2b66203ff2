# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A data set before training: what is in it, which detector fits its boxes, images that are there twice."""

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The predictor, and what it does to images and videos on disk."""

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A trained detector in the forms that others run: SavedModel, LiteRT, ONNX; and those forms, ready to call."""

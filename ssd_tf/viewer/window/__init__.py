# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The live window (Qt): what is seen and clicked. The threads behind it are in viewer/engine."""

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Charts, as SVG and PNG."""

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The live window: engine (threads) and window (Qt)."""

# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The version of the package, where setup.cfg, manifests and `ssd_tf.__version__` read it."""

__version__ = "0.1.0"

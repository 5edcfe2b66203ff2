# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""See ssd_tf/apps/predict.py."""

from ssd_tf.apps import cli

if __name__ == "__main__":
    cli.run("predict")

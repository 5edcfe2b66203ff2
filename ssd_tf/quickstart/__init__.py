# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0

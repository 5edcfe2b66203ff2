# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The box around a mask is pycocotools', and text that is no mask is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as masks

from ssd_tf.data.formats.segmentations import box_of_segmentation
from ssd_tf.utils.errors import UserError


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 1)))
@settings(max_examples=200, deadline=None)
def test_box_of_a_mask_is_pycocotools(mask):
    compressed = masks.encode(np.asfortranarray(mask))
    lengths = np.diff([0, *(np.flatnonzero(np.diff(mask.T.reshape(-1))) + 1), mask.size]).tolist()
    lengths = [0, *lengths] if mask[0, 0] else lengths
    size = list(mask.shape)
    wanted = masks.toBbox(compressed).tolist()
    assert box_of_segmentation({"size": size, "counts": compressed["counts"].decode()}, "a") == wanted
    assert box_of_segmentation({"size": size, "counts": lengths}, "a") == wanted


@pytest.mark.parametrize("counts", ["", "abc", "\u00ff", "`" * 50, "o" * 9, "0" * 99, "~", "1" * 20 + "P"])
def test_text_that_is_no_mask_is_refused(counts):
    with pytest.raises(UserError, match=r"a: segmentation: expected run lengths of 10 [*] 20 pixels"):
        box_of_segmentation({"size": [10, 20], "counts": counts}, "a")

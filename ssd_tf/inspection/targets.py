# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What `inspect` writes: where to, and that it replaces nothing but what it wrote itself."""

import pathlib
from typing import NamedTuple

from ssd_tf.pages.page import require_own_page
from ssd_tf.specs import spec_from_json
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import parse_json, require_file_target

PROPOSAL = "proposed_detector.json"


class Targets(NamedTuple):
    """The page, and the file of a proposed detector."""

    page: pathlib.Path
    proposal: pathlib.Path


def find_targets(output: str, detector: str) -> Targets:
    """Where the page goes and, beside it, a proposal; makes their folder.

    Args:
      output: the page.
      detector: the one that the page is about: a name, a file or "". A proposal never takes this file's place.

    Raises:
      ValueError: a file of the user's is in the way.
      OSError: the page cannot be written there.
    """
    page = pathlib.Path(output)
    require_file_target(page)
    require_own_page(page, "--output")
    proposal = page.with_name(PROPOSAL)
    if detector and proposal.resolve() == pathlib.Path(detector).resolve():
        proposal = page.with_name(f"next_{PROPOSAL}")
    if proposal.exists() and not _is_proposal(proposal):
        raise UserError(
            f"--output: expected no {proposal.name} beside the page but one that inspect wrote. Received: {proposal}"
        )
    return Targets(page, proposal)


def _is_proposal(path: pathlib.Path) -> bool:
    """Whether a file is a detector with a name such as `propose` gives."""
    try:
        return spec_from_json(parse_json(path.read_bytes())).name.endswith("_proposed")
    except (OSError, ValueError):
        return False

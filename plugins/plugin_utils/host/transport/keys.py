# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of changing operations (docs/architecture.md): the host does the same key once (I15)."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785


def operation_key(**identity: Any) -> str:
    """Return the key of what ``identity`` says: SHA-256 over its canonical JSON, in hex.

    Give the run, the operation, its parameters, and whatever else tells one request from another
    (step, attempt): the same identity is the same request, another one acts again.
    """
    return hashlib.sha256(rfc8785.dumps(identity)).hexdigest()

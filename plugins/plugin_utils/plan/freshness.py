# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plan still fits a server: the digest of the facts that it rests on. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import rfc8785

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def facts_digest(result: Mapping[str, Any] | None, sections: Iterable[str]) -> str:
    """Return the SHA-256 of the canonical JSON of some sections of the host facts.

    Name only what the decision rests on: the clock and free space differ with every reading. A
    section that is missing counts as ``null``, so that a fact that cannot be read any more is a
    change.
    """
    found = result or {}
    chosen = {name: found.get(name) for name in sorted(set(sections))}
    return hashlib.sha256(rfc8785.dumps(chosen)).hexdigest()

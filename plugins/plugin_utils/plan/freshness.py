# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plan still fits a server: digests of the facts that it rests on. Pure.

Name only the sections that the decision rests on: the clock and free space differ with every
reading. A section that is missing counts as ``null``, so that a fact that cannot be read any more
is a change.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import rfc8785

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Sections = tuple[tuple[str, str], ...]  # name and SHA-256 of each, by name


def facts_digest(result: Mapping[str, Any] | None, sections: Iterable[str]) -> str:
    """Return the SHA-256 of the canonical JSON of some sections of the host facts."""
    return _sha256(_chosen(result, sections))


def section_digests(result: Mapping[str, Any] | None, sections: Iterable[str]) -> Sections:
    """Return the SHA-256 of each section, to tell which one has changed."""
    return tuple((name, _sha256(value)) for name, value in _chosen(result, sections).items())


def _chosen(result: Mapping[str, Any] | None, sections: Iterable[str]) -> dict[str, Any]:
    found = result or {}
    return {name: found.get(name) for name in sorted(set(sections))}


def _sha256(value: Any) -> str:
    try:
        text = rfc8785.dumps(value)
    except ValueError:  # a host can send numbers that canonical JSON does not have
        text = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()

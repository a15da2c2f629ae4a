# SPDX-License-Identifier: GPL-3.0-or-later
"""What the web sites of a server answer to requests that it sends to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from .asking import mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .asking import Asks

# One row of the answer: name, url, outcome ("status", "aborted", "error"), status, error.
ProbeAnswer: TypeAlias = dict[str, Any]
_MOST = 50  # probes of one question, as its script takes them


def probe(host: Asks, probes: Iterable[Mapping[str, Any]]) -> tuple[ProbeAnswer, ...]:
    """Send requests from the server to itself, each with name, url, cookie and what is expected.

    Rows that are no mapping are left out: their probe counts as not answered. Nothing is sent
    without a probe.
    """
    asked = [dict(one) for one in probes]
    if not asked:
        return ()
    found: list[ProbeAnswer] = []
    for start in range(0, len(asked), _MOST):
        part = asked[start : start + _MOST]
        listed = mapping(host.ask("Test-FrontEnd", {"probes": part}).result).get("probes")
        found += [row for row in listed or () if isinstance(row, dict)]
    return tuple(found)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The clauses of a directive that ask for a change, as plans and reports name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .catalog import Catalog


def clause_for(catalog: Catalog, campaign: str, intent: str) -> str | None:
    """Name the clauses that ask for an intent (mitigate, patch, upgrade), ``None`` if none does.

    Only what the campaign's own directive says counts: ``ED 21-02 action 1 update, supplement 1 ...``.
    """
    name = catalog.campaign(campaign).directive
    directive = catalog.directive(name) if name else None
    if directive is None:
        return None
    found = [clause.id for clause in directive.clauses if intent in clause.asks_for]
    return f"{directive.short} {', '.join(found)}" if found else None

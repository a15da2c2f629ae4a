# SPDX-License-Identifier: GPL-3.0-or-later
"""What the campaign's directive says of a change, for the journal and the plan that an approver reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..catalog.loader import load
from ..judge.directive.decide import decide
from ..judge.directive.sources import combine, inventory_answers
from ..trust.attestations import read_all
from ..trust.attested import attested_answers
from ..trust.signing.keys import default_folder, trusted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# An intent -> the step of a directive's clauses that it carries out.
_STEPS = {"unmitigate": "mitigate"}


def directive_notes(
    host: str,
    campaign: str,
    intent: str,
    variable: Any,
    options: Mapping[str, Any],
    now: datetime,
) -> list[str]:
    """Return sentences about one change of one host; none where the campaign is under no directive.

    ``variable``: exchange_directive of the host. ``options``: of the change; ``attestations`` is the
    folder of signed statements. What the server says of itself is not asked here.

    :raises RefusedError: a statement is damaged, or signed by nobody who is trusted.
    """
    catalog = load()
    name = catalog.campaign(campaign).directive
    directive = catalog.directive(name) if name else None
    if directive is None:
        return []
    sources, problems = inventory_answers(host, variable)
    folder = Path(options.get("attestations") or "attestations")
    if folder.exists():
        keys = trusted(Path(options["keys"]) if options.get("keys") else default_folder())
        attested, unfit = attested_answers(read_all(folder, keys), host, directive)
        sources += attested
        problems += unfit
    said = combine(sources)
    decision = decide(directive, said.situation, met=said.met, now=now)
    found = decision.permission(_STEPS.get(intent, intent))
    clauses = f" by {', '.join(found.clauses)}" if found.clauses else ""
    notes = [f"{directive.short}: {intent} is {found.allowed.value}{clauses}: {found.reason}"]
    if decision.disconnect_first:
        notes.append(f"{directive.short}: disconnect first, nothing goes before it")
    late = [action.clause.id for action in decision.late(now)]
    if late:
        notes.append(f"{directive.short}: late: {', '.join(late)}")
    if decision.questions:
        notes.append(
            f"{directive.short}: to be answered by a person: {', '.join(decision.questions)}"
        )
    return [*notes, *problems, *said.conflicts]

# SPDX-License-Identifier: GPL-3.0-or-later
"""A decision as plain JSON values and as lines of text."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from ...catalog.directive_text import WIDTH, field, moment
from .answers import question

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .decide import ClauseAction, DirectiveDecision

# The steps of ours that change a server, and are therefore asked for.
_LATE = 5  # lines; the list of actions below shows all
CHANGES = ("isolate", "reconnect", "mitigate", "patch", "upgrade")


def decision_dict(decision: DirectiveDecision, now: datetime) -> dict[str, Any]:
    """Return the decision with the shape that ``directive decide --json`` prints.

    ``{"directive": "ed-21-02", "binding": true, "disconnect_first": false, "power": null,
    "situation": {...}, "questions": [{"name": ..., "asks": ...}], "next": "action 1 collect",
    "late": ["action 5"], "actions": [...], "not_ordered": [...], "permissions": {...}}``
    """
    following = decision.next
    return {
        "directive": decision.directive.id,
        "title": decision.directive.title,
        "status": decision.directive.status,
        "binding": decision.binding,
        "situation": decision.situation.to_dict(),
        "disconnect_first": decision.disconnect_first,
        "power": decision.power,
        "questions": [{"name": name, "asks": question(name)} for name in decision.questions],
        "next": following.clause.id if following else None,
        "late": [action.clause.id for action in decision.late(now)],
        "actions": [action_dict(action) for action in decision.actions],
        "not_ordered": [
            {"clause": action.clause.id, "reason": action.reason} for action in decision.not_ordered
        ],
        "permissions": {step: _permission(decision, step) for step in CHANGES},
    }


def _permission(decision: DirectiveDecision, step: str) -> dict[str, Any]:
    found = decision.permission(step)
    return {
        "allowed": found.allowed.value,
        "clauses": list(found.clauses),
        "reason": found.reason,
    }


def action_dict(action: ClauseAction) -> dict[str, Any]:
    """One clause with what it means for this server."""
    clause = action.clause
    return {
        "clause": clause.id,
        "kind": clause.kind,
        "scope": clause.scope,
        "standing": action.standing.value,
        "reason": action.reason,
        "unanswered": list(action.unanswered),
        "urgent": clause.urgent,
        "due": action.due.isoformat() if action.due else None,
        "met": action.met,
        "step": clause.step,
        "text": clause.text,
        "satisfied_by": clause.satisfied_by,
        "evidence": list(clause.proof),
        "cells": list(clause.cells),
        "cautions": list(action.cautions),
        "source": clause.source,
        "confidence": clause.confidence.value,
    }


_BINDING = {
    True: "yes",
    False: "no: advice for this kind of organisation",
    None: "unknown: nobody has said what kind of organisation it is",
}


def decision_lines(decision: DirectiveDecision, now: datetime) -> Iterable[str]:
    """The decision for a terminal of 80 columns: what is late and what is next come first."""
    directive = decision.directive
    yield directive.title
    closed = f" (the directive was closed on {directive.closed})" if directive.closed else ""
    yield from field("binding", _BINDING[decision.binding] + closed)
    if decision.disconnect_first:
        yield from field("first", "disconnect: nothing goes before it")
    if decision.power:
        yield from field("disconnected", f"off the network and powered {decision.power}")
    following = decision.next
    if following:
        yield from field("next", f"{following.clause.id}: {following.clause.text}")
    late = decision.late(now)
    for index, action in enumerate(late[:_LATE]):
        doubt = "" if action.ordered else " (if it applies)"
        yield from field(
            "late" if not index else "", f"{action.clause.id}, due {action.due}{doubt}"
        )
    if len(late) > _LATE:
        yield from field("", f"and {len(late) - _LATE} more, marked below")
    if decision.questions:
        yield ""
        yield "To be answered by a person"
        for name in decision.questions:
            yield from field(name, question(name))
    yield ""
    yield "Actions, in order"
    for action in decision.actions:
        yield from _action_lines(action, late=action in late)
    yield ""
    yield "Changes of this server"
    for step in CHANGES:
        found = decision.permission(step)
        clauses = f" ({', '.join(found.clauses)})" if found.clauses else ""
        yield from field(step, f"{found.allowed.value}{clauses}: {found.reason}")


def _action_lines(action: ClauseAction, *, late: bool) -> Iterable[str]:
    mark = "done" if action.met else {"ordered": "do", "open": "?"}[action.standing.value]
    if action.clause.kind == "advice" and not action.met:
        mark = f"{mark} (advice)" if mark == "?" else "advice"
    when = moment(action.clause)
    head = ", ".join(filter(None, (f"[{mark}] {action.clause.id}", when, "LATE" if late else None)))
    yield from textwrap.wrap(head, WIDTH, initial_indent="  ", subsequent_indent="      ")
    pad = "      "
    yield from textwrap.wrap(action.clause.text, WIDTH, initial_indent=pad, subsequent_indent=pad)
    yield from textwrap.wrap(
        f"because {action.reason}", WIDTH, initial_indent=pad, subsequent_indent=pad
    )
    for text in action.cautions:
        yield from textwrap.wrap(
            f"caution: {text}", WIDTH, initial_indent=pad, subsequent_indent=pad
        )

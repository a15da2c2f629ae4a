# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation directive``: what a directive wants from one server. Contacts nobody.

Exit status: 0 decided, 1 decided as far as it goes and an answer is missing, 2 usage.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.dates import parse_date
from ..base.errors import ConfigError
from ..catalog.loader import load
from ..judge.directive.answers import ORGANISATIONS, QUESTIONS, ROLES, UNKNOWN, ServerSituation
from ..judge.directive.decide import decide
from ..judge.directive.describe import decision_dict, decision_lines

if TYPE_CHECKING:
    import argparse

    from ..catalog.records.directives import Directive

OK, OPEN = 0, 1
_EXIT = "exit status: 0 decided, 1 an answer is missing, 2 usage"


def add_parser(subparsers: Any) -> None:
    """Add ``directive`` and its sub-command."""
    top = subparsers.add_parser(
        "directive", help="what a directive wants from one server; contacts nobody", epilog=_EXIT
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    text = "say what a directive orders for a server, in which order, why and by when"
    sub = commands.add_parser(
        "decide", help=text, description=text[:1].upper() + text[1:] + ".", epilog=_EXIT
    )
    sub.add_argument(
        "directive", nargs="?", default="ed-21-02", help="its id (default: %(default)s)"
    )
    sub.add_argument("--organisation", choices=(*ORGANISATIONS, UNKNOWN), default=UNKNOWN,
                     help="who runs the server: an agency, somebody for an agency, or others")  # fmt: skip
    for entry in QUESTIONS:
        sub.add_argument(
            f"--{entry.name.replace('_', '-')}",
            dest=entry.name,
            choices=("yes", "no", UNKNOWN),
            default=UNKNOWN,
            help=entry.asks.replace("%", "%%"),
        )
    sub.add_argument("--role", dest="roles", action="append", choices=(*ROLES, UNKNOWN), default=[],
                     help="a role of the server; may be given several times")  # fmt: skip
    sub.add_argument("--met", action="append", default=[], metavar="CLAUSE",
                     help="a clause that is satisfied on record; may be given several times")  # fmt: skip
    sub.add_argument("--at", metavar="MOMENT", help="what is late is judged then (default: now)")
    sub.add_argument("--clock", metavar="MOMENT",
                     help="when times such as 'within 24 hours' began to run")  # fmt: skip
    sub.add_argument("--json", action="store_true", help="print JSON instead of text")
    sub.add_argument(
        "--catalog", type=Path, metavar="DIR", help="another catalogue than the collection's own"
    )
    sub.set_defaults(run=_decide)


def _decide(args: argparse.Namespace) -> int:
    directive = load(args.catalog).need_directive(args.directive)
    names = ("organisation", "roles", *(entry.name for entry in QUESTIONS))
    situation = ServerSituation.of({name: getattr(args, name) for name in names})
    now = parse_date(args.at, "--at") or datetime.now(UTC)
    decision = decide(
        directive, situation, met=_met(directive, args.met),
        clock=parse_date(args.clock, "--clock"), now=now,
    )  # fmt: skip
    if args.json:
        print(json.dumps(decision_dict(decision, now), indent=2, ensure_ascii=False))
    else:
        print("\n".join(decision_lines(decision, now)))
    return OPEN if decision.questions else OK


def _met(directive: Directive, given: list[str]) -> frozenset[str]:
    """The ids of clauses, as the directive writes them."""
    found = set()
    for name in given:
        clause = directive.clause(name)
        if clause is None:
            raise ConfigError(
                f"--met: {directive.short} has no clause {name!r}; "
                f"see 'exchange-remediation catalog directive {directive.id}'"
            )
        found.add(clause.id)
    return frozenset(found)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which signed statements count for a host, and which count for nobody, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..judge.directive.sources import GivenAnswers
from .attestations import EVERYBODY, Attestation, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..catalog.records.directives import Directive


def attested_answers(
    statements: Iterable[Attestation],
    host: str,
    directive: Directive,
    hosts: Iterable[str] | None = None,
) -> tuple[list[GivenAnswers], list[str]]:
    """Return what persons say of a host, the oldest first, and sentences about what does not count.

    ``hosts``: all of the inventory, where it is known. A statement about none of them is said at hosts
    that it may be meant for, else at every host: nothing that was signed is lost without a word.
    """
    names = None if hosts is None else {plain(name) for name in hosts}
    sources: list[GivenAnswers] = []
    notes: list[str] = []
    for statement in statements:
        if statement.directive != directive.id:
            continue
        if statement.concerns(host):
            met, unfit = _met(statement, directive)
            sources.append(_given(statement, met))
            notes += unfit
        elif _is_lost(statement, host, names):
            notes.append(
                f"{statement.source} for {statement.host}: no host of the inventory has that name, so it "
                "counts for nobody; say it again for the name in the inventory"
            )
    return sources, notes


def _given(statement: Attestation, met: tuple[str, ...]) -> GivenAnswers:
    return GivenAnswers(
        statement.source, statement.answers, met, statement.not_met, at=statement.at, retracts=True
    )


def _met(statement: Attestation, directive: Directive) -> tuple[tuple[str, ...], list[str]]:
    """The clauses that it can say of a host; nobody has looked at each server for all of them."""
    if statement.host != EVERYBODY:
        return statement.met, []
    unfit = [
        name
        for name in statement.met
        if (clause := directive.clause(name)) is not None and clause.scope == "server"
    ]
    return tuple(name for name in statement.met if name not in unfit), [
        f"{statement.source} for all servers: {name} is asked of each server, so it is not met by that; "
        "say it for each of them"
        for name in unfit
    ]


def _is_lost(statement: Attestation, host: str, names: set[str] | None) -> bool:
    """Whether this host is where to say that a statement is about none of the inventory."""
    about = plain(statement.host)
    if names is None:
        return _may_be(about, plain(host))
    if about in names:
        return False
    near = any(_may_be(about, name) for name in names)
    return not near or _may_be(about, plain(host))


def _may_be(about: str, name: str) -> bool:
    """One of them is the other one with a domain behind, or a pattern was signed."""
    return (
        about.startswith(f"{name}.")
        or name.startswith(f"{about}.")
        or any(c in about for c in "*?[")
    )

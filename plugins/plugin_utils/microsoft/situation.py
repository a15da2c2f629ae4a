# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host's facts decides whether a tool may run there, and what stands there afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..facts.read import Facts, flag, text
from ..judge.knowledge import knowledge_of
from ..judge.mitigations.judge import judge_mitigation
from ..judge.mitigations.rewrite import front_end_sites
from ..judge.subject import subject as subject_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from ..catalog.catalog import Catalog
    from ..judge.mitigations.state import JudgedMitigation

_UPDATE = re.compile(r"Security Update for Exchange Server", re.IGNORECASE)
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Situation:
    """None: it could not be read, which is never taken for good."""

    installed: bool | None
    elevated: bool | None
    powershell: tuple[int, int] | None
    url_rewrite: bool | None
    security_updates: int | None  # as EOMT counts them: entries of the 64-bit list by name
    front_end: bool | None  # the site that the tools know is one
    other_sites: tuple[str, ...] | None  # front ends besides it


def situation(facts: Mapping[str, Any] | None, site: str = "Default Web Site") -> Situation:
    """Read it from the ``result`` of ``Get-ExchangeServerInfo``."""
    known = Facts.of(facts, ())
    version = _VERSION.match(text(known.value("powershell", "version")) or "")
    sites = front_end_sites(known)
    names = None if sites is None else [str(row["name"]) for row in sites.rows]
    return Situation(
        installed=flag(known.value("exchange", "installed")),
        elevated=flag(known.value("session", "elevated")),
        powershell=(int(version[1]), int(version[2])) if version else None,
        url_rewrite=flag(known.value("url_rewrite", "installed")),
        security_updates=_security_updates(known),
        front_end=None if names is None else site.casefold() in map(str.casefold, names),
        other_sites=None
        if names is None
        else tuple(name for name in names if name.casefold() != site.casefold()),
    )


def _security_updates(facts: Facts) -> int | None:
    listed = facts.listing("updates")
    if not listed.whole:
        return None
    counted = [row for row in listed.rows if row.get("source") == "uninstall"]
    names = [text(row.get("name")) or "" for row in counted if row.get("view") != "32"]
    return len([name for name in names if _UPDATE.match(name)])


def read_back(
    facts: Mapping[str, Any] | None,
    errors: Iterable[object],
    names: Iterable[str],
    catalog: Catalog,
    campaign: str,
    at: datetime,
) -> dict[str, JudgedMitigation]:
    """The states of these mitigations, judged by full content as in any assessment."""
    knowledge = knowledge_of(catalog)
    found = Facts.of(facts, errors)
    subject = subject_of(found, knowledge, knowledge.campaign(campaign), at)
    return {name: judge_mitigation(catalog.mitigation(name), subject) for name in names}

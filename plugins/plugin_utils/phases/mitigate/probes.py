# SPDX-License-Identifier: GPL-3.0-or-later
"""What our own requests to the front end prove: that a rule refuses, and that the pages still answer.

Pure. The server is asked over its loopback address (``Test-FrontEnd``), site by site.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...facts.read import Facts, named, number, rows, text
from ...judge.front_end import loopback_base
from ...judge.mitigations.rewrite import front_end_sites

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...catalog.records.mitigations import Mitigation

_HEALTH = ("owa", "ecp")  # applications with a health page that need no sign-in
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Question:
    """One probe; without a mitigation it asks a health page."""

    name: str
    site: str
    path: str
    mitigation: str | None
    parameters: dict[str, Any]
    pool: str | None = None  # the application pool that answers a health page


@dataclass(frozen=True, slots=True)
class Questions:
    """The probes of one server, and the sites that cannot be asked over the loopback address."""

    asked: tuple[Question, ...]
    unreachable: tuple[str, ...]

    def probes(self) -> list[dict[str, Any]]:
        """The requests to send: name, url, cookie and what is expected."""
        return [question.parameters for question in self.asked]


def questions(facts: Facts, mitigations: Iterable[Mitigation]) -> Questions:
    """The probes for a server: each mitigation on each front-end site, and the health pages."""
    found: list[Question] = []
    unreachable: list[str] = []
    wanted = tuple(mitigations)
    sites = front_end_sites(facts)
    for site in sites.rows if sites else ():
        name, base = str(site["name"]), loopback_base(site)
        if base is None:
            unreachable.append(name)
            continue
        for page in _HEALTH:
            path = f"/{page}/healthcheck.htm"
            health = _question(f"{page}-health", name, base, path, None, "status", None)
            found.append(replace(health, pool=_pool(site, f"/{page}")))
        for mitigation in wanted:
            for probe in mitigation.probes:
                label, cookie = f"{mitigation.id}/{probe.name}", probe.cookie
                found.append(
                    _question(label, name, base, probe.path, cookie, probe.expect, mitigation.id)
                )
    return Questions(tuple(found), tuple(unreachable))


def _question(
    label: str,
    site: str,
    base: str,
    path: str,
    cookie: str | None,
    expect: str,
    mitigation: str | None,
) -> Question:
    name = f"{label} on {site}"
    parameters = {"name": name, "url": f"{base}{path}", "cookie": cookie, "expect": expect}
    return Question(name, site, path, mitigation, parameters)


def _pool(site: dict[str, Any], application: str) -> str | None:
    """The application pool of one application of a site."""
    listed = named(rows(site.get("applications"), "path"), "path").get(application)
    return text(listed.get("app_pool")) if listed else None


@dataclass(frozen=True, slots=True)
class Answers:
    """What the front end answered to the questions."""

    questions: Questions
    rows: tuple[dict[str, Any], ...]

    def _row(self, question: Question) -> dict[str, Any]:
        return next((row for row in self.rows if row.get("name") == question.name), {})

    def proof(self, mitigation: Mitigation) -> tuple[bool | None, str | None]:
        """Whether the front end refuses what the mitigation must refuse, and in words.

        ``None, None``: the mitigation has no request that could prove it. ``None`` with words: it
        was asked and the answer proves nothing.
        """
        if not mitigation.probes:
            return None, None
        found = [q for q in self.questions.asked if q.mitigation == mitigation.id]
        if not found:
            return None, "no site that serves clients could be asked"
        for question in found:
            row = self._row(question)
            if row.get("outcome") == "status" and not _dead(row):
                return False, f"{question.name}: the request was answered ({_said(row)})"
            if row.get("outcome") != "aborted":
                return None, f"{question.name}: {_said(row)}, so the rule was not reached"
        weak = self._weakness({question.site for question in found})
        return (None, weak) if weak else (True, "our request was refused")

    def _weakness(self, sites: set[str]) -> str | None:
        """Why refusals prove nothing: a server that drops every connection looks mitigated."""
        alive = {q.site for q in self.questions.asked if q.mitigation is None and self._alive(q)}
        if silent := sorted(sites - alive):
            return f"no page of {', '.join(silent)} answers, so a refusal proves nothing"
        if self.questions.unreachable:
            names = ", ".join(self.questions.unreachable)
            return f"{names}: no binding answers on the loopback address"
        return None

    def _alive(self, question: Question) -> bool:
        row = self._row(question)
        return row.get("outcome") == "status" and not _dead(row)

    def healthy(self) -> set[tuple[str, str]]:
        """The (site, path) whose health page answers."""
        return {
            (q.site, q.path) for q in self.questions.asked if not q.mitigation and self._alive(q)
        }


def _dead(row: dict[str, Any]) -> bool:
    """Answered before any rule or application saw it: a stopped pool, a broken configuration."""
    status = number(row.get("status"))
    return status is None or status >= _SERVER_ERROR


def _said(row: dict[str, Any]) -> str:
    status = number(row.get("status"))
    if status is not None:
        return f"HTTP {status}"
    return text(row.get("error")) or text(row.get("outcome")) or "no answer"

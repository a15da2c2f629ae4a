# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook: the directive's actions in order, with the facts of each host filled in.

Decisions and signatures are left for people. Made from the report alone, as Markdown and as a page
that prints well; both from the same values.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from ...base.model import CheckStatus
from ..document import compromise_of, is_incident
from ..entries import entries, next_step, scan_reminders, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TEMPLATES = Path(__file__).parent / "templates"
# What Markdown could read as more than text in the middle of a line: marks, tags, tables, entities,
# and what GitHub makes a link of (addresses, www., mail).
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&@]|:(?=//)|(?<=[Ww]{3})\.)")
_TOLD = frozenset({CheckStatus.FINDING.value, CheckStatus.UNKNOWN.value})
_WORDS = {True: "yes", False: "no", None: "not known"}


def markdown_text(value: object) -> str:
    """Text of a host or an operator that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def runbook_md(report: Mapping[str, Any], only: Sequence[str] = ()) -> Iterator[str]:
    """The runbook in Markdown; ``only``: names of hosts, none: all."""
    yield from (
        _environment(html=False).get_template("runbook.md.j2").stream(**_context(report, only))
    )


def runbook_html(report: Mapping[str, Any], only: Sequence[str] = ()) -> Iterator[str]:
    """The runbook as one self-contained page: no script, nothing fetched."""
    style, digest = _style()
    yield from (
        _environment(html=True)
        .get_template("runbook.html.j2")
        .stream(
            # Our own file, hashed into the policy: the one value that is not escaped.
            style=Markup(style),  # noqa: S704
            style_hash=digest,
            **_context(report, only),
        )
    )


@cache
def _style() -> tuple[str, str]:
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    style += (_TEMPLATES / "runbook.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return style, f"sha256-{digest}"


@cache
def _environment(*, html: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=html,  # noqa: S701 - Markdown has an escaping of its own, the filter md
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["md"] = markdown_text
    environment.filters["word"] = lambda value: _WORDS.get(value, str(value))
    environment.filters["moment"] = _moment
    return environment


def _context(report: Mapping[str, Any], only: Sequence[str]) -> dict[str, Any]:
    hosts = [host for host in report["hosts"] if not only or host["host"] in only]
    return {
        "report": report,
        "hosts": sorted(hosts, key=_first_things),
        "organisation": _organisation(hosts),
        "titles": list(
            dict.fromkeys(host["directive"]["title"] for host in hosts if host.get("directive"))
        ),
        "verdict_of": verdict_of,
        "compromise_of": compromise_of,
        "detections_of": _detections,
        "scan_reminders": scan_reminders,
        "next_step": next_step,
        "actions_of": _actions,
    }


def _first_things(host: Mapping[str, Any]) -> tuple[int, int, str]:
    """Servers where something was found, then those to disconnect first, then those with something late."""
    wanted = host.get("directive")
    if is_incident(host):
        return (-1, 0, host["host"])
    if not wanted:
        return (2, 0, host["host"])
    return (0 if wanted["disconnect_first"] else 1, -len(wanted["late"]), host["host"])


def _detections(host: Mapping[str, Any]) -> list[str]:
    """What detection tools found, or why they prove nothing, a sentence each."""
    return [
        f"{line.name}: {line.summary}"
        for line in entries(host)
        if line.compromise and line.status in _TOLD
    ]


def _actions(host: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All that is asked because of a host, in the directive's order, with what is late marked."""
    wanted = host.get("directive")
    if not wanted:
        return []
    late = set(wanted["late"])
    return [{**action, "late": action["clause"] in late} for action in wanted["actions"]]


def _organisation(hosts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is asked of the organisation, once, in order, with the hosts because of which it is asked."""
    asked: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for host in hosts:
        for action in _actions(host):
            if action["scope"] == "organisation":
                asked.setdefault(action["clause"], []).append((host["host"], action))
    return sorted(
        (_together(found) for found in asked.values()), key=lambda entry: not entry["late"]
    )


def _together(found: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """One clause of several hosts. Ordered because of one server is ordered, and the reason is that one's."""
    ordered = [(host, action) for host, action in found if action["standing"] == "ordered"]
    counting = ordered or found
    reasons: dict[str, list[str]] = {}
    for host, action in counting:
        reasons.setdefault(action["reason"], []).append(host)
    every = len(reasons) == 1 and len(counting) == len(found)
    return {
        **counting[0][1],
        "hosts": [host for host, _action in counting],
        "reason": "; ".join(
            reason if every else f"{reason} ({', '.join(names)})"
            for reason, names in reasons.items()
        ),
        # Met only if nobody says otherwise.
        "met": all(action["met"] for _host, action in found),
        "late": any(action["late"] for _host, action in found),
    }


def _moment(action: Mapping[str, Any]) -> str:
    parts = ["LATE"] if action.get("late") else []
    parts += ["at once"] if action.get("urgent") else []
    parts += [f"by {action['due'].replace('T', ' ')}"] if action["due"] else []
    return ", ".join(parts) or "no time is set"

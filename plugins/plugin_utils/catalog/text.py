# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue's answers as lines of text, from the same values that ``--json`` prints."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from .records.builds import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WIDTH = 100
_NO_UPDATE = {"CU": "none, the base build", "RU": "none beyond the rollup"}
_ORDER = ("open", "disputed", "change-cu", "unknown", "unconfirmed", "needs-state")


def show_lines(answer: Mapping[str, Any]) -> Iterable[str]:
    if "product" not in answer:
        yield answer["message"]
        return
    yield from _identity(answer)
    yield ""
    yield "Campaigns"
    for campaign in answer["campaigns"]:
        yield f"  {campaign['id']:<18} {campaign['status']:<13} {campaign['remedy']}"
        if campaign["mitigations_to_remove"]:
            names = ", ".join(campaign["mitigations_to_remove"])
            yield f"  {'':<32} remove if present: {names}"
    yield ""
    yield "Vulnerabilities: " + ", ".join(f"{n} {s}" for s, n in answer["counts"].items())
    yield from _groups(answer["vulnerabilities"])
    yield ""
    yield "What closes them"
    yield from _remedy(answer["remedy"])
    if answer["successor"]:
        name = answer["product_name"]
        yield f"  {name} gets no more updates: move to {answer['successor']}"


def _identity(answer: Mapping[str, Any]) -> Iterable[str]:
    entry = answer["entry"]
    title = f"{answer['product_name']} {answer['cumulative_update']}"
    yield f"{answer['build']}  {title}, base build of {answer['cumulative_update_released']}"
    if entry:
        update = " ".join(filter(None, (entry["update"], entry["kb"]))) or _NO_UPDATE.get(
            entry["kind"], "unnamed"
        )
        yield f"  update    {update}, released {entry['release_date']}"
        if entry["entitlement"] != "public":
            yield f"  only for  {entry['entitlement'].upper()} (Extended Security Updates)"
        mark = "" if entry["confidence"] == "read" else f" [{entry['confidence']}]"
        yield f"  source    {entry['source']}{mark}, read {entry['read']}"
        if entry["note"]:
            yield f"  note      {entry['note']}"
    else:
        near = answer["neighbours"]
        sides = [f"{near[side]['build']} {side}" for side in ("below", "above") if near[side]]
        yield f"  update    UNKNOWN: this build is in no table; nearest: {', '.join(sides)}"
        yield "            judged within its cumulative update; if it is genuine, add it to builds/"
    for phase in answer["support"]:
        yield f"  support   {phase['at']} ({phase['why']}): {phase['status']} - {phase['note']}"


def _groups(fixes: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """One entry for each update that is missing, with the CVEs that it closes."""
    groups: dict[tuple[int, tuple[int, ...], str, str], list[str]] = {}
    for fix in fixes:
        status, build = fix["status"], fix["fixed_build"]
        if status not in _ORDER:
            continue
        order = tuple(map(int, build.split("."))) if build else ()
        what = fix["note"]
        if status in OPEN and build:
            esu = "" if fix["entitlement"] == "public" else f", {fix['entitlement'].upper()} only"
            what = f"{fix['fixed_cu']} {fix['kb'] or 'update'} ({build}{esu})"
        read = f", read {fix['read']}" if fix["read"] else ""
        if status == "disputed":
            what = (
                f"{what} by {fix['source']}{read}; {fix['disputed_from']} by "
                f"{fix['disputed_source']}, read {fix['disputed_read']}: counts as open"
            )
        else:
            what += read
        mark = "" if fix["confidence"] in ("read", "derived") else f" [{fix['confidence']}]"
        groups.setdefault((_ORDER.index(status), order, status, what), []).append(fix["cve"] + mark)
    for (_rank, _build, status, what), cves in sorted(groups.items()):
        yield f"  {status:<12} {what}"
        indent = " " * 17
        yield from textwrap.wrap(
            ", ".join(cves),
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )


def _remedy(remedy: Mapping[str, Any]) -> Iterable[str]:
    update, newest = remedy["update"], remedy["newest"]
    if update:
        closed = len(remedy["closed_by_update"])
        yield (
            f"  newest update for {update['cu']}: {update['kb']} ({update['build']}), closes {closed}"
            + (
                ""
                if update["entitlement"] == "public"
                else f"; {update['entitlement'].upper()} only"
            )
        )
    else:
        yield "  there is no newer update for this cumulative update"
    if remedy["closed_by_newest"]:
        kb = f" {newest['kb']}" if newest["kb"] else ""
        yield (
            f"  change to {newest['cu']} with{kb or ' its update'} ({newest['build']}), "
            f"closes {len(remedy['closed_by_newest'])} more"
        )
    if remedy["remaining"]:
        yield f"  closed by no confirmed build of this product: {', '.join(remedy['remaining'])}"


def campaign_lines(answer: Mapping[str, Any]) -> Iterable[str]:
    yield f"{answer['title']}  ({answer['id']}, published {answer['published']})"
    yield f"  {answer['summary']}"
    yield f"  directive   {answer['directive_title'] or 'none'}"
    window = answer["log_window"]
    start = window["start"] or "unknown: no log is enough"
    yield f"  log window  from {start} ({window['reason']})"
    yield "CVEs"
    for cve in answer["cves"]:
        kind = "related" if cve["related"] else cve["kind"]
        update = answer["updates"].get(cve["cve"])
        mitigations = ", ".join(cve["mitigations"]) or "no mitigation"
        yield f"  {cve['cve']:<15} {kind:<11} fixed by {update} ({cve['fix']}); {mitigations}"
    for mitigation in answer["mitigation_details"]:
        yield f"Mitigation {mitigation['id']}: {mitigation['title']}"
        yield f"  impact   {mitigation['impact']}"
        yield f"  limits   {mitigation['limits']}"
        removal = mitigation["removal"]
        builds = ", ".join(f"{row['cu']} {row['build']}" for row in removal["builds"])
        yield f"  remove   {f'from {builds}' if builds else 'once fixed'}: {removal['reason']}"
    for title, key in (("Before any change", "triage"), ("Beyond the update", "steps")):
        if answer[key]:
            yield title
        for row in answer[key]:
            scope = f" ({row['scope']})" if "scope" in row else ""
            yield f"  {row['id']:<20} {row['title']}{scope}"
    for name, text in answer["notes"].items():
        yield f"Note {name}: {text}"

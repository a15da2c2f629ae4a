# SPDX-License-Identifier: GPL-3.0-or-later
"""The host around Exchange: restart, room, anti-malware, and what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.model import CheckResult, Severity
from ...facts.read import label, number, rows, text
from .. import check as checks
from ..role import SERVER

if TYPE_CHECKING:
    from ...facts.read import Facts
    from ..subject import Subject

_GIB = 1024**3
# Our own working values: room for a triage and an update, and where Exchange's own back
# pressure and Windows itself get into trouble. No source states a number for the update.
WANTED_BYTES = 5 * _GIB
LEAST_BYTES = 1 * _GIB


def check_reboot(facts: Facts) -> CheckResult:
    """Judge ``reboot.pending``."""
    check = "reboot.pending"
    listed = facts.listing("pending_reboot")
    sources = [label(row.get("source"), "an unnamed source") for row in listed.rows]
    if sources:
        return checks.finding(
            check,
            f"A restart is pending according to {checks.several(sorted(set(sources)))}.",
            "Restart before the next update, once the volatile evidence is saved.",
            {"sources": sources},
        )
    if not listed.whole:
        return checks.unknown(check, f"Could not be read: {facts.why('pending_reboot')}.")
    return checks.passed(check, "No source asks for a restart.")


def check_disks(facts: Facts) -> CheckResult:
    """Judge ``disk.space``."""
    check = "disk.space"
    listed = facts.listing("disks")
    tight, unread, least = [], [], None
    for row in listed.rows:
        root = label(row.get("root"))
        free = number(row.get("free_bytes"))
        if free is None:
            unread.append(root)
        elif free < WANTED_BYTES:
            tight.append(f"{root} {free / _GIB:.1f} GiB")
            least = free if least is None else min(least, free)
    if tight and least is not None:
        return checks.finding(
            check,
            f"Less than {WANTED_BYTES // _GIB} GiB are free on {checks.several(tight)}.",
            "Make room without deleting logs: they are evidence.",
            severity=Severity.HIGH if least < LEAST_BYTES else Severity.MEDIUM,
        )
    if unread or not listed.whole or not listed.rows:
        names = checks.several(unread) or facts.why("disks")
        return checks.unknown(check, f"Could not be read: {names}.")
    return checks.passed(check, f"At least {WANTED_BYTES // _GIB} GiB are free on every drive.")


def check_antimalware(facts: Facts) -> CheckResult:
    """Judge ``antimalware.present``: of the products that are known by their service."""
    check = "antimalware.present"
    listed = facts.listing("antimalware")
    running = [row for row in listed.rows if row.get("status") == "Running"]
    names = [label(row.get("product")) for row in running or listed.rows]
    if running:
        return checks.passed(check, f"Runs: {checks.several(names)}.", {"products": names})
    if not listed.whole or any(text(row.get("status")) is None for row in listed.rows):
        return checks.unknown(check, f"Could not be read: {facts.why('antimalware')}.")
    if names:
        return checks.finding(
            check,
            f"Installed, but does not run: {checks.several(names)}.",
            "Find out who stopped it: an intruder does that too.",
            {"products": names},
        )
    return checks.finding(
        check,
        "None of the known products has a service here.",
        "Install and enable one, or record which product protects this server.",
        {"products": []},
    )


def check_iis(subject: Subject) -> CheckResult:
    """Judge ``iis.readable``: without it neither rules nor application pools can be judged."""
    check, facts = "iis.readable", subject.facts
    if subject.installed is False or subject.kind != SERVER:
        return checks.not_applicable(check, "This host has no client access services.")
    gaps = {name: facts.why(name) for name in ("iis", "url_rewrite") if facts.section(name) is None}
    iis = facts.section("iis")
    if iis is not None:
        pools, sites = rows(iis.get("app_pools")), rows(iis.get("sites"))
        if not (pools.whole and sites.whole):
            gaps["sites and application pools"] = facts.why("iis")
        if any(row.get("state") in (None, "Unknown") for row in (*pools.rows, *sites.rows)):
            gaps["state of sites and application pools"] = facts.why("iis")
    if gaps:
        words = checks.several([f"{name}: {why}" for name, why in gaps.items()], "; ")
        return checks.unknown(check, f"Could not be read: {words}.", evidence={"gaps": gaps})
    return checks.passed(check, "Sites, application pools and rewrite rules were read.")


def check_complete(facts: Facts) -> CheckResult:
    """Judge ``facts.complete``."""
    gaps = facts.gaps()
    if gaps:
        words = checks.several([f"{name}: {why}" for name, why in sorted(gaps.items())], "; ")
        return checks.unknown(
            "facts.complete",
            f"Parts are missing: {words}.",
            "Whatever rests on them is unknown; remove the cause and assess again.",
            {"gaps": gaps},
        )
    return checks.passed("facts.complete", "Every part was read.")

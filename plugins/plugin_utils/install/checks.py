# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be so before an installer is started. Pure over facts, snapshot and the operator's word.

A fact that could not be read stops as well (I19): an installer that meets a surprise leaves a
server that has to be recovered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base.model import CheckStatus
from ..change.checks import Precheck, PrecheckStatus
from ..facts.read import Facts, number, rows, text
from ..judge.front_end import front_end_probes
from ..judge.role import server_role
from ..judge.subject import build_of, product_line
from .models import Action, HostReading, UpdateSelection
from .reading import at_work

if TYPE_CHECKING:
    from datetime import datetime

    from ..base.model import Assessment
    from ..change.policy import Policy

_TIMES = (
    3  # the package, its cached copy in Windows\\Installer, and the files kept for the roll-back
)
# Of an assessment: what an installer must not be started on. The rest is shown by assess.
_ASSESSED = ("exchange.present", "services.disabled", "path.agreement", "session.elevated")


def common_prechecks(
    choice: UpdateSelection,
    facts: Facts,
    snapshot: dict[str, Any] | None,
    assessment: Assessment | None,
    policy: Policy,
    now: datetime,
) -> tuple[Precheck, ...]:
    """Everything but the room: what holds for whatever is installed."""
    return (
        _update(choice),
        _approvals(policy),
        _window(policy, now),
        _reboot(facts),
        _installer(snapshot),
        *_assessed(assessment),
        _service_cache(snapshot),
        _interim(facts),
        _dag(facts, policy),
        _front_end(facts),
        _script_policy(facts),
        _antimalware(facts),
    )


def blocking(checks: tuple[Precheck, ...]) -> tuple[Precheck, ...]:
    """Those because of which nothing is started."""
    return tuple(check for check in checks if check.blocks)


def _update(choice: UpdateSelection) -> Precheck:
    status = PrecheckStatus.PASS if choice.action is Action.INSTALL else PrecheckStatus.STOP
    return Precheck("patch.update", status, choice.reason, choice.remedy)


def _approvals(policy: Policy) -> Precheck:
    if policy.missing:
        return Precheck(
            "patch.approval",
            PrecheckStatus.STOP,
            f"The policy of this inventory asks for {', '.join(policy.missing)}.",
            "Give them as variables; they are recorded with the change.",
        )
    words = ", ".join(f"{name} {value}" for name, value in sorted(policy.approvals.items()))
    return Precheck("patch.approval", PrecheckStatus.PASS, words or "No approval is required.")


def _window(policy: Policy, now: datetime) -> Precheck:
    left = policy.seconds_left(now)
    if left is None:
        return Precheck("patch.window", PrecheckStatus.PASS, "No maintenance window is given.")
    summary = f"The window is open for {max(left, 0)} s, the change may take {policy.seconds} s."
    if left < policy.seconds:
        return Precheck(
            "patch.window",
            PrecheckStatus.STOP,
            summary,
            "Run again in the next window with a later end.",
        )
    return Precheck("patch.window", PrecheckStatus.PASS, summary)


def _reboot(facts: Facts) -> Precheck:
    listed = facts.listing("pending_reboot")
    sources = [text(row.get("source")) or "?" for row in listed.rows]
    if sources:
        return Precheck(
            "patch.reboot-pending",
            PrecheckStatus.STOP,
            f"A restart is pending ({', '.join(sources)}): what is installed now can be reverted "
            "by it although the installer reports success.",
            "Restart first, as a step of its own, then run again.",
        )
    if not listed.whole:
        why = facts.why("pending_reboot")
        return Precheck(
            "patch.reboot-pending", PrecheckStatus.UNKNOWN, f"Could not be read: {why}."
        )
    return Precheck("patch.reboot-pending", PrecheckStatus.PASS, "No restart is pending.")


def _disk(choice: UpdateSelection, facts: Facts, policy: Policy) -> list[Precheck]:
    size = choice.package.size if choice.package else policy.package_bytes
    if size is None:
        return [
            Precheck("patch.disk", PrecheckStatus.UNKNOWN, "The size of the package is not known.")
        ]
    needed = _TIMES * size + policy.room_bytes
    listed = facts.listing("disks")
    found: list[Precheck] = []
    covered: set[str] = set()
    for row in listed.rows:
        purposes = {p for p in row.get("purposes") or () if isinstance(p, str)}
        if not purposes & {"system", "exchange", "temp"}:
            continue
        covered |= purposes
        found.append(_drive(text(row.get("root")) or "?", number(row.get("free_bytes")), needed))
    for purpose in sorted({"system", "exchange"} - covered):
        why = facts.why("disks")
        found.append(Precheck("patch.disk", PrecheckStatus.UNKNOWN, f"The {purpose} drive: {why}."))
    return found


def _drive(root: str, free: int | None, needed: int) -> Precheck:
    if free is None:
        return Precheck(
            "patch.disk", PrecheckStatus.UNKNOWN, f"{root}: the free space is not known."
        )
    summary = f"{root} has {free // _MIB} MiB free, {needed // _MIB} MiB are needed."
    if free < needed:
        remedy = "Make room (logs, temporary files), then run again."
        return Precheck("patch.disk", PrecheckStatus.STOP, summary, remedy)
    return Precheck("patch.disk", PrecheckStatus.PASS, summary)


_MIB = 1 << 20


def _installer(snapshot: dict[str, Any] | None) -> Precheck:
    listed = rows(snapshot.get("installers") if snapshot else None)
    if names := at_work(HostReading(None, snapshot)):
        return Precheck(
            "patch.installer",
            PrecheckStatus.STOP,
            f"Another installation or Windows Update is at work: {', '.join(names)}.",
            "Wait until it has ended; it is never interrupted from here.",
        )
    if not listed.whole:
        return Precheck(
            "patch.installer", PrecheckStatus.UNKNOWN, "The processes could not be read."
        )
    return Precheck("patch.installer", PrecheckStatus.PASS, "No other installer is at work.")


def _assessed(assessment: Assessment | None) -> list[Precheck]:
    if assessment is None:
        return [
            Precheck(
                "patch.assessment", PrecheckStatus.UNKNOWN, "The server could not be assessed."
            )
        ]
    found = []
    for check in assessment.checks:
        if check.check not in _ASSESSED:
            continue
        status = {
            CheckStatus.PASS: PrecheckStatus.PASS,
            CheckStatus.NOT_APPLICABLE: PrecheckStatus.NOT_APPLICABLE,
            CheckStatus.FINDING: PrecheckStatus.STOP,
        }.get(check.status, PrecheckStatus.UNKNOWN)
        found.append(Precheck(f"patch.{check.check}", status, check.summary, check.remedy))
    return found


def _service_cache(snapshot: dict[str, Any] | None) -> Precheck:
    listed = rows(snapshot.get("service_cache") if snapshot else None)
    names = [text(row.get("path")) or "?" for row in listed.rows]
    if names:
        return Precheck(
            "patch.service-cache",
            PrecheckStatus.STOP,
            f"An earlier installation left its list of services: {', '.join(names)}. The installer "
            "would take the start types in it for the original ones.",
            "Correct the start types, rename the files, then run again.",
        )
    if not listed.whole:
        return Precheck(
            "patch.service-cache", PrecheckStatus.UNKNOWN, "The setup logs cannot be read."
        )
    return Precheck("patch.service-cache", PrecheckStatus.PASS, "No leftover list of services.")


def _interim(facts: Facts) -> Precheck:
    listed = facts.listing("updates")
    names = [text(row.get("name")) or "" for row in listed.rows]
    interim = [name for name in names if "interim update" in name.casefold()]
    if interim:
        return Precheck(
            "patch.interim-update",
            PrecheckStatus.STOP,
            f"Interim updates are installed: {', '.join(interim)}.",
            "Remove interim updates first; Microsoft's updates do not install over them.",
        )
    if not listed.whole:
        return Precheck(
            "patch.interim-update", PrecheckStatus.UNKNOWN, "The updates cannot be read."
        )
    return Precheck("patch.interim-update", PrecheckStatus.PASS, "No interim update is installed.")


def _dag(facts: Facts, policy: Policy) -> Precheck:
    section = facts.section("dag")
    if section is None:
        return Precheck("patch.dag", PrecheckStatus.UNKNOWN, f"DAG or not: {facts.why('dag')}.")
    name = text(section.get("name"))
    if name is None and section.get("cluster_service") is None:
        return Precheck("patch.dag", PrecheckStatus.PASS, "Not a member of a DAG.")
    guard = policy.guard
    member = f"Member of the DAG {name}" if name else "Member of a cluster whose name is not known"
    if guard is None:
        return Precheck(
            "patch.dag",
            PrecheckStatus.STOP,
            f"{member}, and nobody has said that the others can do without it.",
            "Put it into maintenance mode and give the answer of the DAG guard (allowed, reason, by).",
        )
    status = PrecheckStatus.PASS if guard.allowed else PrecheckStatus.STOP
    return Precheck("patch.dag", status, f"{member}; {guard.by} says: {guard.reason}.")


def _front_end(facts: Facts) -> Precheck:
    """What could not be proven afterwards is not begun."""
    role, asking = server_role(facts), front_end_probes(facts)
    if not role.client_access:
        return Precheck(
            "patch.front-end",
            PrecheckStatus.NOT_APPLICABLE,
            f"This is {role.title}: no front end is asked.",
        )
    if asking.unreachable:
        return Precheck(
            "patch.front-end",
            PrecheckStatus.STOP,
            f"No https binding of {', '.join(asking.unreachable)} answers on the loopback address, "
            "so nobody could tell afterwards whether it serves clients.",
            "Give the site back the binding 127.0.0.1:443 that setup makes.",
        )
    names = ", ".join(probe["name"] for probe in asking.asked)
    return Precheck("patch.front-end", PrecheckStatus.PASS, f"Will be asked: {names}.")


# A group policy for scripts is looked up by WMI, which the installer stops: then no script may run, the step that
# gives the services back fails, and the server stays down. Microsoft says it of every policy and of 2010 and
# 2013 (KB2810617, read 2026-12-01); of later versions only of those that stop scripts which are not signed.
_ANY_POLICY = frozenset({"Exchange2010", "Exchange2013"})
_HARMLESS = frozenset({"remotesigned", "unrestricted", "bypass"})


def _script_policy(facts: Facts) -> Precheck:
    section = facts.section("powershell")
    if section is None:
        why = facts.why("powershell")
        return Precheck("patch.script-policy", PrecheckStatus.UNKNOWN, f"Not known: {why}.")
    policy = text(section.get("script_policy"))
    if policy is None:
        return Precheck(
            "patch.script-policy",
            PrecheckStatus.PASS,
            "No group policy says which scripts may run.",
        )
    exsetup = facts.value("exchange", "exsetup")
    build = build_of(exsetup.get("file_version")) if isinstance(exsetup, dict) else None
    product = product_line(build)
    summary = (
        f"A group policy says which scripts may run ({policy}; {product or 'product not known'})."
    )
    if policy.casefold() in _HARMLESS and product is not None and product not in _ANY_POLICY:
        return Precheck("patch.script-policy", PrecheckStatus.NOTE, summary)
    return Precheck(
        "patch.script-policy",
        PrecheckStatus.STOP,
        f"{summary} The installer stops WMI, which looks the policy up, and then fails half-way with the "
        "services disabled.",
        "Take the server out of the policy 'Turn on Script Execution' (computer), run gpupdate, then run "
        "again; give it back afterwards.",
    )


def _antimalware(facts: Facts) -> Precheck:
    listed = facts.listing("antimalware")
    running = sorted(
        text(row.get("product")) or "?" for row in listed.rows if row.get("status") == "Running"
    )
    if not running:
        words = "No known anti-malware product runs." if listed.whole else "Could not be read."
        return Precheck("patch.antimalware", PrecheckStatus.NOTE, words)
    return Precheck(
        "patch.antimalware",
        PrecheckStatus.NOTE,
        f"{', '.join(running)} may slow the installer down or block it.",
        "Microsoft advises to pause it for the installation; it is never switched off from here.",
    )

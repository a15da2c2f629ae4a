# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults at the commands of a drill: the change is made once, and ends the same (I15).

The full product of faults, commands and moments takes minutes. What the client sees falls into the
classes below; the first kind of a class strikes every command, the others strike the first command
of each operation that changes something, where a mistake would act twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.faults import (
    OUTPUT_ACTION,
    OUTPUT_KINDS,
    FaultRule,
)
from drill import changes, end_state
from line import Line
from sampling import again as so_again
from sampling import drawn

if TYPE_CHECKING:
    from drill import Drill, Rehearsed
    from endpoint import Endpoint

CLASSES = {
    "the connection breaks": ("reset", "drop", "truncate"),
    "the service is in trouble": ("fault", "quota", "http500", "http503"),
    "the service is slow": ("optimeout",),
    "silence": ("hang", "delay"),
    "somebody else answers": ("garbage", "flood"),
    "what a WinRM service never says": ("redirect", "gzip"),
    "the login is rejected": ("http401", "locked-out"),
    "the command is disturbed": ("cut", *(kind for kind in OUTPUT_KINDS if kind != "cut")),
}
FULL = tuple(kinds[0] for kinds in CLASSES.values())
# After these a run ends at once; the same run, started again later, goes on.
TERMINAL = ("redirect", "gzip", "http401", "locked-out")
_ACTIONS = ("Create", "Command", "Send", "Receive", "Signal")
_WHEN = ("before", "after")
_HANGING = 0.3  # seconds until the client gives up


@dataclass(frozen=True)
class Fault:
    """One kind of fault, and whether the host has acted when it strikes."""

    kind: str
    rule: FaultRule
    full: bool  # at every command

    def __str__(self) -> str:
        """Say what strikes where: the id of the test."""
        action = self.rule.action.lower().replace("*", "any")
        parts = (self.kind, action, self.rule.when)
        return "-".join(parts[:2] if self.rule.action == OUTPUT_ACTION else parts)


def faults() -> list[Fault]:
    """Every kind of fault, before and after the host acted."""
    return [
        Fault(kind, rule, kind in FULL)
        for kinds in CLASSES.values()
        for kind in kinds
        for rule in _rules(kind)
    ]


def _rules(kind: str) -> list[FaultRule]:
    if kind in OUTPUT_KINDS:
        return [FaultRule(kind, OUTPUT_ACTION)]
    if kind == "flood":  # only of Receive, and more of it than the client takes
        return [FaultRule(kind, "Receive", when=when, times=30) for when in _WHEN]
    if kind == "locked-out":  # for ever, whatever is asked
        return [FaultRule("http401", when=when, times=0) for when in _WHEN]
    # With the last piece of input the host acts; what it did is lost with the answer to Receive.
    return [FaultRule(kind, "Send", when="before"), FaultRule(kind, "Receive", when="after")]


def everywhere(kind: str) -> list[Fault]:
    """One kind of fault at every request of the commands that change something."""
    rules = [FaultRule(kind, action, when=when) for action in _ACTIONS for when in _WHEN]
    return [Fault(kind, rule, full=False) for rule in rules if rule not in _rules(kind)]


@dataclass(frozen=True)
class Calm:
    """The undisturbed run."""

    asked: tuple[str, ...]
    verdict: str
    state: dict[str, Any]
    changes: list[tuple[str, str]]

    def struck(self, fault: Fault) -> list[int]:
        """The commands that a fault strikes."""
        numbered = enumerate(self.asked)
        if fault.full:  # of a question that is asked again and again, the first
            return [n for n, operation in numbered if n == 0 or operation != self.asked[n - 1]]
        first = {operation: number for number, operation in reversed(list(numbered))}
        return sorted(n for name, n in first.items() if not name.startswith(("Get-", "Test-")))


@cache
def calm(drill: Drill, endpoint: Endpoint, *, wire: bool = False) -> Calm:
    """Run it once without a fault."""
    line = Line(endpoint, wire=wire)
    host = begin(drill, line)
    verdict = host.act("run-1")
    line.close()
    return Calm(tuple(line.asked), verdict, end_state(host.world), changes(host.world))


def begin(drill: Drill, line: Line) -> Rehearsed:
    """Put a fresh host of the drill behind the endpoint."""
    host = drill.begin(line)
    line.endpoint.begin(host.world)
    return host


def sweep(endpoint: Endpoint, drill: Drill, fault: Fault, *, whole: bool = False) -> int:
    """Strike the commands that are drawn, or the whole sweep, one by one; returns how many.

    Raises AssertionError naming each wrong end and the sample.
    """
    undisturbed = calm(drill, endpoint)
    struck = undisturbed.struck(fault)
    if not whole:
        struck = drawn(struck, f"{drill.name} {fault}")
    wrong = [
        f"{fault} at command {number}, {undisturbed.asked[number]}: {objection}"
        for number in struck
        if (objection := _strike(endpoint, drill, fault, number))
    ]
    assert not wrong, "\n".join([*wrong, so_again()])
    return len(struck)


def _strike(endpoint: Endpoint, drill: Drill, fault: Fault, number: int) -> str | None:
    """Run with one fault; returns what is wrong about how it ended."""
    hangs = fault.kind == "hang"
    line = Line(endpoint, number, fault.rule, patience=_HANGING if hangs else 10.0)
    host = begin(drill, line)
    verdict = host.act("run-1")
    line.close()
    if not endpoint.fired:
        return "the fault was not injected"
    good = {drill.done}
    if fault.kind in TERMINAL and verdict != drill.done:
        if objection := _badly_ended(drill, host, fault, verdict, endpoint.fired):
            return objection
        verdict = again(endpoint, line, host)
        good = {drill.done, drill.again}
    if verdict not in good:
        return f"ended as {verdict}"
    return difference(host, calm(drill, endpoint))


def _badly_ended(
    drill: Drill, host: Rehearsed, fault: Fault, verdict: str, fired: int
) -> str | None:
    """What is wrong about a run that a terminal fault ended."""
    stopped, unknown = drill.stopped
    if verdict not in (stopped, unknown):
        return f"ended as {verdict}"
    if verdict == stopped and changes(host.world):
        return f"{verdict} although the host was changed: {changes(host.world)}"
    if fault.rule.kind == "http401" and fired > 1:
        return f"{fired} requests after a rejected login"
    return None


def again(endpoint: Endpoint, line: Line, host: Rehearsed) -> str:
    """The fault is gone, and an hour later the same run is started again."""
    endpoint.call(endpoint.clear)
    line.at = None
    host.sleep(3600)
    return host.act("run-1")


def difference(host: Rehearsed, undisturbed: Calm) -> str | None:
    """How a host differs from that of the undisturbed run."""
    if changes(host.world) != undisturbed.changes:
        return f"other changes: {_other(changes(host.world), undisturbed.changes)}"
    found = end_state(host.world)
    for part, value in undisturbed.state.items():
        if found[part] == value:
            continue
        if not isinstance(value, dict):
            return f"another {part}: {found[part]}"
        keys = {**value, **found[part]}
        return f"another {part}: {[k for k in keys if value.get(k) != found[part].get(k)]}"
    return None


def _other(found: list[tuple[str, str]], wanted: list[tuple[str, str]]) -> list[str]:
    """What was done too often (+) or too seldom (-), or the first in another order."""
    lines = [
        f"{count:+} {' '.join(change)}"
        for change in dict.fromkeys(found + wanted)
        if (count := found.count(change) - wanted.count(change))
    ]
    pairs = zip(found, wanted, strict=False)
    return lines or [next(" ".join(one) for one, two in pairs if one != two)]

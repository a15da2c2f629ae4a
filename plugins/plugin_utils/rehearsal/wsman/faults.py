# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults by rule: what goes wrong, on which request, how often, before or after the host acted.

A rule as people write it (scenario file, Python, ``rehearse faults add``)::

    {kind: reset, action: Receive, host: "ex*", operation: Get-ExchangeServerInfo,
     when: after, skip: 0, times: 1}

``kind`` is one of drop, reset, truncate, garbage, hang, delay (``seconds``), httpNNN, fault
(``code``), quota, optimeout, redirect, gzip, flood; or of what a command prints: empty, cut,
noise, clixml, nonce. ``times: 0`` means for ever.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import Counter
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError
from . import envelopes
from .http import Breakage, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

OUTPUT_ACTION = "Output"
ACTIONS = ("*", "Create", "Command", "Send", "Receive", "Signal", "Delete", "Get", OUTPUT_ACTION)
REQUEST_KINDS = (
    "drop",
    "reset",
    "truncate",
    "garbage",
    "hang",
    "delay",
    "fault",
    "quota",
    "optimeout",
    "redirect",
    "gzip",
    "flood",
)
OUTPUT_KINDS = ("empty", "cut", "noise", "clixml", "nonce")
KINDS = REQUEST_KINDS + OUTPUT_KINDS
WHEN = ("before", "after")
_HTTP = re.compile(r"http([1-5]\d\d)")
_ELSEWHERE = b"Location: http://127.77.255.254:9/elsewhere"
_MEGABYTE = 1 << 20
_GARBAGE = b"<html><body><h1>Please sign in to the proxy</h1></body></html>"


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One rule; patterns are shell patterns and ignore case."""

    kind: str
    action: str = "*"
    host: str = "*"
    operation: str = "*"
    when: str = "before"
    skip: int = 0
    times: int = 1
    code: int = envelopes.ERROR_BUSY
    seconds: float = 1.0

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> FaultRule:
        """Read a rule; raises ConfigError that says what is wrong and what is possible."""
        if not isinstance(values, dict) or "kind" not in values:
            raise ConfigError(f"fault rule {values!r}: give a mapping with `kind`.")
        known = {item.name for item in fields(cls)}
        if unknown := set(values) - known:
            raise ConfigError(
                f"fault rule: {', '.join(sorted(map(str, unknown)))} is not known;"
                f" known are {', '.join(sorted(known))}."
            )
        rule = cls(**values)
        rule._check()
        return rule

    def _check(self) -> None:
        if self.kind not in KINDS and not _HTTP.fullmatch(str(self.kind)):
            raise ConfigError(
                f"fault rule: kind {self.kind!r} is not one of {', '.join(KINDS)}, httpNNN."
            )
        if self.action not in ACTIONS:
            raise ConfigError(
                f"fault rule: action {self.action!r} is not one of {', '.join(ACTIONS)}."
            )
        output = self.kind in OUTPUT_KINDS
        if self.action != "*" and (self.action == OUTPUT_ACTION) != output:
            raise ConfigError(
                f"fault rule: kind {self.kind!r} does not go with action {self.action!r};"
                f" {', '.join(OUTPUT_KINDS)} go with {OUTPUT_ACTION}, the others do not."
            )
        if self.when not in WHEN:
            raise ConfigError(f"fault rule: when {self.when!r} is not `before` or `after`.")
        for name in ("skip", "times", "code", "seconds"):
            value = getattr(self, name)
            whole = name != "seconds"
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise ConfigError(f"fault rule: {name} {value!r} is not a number.")
            if value < 0:
                raise ConfigError(f"fault rule: {name} {value!r} is less than zero.")

    def to_mapping(self) -> dict[str, Any]:
        """Return the rule as ``from_mapping`` reads it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Occasion:
    """One request at one moment, as a rule sees it."""

    host: str
    action: str
    operations: tuple[str, ...]  # of the command that the request belongs to
    when: str


@dataclass(slots=True)
class _Armed:
    rule: FaultRule
    seen: int = 0
    fired: int = 0

    def matches(self, occasion: Occasion) -> bool:
        rule = self.rule
        output = occasion.action == OUTPUT_ACTION
        if output != (rule.kind in OUTPUT_KINDS) or rule.action not in ("*", occasion.action):
            return False
        if rule.when != occasion.when and not output:
            return False
        if not fnmatchcase(occasion.host.lower(), rule.host.lower()):
            return False
        wanted = rule.operation.lower()
        return wanted == "*" or any(
            fnmatchcase(name.lower(), wanted) for name in occasion.operations
        )

    def strikes(self) -> bool:
        """Count a match; tell whether the rule acts this time."""
        self.seen += 1
        if self.seen <= self.rule.skip or (self.rule.times and self.fired >= self.rule.times):
            return False
        self.fired += 1
        return True


class FaultPlan:
    """The rules of a fleet with their counters; the first that strikes wins."""

    __slots__ = ("_armed", "fired")

    def __init__(self, rules: Iterable[FaultRule] = ()) -> None:
        """Arm the rules in their order."""
        self._armed = [_Armed(rule) for rule in rules]
        self.fired: Counter[str] = Counter()  # by host

    def __bool__(self) -> bool:
        """True if there is any rule."""
        return bool(self._armed)

    def add(self, rule: FaultRule) -> None:
        """Arm one more rule."""
        self._armed.append(_Armed(rule))

    def clear(self) -> int:
        """Disarm all; return how many there were."""
        count = len(self._armed)
        self._armed.clear()
        return count

    def describe(self) -> list[dict[str, Any]]:
        """Return the rules with how often each was seen and has fired."""
        return [
            {**armed.rule.to_mapping(), "seen": armed.seen, "fired": armed.fired}
            for armed in self._armed
        ]

    def strike(self, occasion: Occasion) -> FaultRule | None:
        """Return the rule that acts on this occasion, if any."""
        for armed in self._armed:
            if armed.matches(occasion) and armed.strikes():
                self.fired[occasion.host] += 1
                return armed.rule
        return None


def broken(
    rule: FaultRule, response: Response | None, encode: Callable[[envelopes.Fault], Response]
) -> Response:
    """Return what is sent because of a rule.

    ``response`` is what the host would have said, if it acted; ``encode`` turns a fault into a
    response of this connection (sealed if need be).
    """
    if rule.kind == "delay" and response is not None:
        return response
    if rule.kind == "truncate":
        whole = response or encode(_fault(rule))
        return Response(whole.status, whole.body, whole.content_type, breakage=Breakage.TRUNCATE)
    if rule.kind in ("fault", "quota", "optimeout"):
        return encode(_fault(rule))
    return _alien(rule)


def _alien(rule: FaultRule) -> Response:
    """Return what no WinRM service would say."""
    http = _HTTP.fullmatch(rule.kind)
    if http:
        return Response(int(http[1]), b"", close=True)
    if rule.kind == "garbage":
        return Response(200, _GARBAGE, content_type=b"text/html")
    if rule.kind == "redirect":
        return Response(307, headers=(_ELSEWHERE,))
    if rule.kind == "gzip":
        return Response(200, _bomb(), headers=(b"Content-Encoding: gzip",))
    return Response(200, breakage=Breakage(rule.kind))


def flood(command_id: str, size: int) -> str:
    """Return the body of a Receive that never ends: output, and the command goes on."""
    return envelopes.output(command_id, [("stdout", "QUFB" * (size // 3))])


@cache
def _bomb() -> bytes:
    """Return a gzip stream of one megabyte that unpacks to one gigabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    head = packer.compress(b"\0") + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush a block stands for itself, so that it can be repeated.
    block = packer.compress(bytes(_MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * 1024


def _fault(rule: FaultRule) -> envelopes.Fault:
    if rule.kind == "quota":
        return envelopes.too_many_operations(1500)
    if rule.kind == "optimeout":
        return envelopes.operation_timed_out()
    return envelopes.Fault(rule.code, "w:InternalError", f"Injected fault {rule.code}.")


async def pause(rule: FaultRule) -> None:
    """Wait as long as a ``delay`` rule says."""
    await asyncio.sleep(rule.seconds)

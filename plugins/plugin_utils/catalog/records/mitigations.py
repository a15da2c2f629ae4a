# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitigations by their full content, so that they are recognised by what they do.

Field names of rules, preconditions and conditions are those of the host facts
(``url_rewrite.rules`` and ``url_rewrite.preconditions``): compare field by field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...base.model import Build
    from .builds import Confidence


@dataclass(frozen=True, slots=True)
class RuleCondition:
    """One condition of a rule or precondition."""

    input: str
    pattern: str
    match_type: str  # Pattern | IsFile | IsDirectory
    ignore_case: bool
    negate: bool


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """What a rule looks at: ``url`` (inbound) or ``server_variable`` + ``pattern`` (outbound)."""

    url: str | None
    server_variable: str | None
    pattern: str | None
    ignore_case: bool
    negate: bool


@dataclass(frozen=True, slots=True)
class RuleAction:
    """What a rule does: AbortRequest, CustomResponse, Rewrite ..."""

    type: str
    value: str | None
    url: str | None
    status_code: int | None


@dataclass(frozen=True, slots=True)
class Precondition:
    """The precondition of an outbound rule."""

    name: str
    names: tuple[tuple[str, str], ...]  # (owner, name)
    logical_grouping: str
    pattern_syntax: str
    conditions: tuple[RuleCondition, ...]


@dataclass(frozen=True, slots=True)
class RuleContent:
    """A URL Rewrite rule in full, but for its name."""

    pattern_syntax: str  # ECMAScript ("Regular Expressions") | Wildcard | ExactMatch
    stop_processing: bool
    match: RuleMatch
    logical_grouping: str
    conditions: tuple[RuleCondition, ...]
    action: RuleAction
    precondition: Precondition | None


@dataclass(frozen=True, slots=True)
class RuleRevision:
    """One published edition of a rule."""

    revision: str
    published: str | None
    # current: as strong as it gets; equivalent: as strong, other content;
    # weaker, bypassed, wrong: present, but does not protect as it should
    validity: str
    content: RuleContent
    note: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a mitigation with all its known editions, newest last."""

    key: str
    direction: str  # inbound | outbound
    names: tuple[tuple[str, str], ...]  # (owner, name); the first is the one that we write
    revisions: tuple[RuleRevision, ...]

    @property
    def name(self) -> str:
        """The name under which we write it."""
        return self.names[0][1]

    @property
    def current(self) -> RuleRevision:
        """The edition to apply."""
        return next(r for r in reversed(self.revisions) if r.validity == "current")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in IIS a mitigation lives."""

    site: str
    path: str  # "/" or a virtual directory such as "/owa"
    file: str  # the configuration file that holds it


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The state that a mitigation puts a service into."""

    name: str
    status: str  # Stopped
    start_type: str  # Disabled
    products: tuple[str, ...]  # where the service exists
    purpose: str  # target | watchdog (stopped so that it does not start the target again)


@dataclass(frozen=True, slots=True)
class AppPoolState:
    """The state that a mitigation puts an application pool into."""

    name: str
    state: str  # Stopped
    auto_start: bool
    start_mode: str


@dataclass(frozen=True, slots=True)
class Probe:
    """A request of our own to the front end that the mitigation must refuse.

    It matches the rule and is no attack: a path that is answered before anything is proxied.
    """

    name: str
    path: str  # with a query
    cookie: str | None
    expect: str  # abort: the connection is cut off without an answer


@dataclass(frozen=True, slots=True)
class BuildThreshold:
    """A build of one cumulative update from which something holds."""

    product: str
    cu: str
    build: Build


@dataclass(frozen=True, slots=True)
class Removal:
    """When a mitigation comes off.

    ``when`` is ``fixed`` (with the fix of its CVEs) or ``build`` (at ``builds``, whatever
    the fix is); cumulative updates released after those carry it.
    """

    when: str
    builds: tuple[BuildThreshold, ...]
    how: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class SideEffect:
    """What a mitigation breaks or makes look broken, so that verification expects it."""

    what: str
    expected_in: str  # health-set | service | client | log | none
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Mitigation:
    """An interim measure: never a fix, and it evicts nobody."""

    id: str
    title: str
    kind: str  # rewrite-inbound | rewrite-outbound | service | app-pool
    cves: tuple[str, ...]
    products: tuple[str, ...]  # where it can be applied
    scope: Scope | None
    rules: tuple[Rule, ...]
    services: tuple[ServiceState, ...]
    app_pools: tuple[AppPoolState, ...]
    probes: tuple[Probe, ...]
    owners: tuple[str, ...]  # who writes it: EOMT, EEMS, ExchangeMitigations
    prerequisites: tuple[str, ...]
    impact: str
    limits: str
    rollback: str
    removal: Removal
    side_effects: tuple[SideEffect, ...]
    confidence: Confidence
    source: str

    def owner_of(self, rule_name: str) -> str | None:
        """Whose rule carries this name, if it is a known one (names are compared without case)."""
        wanted = rule_name.casefold()
        for rule in self.rules:
            for owner, name in rule.names:
                if name.casefold() == wanted:
                    return owner
        return None

# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge URL Rewrite mitigations by what the rules do, where they stand and whether they are reached.

Validity test after microsoft/CSS-Exchange (Cve-2022-41040.NotPublished): content, enabled,
no child configuration that clears or removes the inherited rule, nothing before it that ends
the processing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .facts import Row, Rows, flag, number, rows, text
from .mitigation_state import MitigationState, Part, State, combine
from .rules import UNREADABLE, differences, precondition_differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..catalog.mitigation_records import Mitigation, Rule, RuleRevision, Scope
    from .facts import Facts

_STRONG = frozenset(("current", "equivalent"))
# These actions answer the request themselves: it never reaches Exchange, so a rule of that
# kind in front of a mitigation does not weaken it.
_ENDS_REQUEST = frozenset(("abortrequest", "customresponse", "redirect"))
# How much one candidate tells; the first that applies describes the rule.
_INFORMATIVE = (
    State.HOLDS,
    State.UNKNOWN,
    State.OVERRIDDEN,
    State.SHADOWED,
    State.DISABLED,
    State.WEAKER,
    State.ALTERED,
    State.WRONG_PLACE,
)


@dataclass(frozen=True, slots=True)
class RewriteFacts:
    """The rewrite configuration of a host."""

    installed: bool | None
    rules: Rows
    preconditions: Rows
    overrides: Rows

    @classmethod
    def of(cls, facts: Facts) -> RewriteFacts | None:
        """None where it could not be read at all."""
        section = facts.section("url_rewrite")
        if section is None:
            return None
        return cls(
            flag(section.get("installed")),
            rows(section.get("rules")),
            rows(section.get("preconditions")),
            rows(section.get("overrides")),
        )


def fold_path(value: object) -> str | None:
    """``/OWA/`` and ``/owa`` are the same place."""
    path = text(value)
    return None if path is None else "/" + path.casefold().strip("/")


def _site(row: Row) -> str | None:
    site = text(row.get("site"))
    return None if site is None else site.casefold()


def _revision(rule: Rule, row: Row, config: RewriteFacts) -> tuple[RuleRevision | None, list[str]]:
    """The edition that ``row`` is, else how it differs from the current one."""
    nearest: list[str] = []
    for revision in reversed(rule.revisions):
        content = revision.content
        found = differences(row, content)
        if content.precondition is not None:
            found += precondition_differences(row, config.preconditions.rows, content.precondition)
        if not found:
            return revision, []
        if revision is rule.current:
            nearest = found
    return None, nearest


def _override(row: Row, config: RewriteFacts) -> str | None:
    """The child configuration that takes an inherited rule away again."""
    site, path, name = _site(row), fold_path(row.get("path")), text(row.get("name"))
    for override in config.overrides.rows:
        place = fold_path(override.get("path"))
        if _site(override) != site or place is None or path is None or place == path:
            continue
        if override.get("direction", row.get("direction")) != row.get("direction"):
            continue
        named = text(override.get("name"))
        hits = override.get("kind") == "clear" or (
            named is not None and name is not None and named.casefold() == name.casefold()
        )
        if hits and (path == "/" or place.startswith(path + "/")):
            return f"{override.get('kind')!r:.20} in {override.get('file')!r:.120}"
    return None


def _shadow(row: Row, config: RewriteFacts) -> str | None:
    """The earlier rule that ends the processing but lets the request through to Exchange."""
    order = number(row.get("order"))
    if order is None:
        return "its order could not be read"
    for other in config.rules.rows:
        action = other.get("action")
        kind = text(action.get("type")) if isinstance(action, dict) else None
        if (
            other is not row
            and _site(other) == _site(row)
            and fold_path(other.get("path")) == fold_path(row.get("path"))
            and other.get("direction") == row.get("direction")
            and (number(other.get("order")) or 0) < order
            and flag(other.get("enabled")) is not False
            and flag(other.get("stop_processing")) is not False
            and (kind or "").casefold() not in _ENDS_REQUEST
        ):
            return f"rule {other.get('name')!r:.80} comes first and ends the processing"
    return None


Place = tuple[str | None, str | None]  # site and path, both folded


def _candidate(
    rule: Rule, row: Row, config: RewriteFacts, place: Place, wanted: frozenset[Place]
) -> tuple[State, str] | None:
    """What one rule of the host is in the light of ``rule`` at ``place``; None = nothing."""
    name = (text(row.get("name")) or "").casefold()
    named = any(name == known.casefold() for _, known in rule.names)
    revision, found = _revision(rule, row, config)
    if revision is None and not named:
        return None
    here = (_site(row), fold_path(row.get("path")))
    if here != place and here in wanted:
        return None  # it belongs to another site that needs the rule as well
    if here != place:
        where = f"{row.get('site')!r:.80} {row.get('path')!r:.80}"
        return State.WRONG_PLACE, f"stands at {where}, where it does not protect"
    if revision is None:
        unreadable = any(UNREADABLE in difference for difference in found)
        return (State.UNKNOWN if unreadable else State.ALTERED), "; ".join(found[:4])
    return next(_objections(revision, row, config))


def _objections(
    revision: RuleRevision, row: Row, config: RewriteFacts
) -> Iterator[tuple[State, str]]:
    """Yield why a rule with the right content does not protect, then that it does."""
    if revision.validity not in _STRONG:
        yield State.WEAKER, f"is revision {revision.revision} ({revision.validity})"
    enabled, inherited = flag(row.get("enabled")), flag(row.get("inherit", True))
    if enabled is None or inherited is None:
        yield State.UNKNOWN, f"whether it is enabled and inherited {UNREADABLE}"
    if not enabled:
        yield State.DISABLED, "is switched off"
    if not inherited and fold_path(row.get("path")) == "/":
        yield State.OVERRIDDEN, "is kept from the applications (inheritInChildApplications)"
    if overridden := _override(row, config):
        yield State.OVERRIDDEN, f"is taken away by {overridden}"
    if shadowed := _shadow(row, config):
        yield State.SHADOWED, shadowed
    yield State.HOLDS, f"revision {revision.revision}"


def _part(rule: Rule, config: RewriteFacts, place: Place, wanted: frozenset[Place]) -> Part:
    found = [
        candidate
        for row in config.rules.rows
        if (text(row.get("direction")) or "").casefold() == rule.direction
        and (candidate := _candidate(rule, row, config, place, wanted)) is not None
    ]
    for state in _INFORMATIVE:
        for outcome, detail in found:
            if outcome is not state:
                continue
            if state is State.HOLDS and not config.overrides.whole:
                return Part(rule.name, State.UNKNOWN, f"overrides {UNREADABLE}", present=True)
            return Part(rule.name, state, detail, present=True)
    if not config.rules.whole:
        return Part(rule.name, State.UNKNOWN, f"some rules {UNREADABLE}")
    return Part(rule.name, State.MISSING, "is not there")


def front_end_sites(facts: Facts, scope: Scope) -> tuple[str, ...]:
    """The sites that the rules must stand on: each one that serves the client access folders.

    The published rules name ``Default Web Site``; a renamed site, or a second one with the same
    folders behind it, needs them as well. Unreadable sites: the published name.
    """
    iis = facts.section("iis")
    found = []
    for site in rows(iis.get("sites")).rows if iis else ():
        name = text(site.get("name"))
        if name is not None and any(
            (text(app.get("physical_path")) or "")
            .casefold()
            .rstrip("\\")
            .endswith("\\frontend\\httpproxy\\owa")
            for app in rows(site.get("applications")).rows
        ):
            found.append(name)
    return tuple(found) or (scope.site,)


def judge_rewrite(mitigation: Mitigation, facts: Facts) -> MitigationState:
    """The state of a mitigation made of URL Rewrite rules."""
    scope = mitigation.scope
    config = RewriteFacts.of(facts)
    if config is None or scope is None:
        reason = facts.why("url_rewrite")
        return MitigationState(
            mitigation.id, State.UNKNOWN, f"rules {UNREADABLE}: {reason}", present=False
        )
    parts: list[Part] = []
    path = fold_path(scope.path) or "/"
    sites = front_end_sites(facts, scope)
    wanted: frozenset[Place] = frozenset((site.casefold(), path) for site in sites)
    for site in sites:
        for rule in mitigation.rules:
            part = _part(rule, config, (site.casefold(), path), wanted)
            name = part.name if len(sites) == 1 else f"{part.name} on {site}"
            parts.append(Part(name, part.state, part.detail, part.present))
    return combine(mitigation.id, tuple(_effective(parts, config)), absent="it has no rules")


def _effective(parts: Iterable[Part], config: RewriteFacts) -> Iterable[Part]:
    """Rules without the module are only text."""
    for part in parts:
        if config.installed is True or not part.present:
            yield part
        elif config.installed is None:
            yield Part(part.name, State.UNKNOWN, f"the module {UNREADABLE}", part.present)
        else:
            yield Part(part.name, State.MISSING, "URL Rewrite is not installed", part.present)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge URL Rewrite mitigations by what the rules do, where they stand and whether they are reached.

Validity test after microsoft/CSS-Exchange (Cve-2022-41040.NotPublished): content, enabled,
no child configuration that clears or removes the inherited rule, nothing before it that ends
the processing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...facts.read import Row, Rows, flag, number, rows, text
from .rules import UNREADABLE, differences, precondition_differences
from .state import JudgedMitigation, MitigationState, Part, combine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ...catalog.records.mitigations import Mitigation, Rule, RuleRevision
    from ...facts.read import Facts

# Where OWA lives on a server: the site with this folder is a front end.
_OWA = "\\frontend\\httpproxy\\owa"
_MOST_SITES = 20  # front ends of one server
_STRONG = frozenset(("current", "equivalent"))
# These actions answer the request themselves: it never reaches Exchange, so a rule of that
# kind in front of a mitigation does not weaken it.
_ENDS_REQUEST = frozenset(("abortrequest", "customresponse", "redirect"))
# How much one candidate tells; the first that applies describes the rule.
_INFORMATIVE = (
    MitigationState.HOLDS,
    MitigationState.UNKNOWN,
    MitigationState.OVERRIDDEN,
    MitigationState.SHADOWED,
    MitigationState.DISABLED,
    MitigationState.WEAKER,
    MitigationState.ALTERED,
    MitigationState.WRONG_PLACE,
)


@dataclass(frozen=True, slots=True)
class RewriteFacts:
    """The rewrite configuration of a host."""

    installed: bool | None
    rules: Rows
    preconditions: Rows
    overrides: Rows
    loaded: bool | None  # None: IIS has no list of modules, or nobody looked
    unloaded: Rows  # places from which the module is taken away
    unread: Rows  # places whose configuration could not be read

    @classmethod
    def of(cls, facts: Facts) -> RewriteFacts | None:
        """None where it could not be read at all."""
        section = facts.section("url_rewrite")
        if section is None:
            return None
        return cls(
            flag(section.get("installed")),
            _readable(rows(section.get("rules"), "name")),
            rows(section.get("preconditions")),
            rows(section.get("overrides")),
            flag(section.get("loaded")),
            rows(section.get("unloaded", [])),
            rows(section.get("unread", [])),
        )


def _readable(rules: Rows) -> Rows:
    """A rule with a part that could not be read may be any rule: then the list is not whole."""
    return Rows(rules.rows, rules.whole and all(_complete(row) for row in rules.rows))


def _complete(row: Row) -> bool:
    match, action, conditions = row.get("match"), row.get("action"), rows(row.get("conditions"))
    return (
        all(text(row.get(key)) is not None for key in ("direction", "path", "pattern_syntax"))
        and all(flag(row.get(key)) is not None for key in ("enabled", "stop_processing"))
        and isinstance(match, dict)
        and (text(match.get("url")) or text(match.get("pattern"))) is not None
        and all(flag(match.get(key)) is not None for key in ("ignore_case", "negate"))
        and isinstance(action, dict)
        and text(action.get("type")) is not None
        and conditions.whole
        and all(_complete_condition(condition) for condition in conditions.rows)
    )


def _complete_condition(row: Row) -> bool:
    kind = text(row.get("match_type"))
    return (
        kind is not None
        and text(row.get("input")) is not None
        and (kind != "Pattern" or text(row.get("pattern")) is not None)
        and all(flag(row.get(key)) is not None for key in ("ignore_case", "negate"))
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


def _unlike(found: str | None, wanted: str | None) -> bool:
    """Whether it is certainly another one: what could not be read may be the same."""
    return found is not None and found != wanted


def _override(row: Row, config: RewriteFacts) -> str | None:
    """The child configuration that takes an inherited rule away again."""
    site, path, name = _site(row), fold_path(row.get("path")), text(row.get("name"))
    for override in config.overrides.rows:
        place = fold_path(override.get("path"))
        direction, kind = text(override.get("direction")), text(override.get("kind"))
        removed = text(override.get("name"))
        below = place is None or (place != path and (path == "/" or place.startswith(f"{path}/")))
        if (
            below
            and not _unlike(_site(override), site)
            and not _unlike(direction, text(row.get("direction")))
            and not (kind == "remove" and name and _unlike(_folded(removed), name.casefold()))
        ):
            return f"{kind!r:.20} in {override.get('file')!r:.120}"
    return None


def _below(row: Row, places: Rows) -> str | None:
    """The file of a place at the rule's or below it, where it counts as well."""
    return _file_of(row, places, _is_in)


def _at_or_around(row: Row, places: Rows) -> str | None:
    """The file of a place that the rule's is in, or of one below it whose requests it is for."""
    return _file_of(row, places, lambda here, path: _is_in(path, here)) or _below(row, places)


def _file_of(row: Row, places: Rows, fits: Callable[[str | None, str | None], bool]) -> str | None:
    """The file of the first place of the rule's site whose path fits that of the rule."""
    site, path = _site(row), fold_path(row.get("path")) or "/"
    for place in places.rows:
        if fits(fold_path(place.get("path")), path) and not _unlike(_site(place), site):
            return f"{place.get('file')!r:.120}"
    return None


def _is_in(inner: str | None, outer: str | None) -> bool:
    """Whether a path is another or below it; one that could not be read may be."""
    return inner is None or outer in (None, "/", inner) or inner.startswith(f"{outer}/")


def _folded(value: str | None) -> str | None:
    return None if value is None else value.casefold()


def _repeated(row: Row, config: RewriteFacts) -> bool:
    """Whether its name stands there again: a collection of IIS has each name once."""
    name = _folded(text(row.get("name")))
    place = (_site(row), fold_path(row.get("path")), _folded(text(row.get("direction"))))
    return any(
        other is not row
        and _folded(text(other.get("name"))) == name
        and (_site(other), fold_path(other.get("path")), _folded(text(other.get("direction"))))
        == place
        for other in config.rules.rows
    )


def _shadow(row: Row, config: RewriteFacts) -> str | None:
    """The earlier rule that ends the processing but lets the request through to Exchange."""
    order = number(row.get("order"))
    if order is None:
        return "its order could not be read"
    for other in config.rules.rows:
        before = number(other.get("order"))
        action = other.get("action")
        kind = text(action.get("type")) if isinstance(action, dict) else None
        if (
            other is not row
            and (before is None or before < order)
            and not _unlike(_site(other), _site(row))
            and not _unlike(fold_path(other.get("path")), fold_path(row.get("path")))
            and not _unlike(text(other.get("direction")), text(row.get("direction")))
            and flag(other.get("enabled")) is not False
            and flag(other.get("stop_processing")) is not False
            and (kind or "").casefold() not in _ENDS_REQUEST
        ):
            return f"rule {other.get('name')!r:.80} comes first and ends the processing"
    return None


Place = tuple[str | None, str | None]  # site and path, both folded


def _candidate(
    rule: Rule, row: Row, config: RewriteFacts, place: Place, wanted: frozenset[Place]
) -> tuple[MitigationState, str] | None:
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
        return MitigationState.WRONG_PLACE, f"stands at {where}, where it does not protect"
    if revision is None:
        unreadable = any(UNREADABLE in difference for difference in found)
        return (MitigationState.UNKNOWN if unreadable else MitigationState.ALTERED), "; ".join(
            found[:4]
        )
    return next(_objections(revision, row, config))


def _objections(
    revision: RuleRevision, row: Row, config: RewriteFacts
) -> Iterator[tuple[MitigationState, str]]:
    """Yield why a rule with the right content does not protect, then that it does."""
    if _repeated(row, config):
        yield (
            MitigationState.ALTERED,
            "its name stands there twice, so IIS answers 500 to every request",
        )
    if revision.validity not in _STRONG:
        yield MitigationState.WEAKER, f"is revision {revision.revision} ({revision.validity})"
    enabled, inherited = flag(row.get("enabled")), flag(row.get("inherit", True))
    if enabled is None or inherited is None:
        yield MitigationState.UNKNOWN, f"whether it is enabled and inherited {UNREADABLE}"
    if not enabled:
        yield MitigationState.DISABLED, "is switched off"
    if not inherited and fold_path(row.get("path")) == "/":
        yield (
            MitigationState.OVERRIDDEN,
            "is kept from the applications (inheritInChildApplications)",
        )
    if taken := _at_or_around(row, config.unloaded):
        yield MitigationState.OVERRIDDEN, f"nobody evaluates it: the module is removed in {taken}"
    if unread := _below(row, config.unread):
        yield MitigationState.UNKNOWN, f"what may take it away {UNREADABLE}: {unread}"
    if overridden := _override(row, config):
        yield MitigationState.OVERRIDDEN, f"is taken away by {overridden}"
    if shadowed := _shadow(row, config):
        yield MitigationState.SHADOWED, shadowed
    yield MitigationState.HOLDS, f"revision {revision.revision}"


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
            if state is MitigationState.HOLDS and not (
                config.overrides.whole and config.rules.whole
            ):
                # What is missing may be what takes the rule away again.
                missing = f"some rules or overrides {UNREADABLE}"
                return Part(rule.name, MitigationState.UNKNOWN, missing, present=True)
            return Part(rule.name, state, detail, present=True)
    if not config.rules.whole or _below({"site": place[0], "path": place[1]}, config.unread):
        return Part(rule.name, MitigationState.UNKNOWN, f"some rules {UNREADABLE}")
    return Part(rule.name, MitigationState.MISSING, "is not there")


def front_end_sites(facts: Facts) -> Rows | None:
    """The sites that the rules must stand on: each one that serves the client access folders.

    The published rules name ``Default Web Site``; a renamed site, or a second one with the same
    folders behind it, needs them as well. None: a site could not be read, so one may be missing.
    """
    iis = facts.section("iis")
    sites = rows(iis.get("sites") if iis else None, "name")
    found = []
    for site in sites.rows:
        applications = rows(site.get("applications"), "path")
        if not applications.whole:
            return None
        folders = [text(app.get("physical_path")) for app in applications.rows]
        if any((folder or "").casefold().rstrip("\\").endswith(_OWA) for folder in folders):
            found.append(site)
        elif any(
            folder is None and fold_path(app.get("path")) == "/owa"
            for app, folder in zip(applications.rows, folders, strict=True)
        ):
            return None
    return Rows(tuple(found), whole=True) if sites.whole and len(found) <= _MOST_SITES else None


def judge_rewrite(mitigation: Mitigation, facts: Facts) -> JudgedMitigation:
    """The state of a mitigation made of URL Rewrite rules."""
    scope, config, sites = mitigation.scope, RewriteFacts.of(facts), front_end_sites(facts)
    if config is None or scope is None:
        reason = facts.why("url_rewrite")
        detail = f"rules {UNREADABLE}: {reason}"
        return JudgedMitigation(mitigation.id, MitigationState.UNKNOWN, detail, present=False)
    names = [str(site["name"]) for site in sites.rows] if sites else []
    names = names or [scope.site]
    path = fold_path(scope.path)
    wanted: frozenset[Place] = frozenset((name.casefold(), path) for name in names)
    parts: list[Part] = []
    for name in names:
        for rule in mitigation.rules:
            part = _part(rule, config, (name.casefold(), path), wanted)
            label = part.name if len(names) == 1 else f"{part.name} on {name}"
            parts.append(replace(part, name=label))
    if sites is None:
        detail = f"{UNREADABLE}: {facts.why('iis')}"
        parts.append(Part("front-end sites", MitigationState.UNKNOWN, detail))
    return combine(mitigation.id, tuple(_effective(parts, config)), absent="it has no rules")


def _effective(parts: Iterable[Part], config: RewriteFacts) -> Iterable[Part]:
    """Rules without the module are only text."""
    for part in parts:
        if not part.present:
            yield part
        elif config.loaded is False:
            yield Part(
                part.name, MitigationState.MISSING, "IIS does not load URL Rewrite", part.present
            )
        elif config.installed is True:
            yield part
        elif config.installed is None:
            yield Part(part.name, MitigationState.UNKNOWN, f"the module {UNREADABLE}", part.present)
        else:
            yield Part(
                part.name, MitigationState.MISSING, "URL Rewrite is not installed", part.present
            )

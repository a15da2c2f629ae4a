# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a mitigation file into its record, filling in the defaults of the IIS schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...base.model import Build
from ..records.mitigations import (
    AppPoolState,
    BuildThreshold,
    Mitigation,
    Precondition,
    Probe,
    Removal,
    Rule,
    RuleAction,
    RuleCondition,
    RuleContent,
    RuleMatch,
    RuleRevision,
    Scope,
    ServiceState,
    SideEffect,
)
from .sources import source
from .tables import Tables, confidence, known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..documents import Document, Where

_REQUIRED_FOR = {
    "rewrite-inbound": ("rules", "scope"),
    "rewrite-outbound": ("rules", "scope"),
    "service": ("services",),
    "app-pool": ("app_pools",),
}


def mitigation(document: Document, tables: Tables) -> Mitigation:
    """The record of one ``mitigations/*.yml``."""
    data = document.data
    for key in _REQUIRED_FOR[data["kind"]]:
        if key not in data:
            document.fail((), f"a mitigation of kind {data['kind']} has no {key}", f"add {key}")
    for index, cve in enumerate(data["cves"]):
        cure = "add it to vulnerabilities/, or correct the number"
        known(document, ("cves", index), cve, tables.vulnerabilities, "CVE", cure)
    for index, product in enumerate(data["products"]):
        known(document, ("products", index), product, tables.products, "product", "correct it")
    return Mitigation(
        id=data["id"],
        title=data["title"],
        kind=data["kind"],
        cves=tuple(data["cves"]),
        products=tuple(data["products"]),
        scope=_scope(data["scope"]) if "scope" in data else None,
        rules=tuple(
            _rule(document, ("rules", index), row)
            for index, row in enumerate(data.get("rules", ()))
        ),
        services=tuple(
            ServiceState(**{**row, "products": tuple(row["products"])})
            for row in data.get("services", ())
        ),
        app_pools=tuple(AppPoolState(**row) for row in data.get("app_pools", ())),
        probes=tuple(
            Probe(row["name"], row["path"], row.get("cookie"), row["expect"])
            for row in data.get("probes", ())
        ),
        owners=tuple(data.get("owners", ())),
        prerequisites=tuple(data.get("prerequisites", ())),
        impact=data["impact"],
        limits=data["limits"],
        rollback=data["rollback"],
        removal=_removal(document, data["removal"], tables),
        side_effects=tuple(
            SideEffect(what=row["what"], expected_in=row["expected_in"], confidence=confidence(row))
            for row in data.get("side_effects", ())
        ),
        confidence=confidence(data),
        source=source(document, ("source",), data["source"]),
    )


def _scope(row: Mapping[str, Any]) -> Scope:
    return Scope(site=row["site"], path=row["path"], file=row["file"])


def _removal(document: Document, row: Mapping[str, Any], tables: Tables) -> Removal:
    where: Where = ("removal",)
    if (row["when"] == "build") != ("builds" in row):
        document.fail(where, "'builds' belongs to 'when: build'", "add or remove one of the two")
    thresholds: list[BuildThreshold] = []
    for index, line in enumerate(row.get("builds", ())):
        build = Build.parse(line["build"])
        info = tables.builds.get(build)
        if info is None or (info.product, info.cu) != (line["product"], line["cu"]):
            document.fail(
                (*where, "builds", index),
                f"build {build} is not a build of {line['product']} {line['cu']}",
                "correct it, or add it to builds/",
            )
        thresholds.append(BuildThreshold(line["product"], line["cu"], build))
    return Removal(
        when=row["when"],
        builds=tuple(thresholds),
        how=row["how"],
        reason=row["reason"],
        source=source(document, where, row["source"]),
    )


def _rule(document: Document, where: Where, row: Mapping[str, Any]) -> Rule:
    current = [r["revision"] for r in row["revisions"] if r["validity"] == "current"]
    if len(current) != 1:
        document.fail(
            where,
            f"rule {row['key']!r} has {len(current)} revisions marked current",
            "mark exactly one: the one to apply",
        )
    return Rule(
        key=row["key"],
        direction=row["direction"],
        names=tuple(row["names"].items()),
        revisions=tuple(
            RuleRevision(
                revision=revision["revision"],
                published=revision.get("published"),
                validity=revision["validity"],
                content=_content(document, (*where, "revisions", index), revision, row),
                note=revision.get("note"),
                source=source(document, (*where, "revisions", index), revision["source"]),
            )
            for index, revision in enumerate(row["revisions"])
        ),
    )


def _content(
    document: Document, where: Where, revision: Mapping[str, Any], rule: Mapping[str, Any]
) -> RuleContent:
    row = revision["content"]
    match = row["match"]
    needed = ("url",) if rule["direction"] == "inbound" else ("server_variable", "pattern")
    missing = [key for key in needed if key not in match]
    if missing:
        document.fail(
            (*where, "content", "match"),
            f"an {rule['direction']} rule matches without {', '.join(missing)}",
            "add it",
        )
    action = row["action"]
    return RuleContent(
        pattern_syntax=row.get("pattern_syntax", "ECMAScript"),
        stop_processing=row.get("stop_processing", False),
        match=RuleMatch(
            url=match.get("url"),
            server_variable=match.get("server_variable"),
            pattern=match.get("pattern"),
            ignore_case=match.get("ignore_case", True),
            negate=match.get("negate", False),
        ),
        logical_grouping=row.get("logical_grouping", "MatchAll"),
        conditions=tuple(_condition(condition) for condition in row.get("conditions", ())),
        action=RuleAction(
            type=action["type"],
            value=action.get("value"),
            url=action.get("url"),
            status_code=action.get("status_code"),
        ),
        precondition=_precondition(row["precondition"]) if "precondition" in row else None,
    )


def _condition(row: Mapping[str, Any]) -> RuleCondition:
    return RuleCondition(
        input=row["input"],
        pattern=row["pattern"],
        match_type=row.get("match_type", "Pattern"),
        ignore_case=row.get("ignore_case", True),
        negate=row.get("negate", False),
    )


def _precondition(row: Mapping[str, Any]) -> Precondition:
    names = tuple(row["names"].items())
    return Precondition(
        name=names[0][1],
        names=names,
        logical_grouping=row.get("logical_grouping", "MatchAll"),
        pattern_syntax=row.get("pattern_syntax", "ECMAScript"),
        conditions=tuple(_condition(condition) for condition in row["conditions"]),
    )

# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the table files into records: products and builds.

What a JSON Schema cannot say is checked here, with the line: a duplicate build, a
date that is none, a source key without its text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...base.model import Build
from ..records.builds import (
    BuildInfo,
    Confidence,
    Package,
    Product,
    SupportPhase,
    Vulnerability,
)
from .sources import day, need_day, read_on, source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from ..documents import Document, Where
    from ..records.campaigns import IndicatorSet
    from ..records.detection_tools import DetectionTool
    from ..records.exit_codes import ExitCode
    from ..records.failures import Failure
    from ..records.iis_modules import ModuleKnowledge
    from ..records.requirements import Requirements
    from ..records.tools import MicrosoftScript


@dataclass(slots=True)
class Tables:
    """What was read so far; later files may only name what earlier ones define."""

    as_of: date
    products: dict[str, Product] = field(default_factory=dict)
    builds: dict[Build, BuildInfo] = field(default_factory=dict)
    vulnerabilities: dict[str, Vulnerability] = field(default_factory=dict)
    packages: list[Package] = field(default_factory=list)
    modules: dict[str, ModuleKnowledge] = field(default_factory=dict)
    indicators: dict[str, IndicatorSet] = field(default_factory=dict)
    exit_codes: dict[int, ExitCode] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    scripts: dict[str, MicrosoftScript] = field(default_factory=dict)
    detection_tools: dict[str, DetectionTool] = field(default_factory=dict)
    requirements: Requirements | None = None


def confidence(row: Mapping[str, Any], key: str = "confidence") -> Confidence:
    """The confidence mark of a row; without one the value stands in its source."""
    return Confidence(row.get(key, "read"))


def once(document: Document, key: str, table: Mapping[str, Any], what: str) -> None:
    """Fail when a table has this id already."""
    if key in table:
        document.fail(("id",), f"{what} {key!r} exists twice", "rename one of the two files' id")


def known(
    document: Document, where: Where, key: str, table: Iterable[str], what: str, cure: str
) -> str:
    """Return ``key`` if the table has it; else raise with the line."""
    if key not in table:
        document.fail(where, f"{what} {key!r} is not in the catalogue", cure)
    return key


def read_products(document: Document) -> Tables:
    """``products.yml``."""
    data = document.data
    tables = Tables(as_of=need_day(document, ("as_of",), data["as_of"]))
    for index, row in enumerate(data["products"]):
        where: Where = ("products", index)
        phases = tuple(
            _phase(document, (*where, "support", number), phase)
            for number, phase in enumerate(row["support"])
        )
        if row["id"] in tables.products:
            document.fail(where, f"product {row['id']!r} stands twice", "keep one")
        tables.products[row["id"]] = Product(
            id=row["id"],
            name=row["name"],
            release_date=need_day(document, (*where, "released"), row["released"]),
            support=phases,
            inherits=row.get("inherits"),
            covered=row.get("covered", True),
            rollups=row.get("rollups", False),
            source=source(document, where, row["source"]),
            product_code=row.get("product_code"),
        )
    return tables


def _phase(document: Document, where: Where, row: Mapping[str, Any]) -> SupportPhase:
    updates = row["cumulative_updates"]
    return SupportPhase(
        start=need_day(document, where, row["from"]),
        end=day(document, where, row["until"]),
        status=row["status"],
        cumulative_updates=(updates,) if isinstance(updates, str) else tuple(updates),
        note=row["note"],
        confidence=confidence(row),
        source=source(document, where, row["source"]),
    )


def read_builds(document: Document, tables: Tables) -> None:
    """One ``builds/*.yml``."""
    product = known(
        document,
        ("product",),
        document.data["product"],
        tables.products,
        "product",
        "add it to products.yml",
    )
    for index, row in enumerate(document.data["builds"]):
        where: Where = ("builds", index)
        build = Build.parse(row["build"])
        earlier = tables.builds.get(build)
        if earlier:
            document.fail(
                where,
                f"build {build} is listed twice (already {earlier.title})",
                "remove one of the lines",
            )
        day(document, (*where, "date"), row["date"])
        tables.builds[build] = BuildInfo(
            build=build,
            product=product,
            cu=row["cu"],
            kind=row["kind"],
            release_date=row["date"],
            kb=row.get("kb"),
            update=row.get("update"),
            entitlement=row.get("entitlement", "public"),
            only_fixes=tuple(row.get("only_fixes", ())),
            confidence=confidence(row),
            note=row.get("note"),
            source=source(document, where, row["source"]),
            read=read_on(document, where, row["source"]),
        )

# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the table files into records: products, builds, vulnerabilities.

What a JSON Schema cannot say is checked here, with the line: a duplicate build, a
date that is none, a fix whose build no table knows, a source key without its text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from ...base.model import Build
from ..records.builds import (
    BuildInfo,
    Confidence,
    Fix,
    Package,
    Product,
    StateCondition,
    Statement,
    SupportPhase,
    Vulnerability,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..documents import Document, Where
    from ..records.campaigns import IndicatorSet
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
    requirements: Requirements | None = None


def source(document: Document, where: Where, key: str) -> str:
    """The full text of a source key of the file."""
    text = document.data["sources"].get(key)
    if text is None:
        known = ", ".join(document.data["sources"])
        document.fail(where, f"source {key!r} is not defined", f"define it at the top ({known})")
    return str(text)


def day(document: Document, where: Where, text: str | None) -> date | None:
    """A calendar day, or ``None``; ``2021-02-30`` is refused with its line."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text if len(text) > len("2021-02") else f"{text}-01")
    except ValueError:
        document.fail(where, f"{text!r} is not a day of the calendar", "correct it")


def need_day(document: Document, where: Where, text: str) -> date:
    """Like :func:`day`, for values that the schema requires."""
    found = day(document, where, text)
    if found is None:
        document.fail(where, "the date is missing", "write it as YYYY-MM-DD")
    return found


def confidence(row: Mapping[str, Any], key: str = "confidence") -> Confidence:
    """The confidence mark of a row; without one the value stands in its source."""
    return Confidence(row.get(key, "read"))


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
        )


def read_vulnerabilities(document: Document, tables: Tables) -> None:
    """One ``vulnerabilities/*.yml``."""
    for index, row in enumerate(document.data["vulnerabilities"]):
        where: Where = ("vulnerabilities", index)
        cve = row["cve"]
        if cve in tables.vulnerabilities:
            document.fail(where, f"{cve} is listed twice", "merge the two entries")
        tables.vulnerabilities[cve] = Vulnerability(
            cve=cve,
            title=row.get("title"),
            update=row.get("update"),
            fixes=_fixes(document, where, row, tables),
            state=tuple(
                StateCondition(
                    kind=state["kind"],
                    requires=state["requires"],
                    holds_by_default=state["holds_by_default"],
                    source=source(document, (*where, "state", number), state["source"]),
                )
                for number, state in enumerate(row.get("state", ()))
            ),
            statements=_statements(document, where, row, tables),
            confidence=confidence(row),
            note=row.get("note"),
        )


def _statements(
    document: Document, parent: Where, row: Mapping[str, Any], tables: Tables
) -> tuple[Statement, ...]:
    fixed = {line["product"] for line in row["fixes"]}
    found: list[Statement] = []
    for number, said in enumerate(row.get("statements", ())):
        where: Where = (*parent, "statements", number)
        product = said["product"]
        known(document, where, product, tables.products, "product", "add it to products.yml")
        if product in fixed or any(product == other.product for other in found):
            document.fail(
                where, f"{row['cve']}: {product} has fixes or a statement already", "keep one"
            )
        found.append(
            Statement(
                product=product,
                status=said["status"],
                reason=said["reason"],
                source=source(document, where, said["source"]),
            )
        )
    return tuple(found)


def _fixes(
    document: Document, parent: Where, row: Mapping[str, Any], tables: Tables
) -> tuple[Fix, ...]:
    fixes: list[Fix] = []
    seen: set[Build] = set()
    for number, line in enumerate(row["fixes"]):
        where: Where = (*parent, "fixes", number)
        fix = _fix(document, where, line, row["cve"], tables)
        if fix.build in seen:
            document.fail(where, f"{row['cve']}: {fix.build} stands twice", "remove one line")
        seen.add(fix.build)
        fixes.append(fix)
    return tuple(fixes)


def _fix(
    document: Document, where: Where, line: Mapping[str, Any], cve: str, tables: Tables
) -> Fix:
    build = Build.parse(line["build"])
    info = tables.builds.get(build)
    if info is None:
        document.fail(
            where,
            f"{cve}: fixed build {build} is in no builds table",
            f"add it to builds/ of {line['product']}, or correct the number",
        )
    if (info.product, info.cu) != (line["product"], line["cu"]):
        document.fail(
            where,
            f"{cve}: build {build} is {info.product} {info.cu}, "
            f"the line says {line['product']} {line['cu']}",
            "correct the line",
        )
    if line.get("kb") not in (None, info.kb):
        document.fail(
            where,
            f"{cve}: build {build} is {info.kb or 'without a KB'}, the line says {line['kb']}",
            "correct one of the two",
        )
    disputed = line.get("disputed_from")
    if disputed and not line.get("dispute"):
        document.fail(where, f"{cve}: disputed_from without dispute", "say who disagrees")
    return Fix(
        product=line["product"],
        cu=line["cu"],
        build=build,
        kb=info.kb,
        entitlement=info.entitlement,
        confidence=confidence(line),
        note=line.get("note"),
        source=source(document, where, line["source"]),
        disputed_from=Build.parse(disputed) if disputed else None,
        dispute=line.get("dispute"),
    )

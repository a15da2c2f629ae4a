# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn vulnerability files into records.

What a JSON Schema cannot say is checked here, with the line: a fix whose build no table knows or
which that build does not contain, a dispute that is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...base.model import Build
from ..records.builds import Fix, StateCondition, Statement, Vulnerability
from .sources import read_on, source
from .tables import confidence, known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..documents import Document, Where
    from .tables import Tables


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
                read=read_on(document, where, said["source"]),
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
    if info.only_fixes and cve not in info.only_fixes:
        document.fail(
            where,
            f"{cve}: {build} fixes only {', '.join(info.only_fixes)}",
            "remove the line: without one the cumulative update has to be changed; or correct "
            "only_fixes of the build",
        )
    return Fix(
        product=line["product"],
        cu=line["cu"],
        build=build,
        kb=info.kb,
        entitlement=info.entitlement,
        confidence=confidence(line),
        note=line.get("note"),
        source=source(document, where, line["source"]),
        read=read_on(document, where, line["source"]),
        **_dispute(document, where, line, build, cve),
    )


_DISPUTE = ("disputed_from", "dispute", "disputed_source")


def _dispute(
    document: Document, where: Where, line: Mapping[str, Any], build: Build, cve: str
) -> dict[str, Any]:
    """What another source says of the same cumulative update: a lower build."""
    given = [key for key in _DISPUTE if key in line]
    if not given:
        return {}
    missing = [key for key in _DISPUTE if key not in line]
    if missing:
        document.fail(
            where,
            f"{cve}: {given[0]} without {missing[0]}",
            "say who disagrees, and name the key of the other source (disputed_source)",
        )
    other = Build.parse(line["disputed_from"])
    if other.cumulative_update != build.cumulative_update or other >= build:
        document.fail(
            (*where, "disputed_from"),
            f"{cve}: disputed_from {other} is not below {build} in the same cumulative update",
            "fixed is the highest build that a source names, disputed_from the lowest",
        )
    if line["disputed_source"] == line["source"]:
        document.fail(
            (*where, "disputed_source"),
            f"{cve}: source {line['source']!r} disagrees with itself",
            "name the source of each of the two builds",
        )
    return {
        "disputed_from": other,
        "dispute": line["dispute"],
        "disputed_source": source(document, where, line["disputed_source"]),
        "disputed_read": read_on(document, where, line["disputed_source"]),
    }

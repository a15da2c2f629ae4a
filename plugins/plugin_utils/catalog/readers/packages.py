# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn package and indicator files into records."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from ...base.model import Build
from ..records.builds import Package, Withdrawal
from ..records.campaigns import Indicator, IndicatorSet
from .sources import read_on, source
from .tables import Tables, confidence

if TYPE_CHECKING:
    from ..documents import Document, Where


def read_packages(document: Document, tables: Tables) -> None:
    """One ``packages/*.yml``; product, CU and entitlement come from the build."""
    contained: dict[tuple[str, str], tuple[str, ...]] = {}
    for index, row in enumerate(document.data["packages"]):
        where: Where = ("packages", index)
        build = Build.parse(row["build"])
        info = tables.builds.get(build)
        if info is None or info.product != document.data["product"]:
            document.fail(
                where,
                f"package {row['kb']}: build {build} is not in the table of "
                f"{document.data['product']}",
                "add it to builds/, or correct the number",
            )
        if info.kb != row["kb"]:
            document.fail(
                where, f"build {build} is {info.kb}, the line says {row['kb']}", "correct the line"
            )
        rollups = tables.products[info.product].rollups
        cu = info.cu.split()[0] if rollups else info.cu
        direct = row.get("supersedes", [])
        inherited = [kb for old in direct for kb in contained.get((cu, old), ())]
        supersedes = tuple(dict.fromkeys([*direct, *inherited]))
        contained[cu, row["kb"]] = supersedes
        tables.packages.append(
            Package(
                kb=row["kb"],
                product=info.product,
                cu=cu,
                build=build,
                file=row["file"],
                file_confidence=confidence(row, "file_confidence"),
                supersedes=supersedes,
                sha256=row.get("sha256", "unknown"),
                source=source(document, where, row["source"]),
                read=read_on(document, where, row["source"]),
                note=row.get("note"),
                entitlement=info.entitlement,
                withdrawn=_withdrawal(document, where, row.get("withdrawn")),
            )
        )


def _withdrawal(document: Document, where: Where, row: Any) -> Withdrawal | None:
    if row is None:
        return None
    day = date.fromisoformat(str(row["date"]))
    return Withdrawal(day, row["reason"], source(document, (*where, "withdrawn"), row["source"]))


def read_indicators(document: Document, tables: Tables) -> None:
    """One ``indicators/*.yml``."""
    data = document.data
    if data["id"] in tables.indicators:
        document.fail(("id",), f"indicator set {data['id']!r} exists twice", "rename one")
    tables.indicators[data["id"]] = IndicatorSet(
        id=data["id"],
        title=data["title"],
        note=data.get("note"),
        indicators=tuple(
            Indicator(
                type=row["type"],
                value=row["value"],
                note=row.get("note"),
                source=source(document, ("indicators", index), row["source"]),
            )
            for index, row in enumerate(data["indicators"])
        ),
    )

# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the file about what a cumulative update needs into its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..records.requirements import DotnetRange, LicenceSwitch, Requirements
from .sources import need_day, source
from .tables import Tables, known

if TYPE_CHECKING:
    from ..documents import Document, Where


def read_requirements(document: Document, tables: Tables) -> None:
    """``requirements.yml``."""
    data = document.data
    need_day(document, ("as_of",), data["as_of"])
    releases = _releases(document)
    for name in ("dotnet", "licence"):
        _check_rows(document, name, tables)
    for index, row in enumerate(data["dotnet"]):
        _check_range(document, ("dotnet", index), row, releases)
    tables.requirements = Requirements(
        releases=releases,
        dotnet=tuple(
            DotnetRange(row["product"], row["from"], row["least"], row["most"])
            for row in data["dotnet"]
        ),
        licence=tuple(
            LicenceSwitch(row["product"], row["from"], row["switch"]) for row in data["licence"]
        ),
    )


def _releases(document: Document) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, row in enumerate(document.data["releases"]):
        where: Where = ("releases", index)
        if found and row["release"] <= max(found.values()):
            document.fail(where, "the numbers of .NET do not rise", "order them, oldest first")
        if row["version"] in found:
            document.fail(where, f".NET {row['version']} stands twice", "keep one line")
        source(document, (*where, "source"), row["source"])
        found[row["version"]] = row["release"]
    return found


def _check_rows(document: Document, name: str, tables: Tables) -> None:
    """Products and sources exist; within a product the first row that fits is the right one."""
    last: dict[str, int] = {}
    for index, row in enumerate(document.data[name]):
        where: Where = (name, index)
        product = row["product"]
        cure = "add it to products.yml, or correct the name"
        known(document, (*where, "product"), product, tables.products, "product", cure)
        source(document, (*where, "source"), row["source"])
        if product in last and row["from"] >= last[product]:
            document.fail(
                (*where, "from"),
                f"this line of {product} is never reached, the one above takes CU{row['from']} too",
                "order the lines of a product, newest cumulative update first",
            )
        last[product] = row["from"]


def _check_range(
    document: Document, where: Where, row: dict[str, Any], releases: dict[str, int]
) -> None:
    for end in ("least", "most"):
        cure = "add it to releases, or correct it"
        known(document, (*where, end), row[end], releases, ".NET", cure)
    if releases[row["least"]] > releases[row["most"]]:
        document.fail(where, "least is newer than most", "swap the two")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a file about a module of IIS into its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..records.iis_modules import (
    ModuleInstall,
    ModuleKnowledge,
    ModuleLanguage,
    ModuleProduct,
    version_key,
)
from .sources import source
from .tables import Tables, known

if TYPE_CHECKING:
    from ..documents import Document, Where


def read_module(document: Document, tables: Tables) -> None:
    """One ``iis_modules/*.yml``."""
    data = document.data
    if data["id"] in tables.modules:
        document.fail(("id",), f"module {data['id']!r} exists twice", "rename one of the two")
    _check(document)
    about = data["recognised"]
    tables.modules[data["id"]] = ModuleKnowledge(
        id=data["id"],
        title=data["title"],
        architecture=data["architecture"],
        file=about["file"],
        words=tuple(about["words"]),
        manufacturer=about["manufacturer"],
        default_language=data["default_language"],
        languages=tuple(ModuleLanguage(row["tag"], row["lcid"]) for row in data["languages"]),
        products=tuple(
            ModuleProduct(row["code"], row["version"], row["language"]) for row in data["products"]
        ),
        install=tuple(
            ModuleInstall(row["iis"], row["minimum"], row.get("ucrt")) for row in data["install"]
        ),
        installed_minimum=data["installed"]["minimum"],
        source=source(document, ("recognised", "source"), about["source"]),
    )


def _check(document: Document) -> None:
    """What a schema cannot say: sources exist, languages are listed, nothing stands twice."""
    data = document.data
    tags = [row["tag"] for row in data["languages"]]
    cure = "add it to languages, or correct it"
    known(document, ("default_language",), data["default_language"], tags, "language", cure)
    for index, row in enumerate(data["products"]):
        known(document, ("products", index), row["language"], tags, "language", cure)
    for list_name, key in (("languages", "tag"), ("languages", "lcid"), ("products", "code")):
        values = [row[key] for row in data[list_name]]
        for index, value in enumerate(values):
            if value in values[:index]:
                document.fail((list_name, index), f"{key} {value} stands twice", "keep one")
    rows = [version_key(row["iis"]) or (0,) for row in data["install"]]
    if rows != sorted(set(rows)):
        document.fail(("install",), "the versions of IIS do not rise", "order them, oldest first")
    for index, row in enumerate(data["install"]):
        if ("ucrt" in row) != ("ucrt_source" in row):
            document.fail(("install", index), "ucrt and ucrt_source stand together", "add it")
    for list_name in ("languages", "products", "install"):
        for index, row in enumerate(data[list_name]):
            _check_sources(document, (list_name, index), row)
    _check_sources(document, ("installed",), data["installed"])


def _check_sources(document: Document, where: Where, row: dict[str, Any]) -> None:
    for key in ("source", "ucrt_source", "below_source"):
        if key in row:
            source(document, (*where, key), row[key])

# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures that have a name, and how their tables are read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ..base.errors import CatalogError
from .exit_codes import ExitClass, ExitCode, classify

__all__ = ["ExitClass", "ExitCode", "classify", "failure", "read_table"]

_TABLE = Path(__file__).parent / "data" / "failures" / "update.yml"


def read_table(path: Path) -> dict[str, Any]:
    """Return a table of schema 1; raises ``CatalogError``."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise CatalogError(f"{path.name}: not a table of schema 1; install the collection again")
    return data


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure that has a name, with the repair that Microsoft documents."""

    failure: str  # stable id, e.g. "half-patch"
    title: str
    repair: str
    source: str
    detail: str | None = None


@cache
def _failures(table: Path) -> dict[str, Failure]:
    data = read_table(table)
    return {
        row["id"]: Failure(row["id"], row["title"], row["repair"], data["sources"][row["source"]])
        for row in data["failures"]
    }


def failure(name: str, detail: str | None = None, *, table: Path = _TABLE) -> Failure:
    """Return a named failure with what was seen; raises ``KeyError`` for an unknown name."""
    known = _failures(table)[name]
    return Failure(known.failure, known.title, known.repair, known.source, detail)

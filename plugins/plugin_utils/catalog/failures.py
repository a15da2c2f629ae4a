# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of named failures beside this file, and how such tables are read."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ..base.errors import CatalogError
from ..install.models import Failure
from .exit_codes import ExitClass, ExitCode, classify

__all__ = ["ExitClass", "ExitCode", "classify", "failure", "read_table"]

_TABLE = Path(__file__).with_name("failures.yml")


def read_table(path: Path) -> dict[str, Any]:
    """Return a table of schema 1; raises ``CatalogError``."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise CatalogError(f"{path.name}: not a table of schema 1; install the collection again")
    return data


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

# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables beside this file: named failures, requirements of cumulative updates."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ..errors import CatalogError
from ..jobs.exit_codes import ExitClass, ExitCode, classify
from .models import Failure

__all__ = ["ExitClass", "ExitCode", "classify", "failure", "requirements"]

_FOLDER = Path(__file__).parent


def _read(name: str) -> dict[str, Any]:
    path = _FOLDER / name
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise CatalogError(f"{name}: not a table of schema 1; install the collection again")
    return data


@cache
def _failures() -> dict[str, Failure]:
    data = _read("failures.yml")
    return {
        row["id"]: Failure(row["id"], row["title"], row["repair"], data["sources"][row["source"]])
        for row in data["failures"]
    }


def failure(name: str, detail: str | None = None) -> Failure:
    """Return a named failure with what was seen; raises ``KeyError`` for an unknown name."""
    known = _failures()[name]
    return Failure(known.failure, known.title, known.repair, known.source, detail)


@cache
def requirements() -> dict[str, Any]:
    """What cumulative updates need: .NET, licence switch."""
    return _read("requirements.yml")

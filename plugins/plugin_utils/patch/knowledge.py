# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables beside this file: exit codes, named failures, requirements of cumulative updates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ..errors import CatalogError
from .models import Failure

_FOLDER = Path(__file__).parent


class ExitClass(Enum):
    """What to do after an installer ended; success is proven by conditions only."""

    OK = "ok"
    OK_REBOOT = "ok-reboot"
    BUSY_RETRY = "busy-retry"
    WRONG_TARGET = "wrong-target"
    POLICY = "policy"
    CORRUPT = "corrupt"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ExitCode:
    """One exit code with its class; ``name`` is Windows' own."""

    code: int | None
    kind: ExitClass
    name: str
    meaning: str


def _read(name: str) -> dict[str, Any]:
    path = _FOLDER / name
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise CatalogError(f"{name}: not a table of schema 1; install the collection again")
    return data


@cache
def exit_codes() -> dict[int, ExitCode]:
    """Every known exit code."""
    found: dict[int, ExitCode] = {}
    for row in _read("exit_codes.yml")["codes"]:
        if row["code"] in found:
            raise CatalogError(f"exit_codes.yml: {row['code']} stands twice; remove one")
        kind = ExitClass(row["class"])
        found[row["code"]] = ExitCode(row["code"], kind, row["name"], row["meaning"])
    return found


def classify(code: object) -> ExitCode:
    """Return what an exit code means; anything that is not listed is unknown (I19)."""
    if not isinstance(code, int) or isinstance(code, bool):
        return ExitCode(None, ExitClass.UNKNOWN, "?", "The installer left no exit code.")
    # Windows' exit codes are unsigned 32-bit numbers that some interfaces show as signed ones.
    plain = code + (1 << 32) if code < 0 else code
    known = exit_codes().get(plain)
    meaning = f"The exit code {code} (0x{plain & 0xFFFFFFFF:08X}) is not in the table."
    return known or ExitCode(code, ExitClass.UNKNOWN, "?", meaning)


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

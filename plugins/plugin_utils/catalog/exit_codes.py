# SPDX-License-Identifier: GPL-3.0-or-later
"""What the exit code of an installer means: the table in ``data/``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

import yaml

from ..base.errors import CatalogError

_TABLE = Path(__file__).parent / "data" / "exit_codes.yml"


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


@cache
def exit_codes() -> dict[int, ExitCode]:
    """Every known exit code."""
    data = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise CatalogError(f"{_TABLE.name}: not a table of schema 1; install the collection again")
    found: dict[int, ExitCode] = {}
    for row in data["codes"]:
        if row["code"] in found:
            raise CatalogError(f"{_TABLE.name}: {row['code']} stands twice; remove one")
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

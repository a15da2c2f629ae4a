# SPDX-License-Identifier: GPL-3.0-or-later
"""What the exit code of an installer means: the file ``data/exit_codes.yml``."""

from __future__ import annotations

from .loader import load
from .records.exit_codes import ExitClass, ExitCode

__all__ = ["ExitClass", "ExitCode", "classify"]


def classify(code: object) -> ExitCode:
    """Return what an exit code means; anything that is not listed is unknown (I19)."""
    if not isinstance(code, int) or isinstance(code, bool):
        return ExitCode(None, ExitClass.UNKNOWN, "?", "The installer left no exit code.")
    # Windows' exit codes are unsigned 32-bit numbers that some interfaces show as signed ones.
    plain = code + (1 << 32) if code < 0 else code
    known = load().exit_codes().get(plain)
    meaning = f"The exit code {code} (0x{plain & 0xFFFFFFFF:08X}) is not in the table."
    return known or ExitCode(code, ExitClass.UNKNOWN, "?", meaning)

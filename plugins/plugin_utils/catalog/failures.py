# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures that have a name: the files of ``data/failures/``."""

from __future__ import annotations

from dataclasses import replace

from .exit_codes import ExitClass, ExitCode, classify
from .loader import load
from .records.failures import Failure

__all__ = ["ExitClass", "ExitCode", "Failure", "classify", "failure"]


def failure(name: str, detail: str | None = None) -> Failure:
    """Return a named failure with what was seen; raises ``KeyError`` for an unknown name."""
    return replace(load().failures()[name], detail=detail)

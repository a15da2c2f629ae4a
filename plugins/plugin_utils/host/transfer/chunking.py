# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the next chunk of a push is.

A command costs a fixed time (a PowerShell starts on the server) and a time for each byte. Both are
measured as the push runs, and the chunk grows until the fixed part is a tenth of its time.
"""

from __future__ import annotations

from dataclasses import dataclass

_KIB = 1024
_STEP = 4  # a chunk grows or shrinks fourfold at most


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of the chunk size and of patience.

    ``largest``: ConvertFrom-Json of Windows PowerShell takes 2,097,152 characters at most, and the
    chunk travels as base64 beside the script.
    """

    first: int = 64 * _KIB
    smallest: int = 16 * _KIB
    largest: int = 1024 * _KIB
    fixed_share: float = 0.1  # of a chunk's time that the fixed cost may take
    doubts: int = 5  # interruptions in a row without progress
    repeats: int = 4  # how often the whole size may be sent, all repetitions together


class ChunkSize:
    """Chooses the next chunk from what the last ones took."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._fixed: float | None = None
        self.size = pace.first

    def empty(self, seconds: float) -> None:
        """Learn from a command without content; the shortest one counts."""
        self._fixed = seconds if self._fixed is None else min(self._fixed, seconds)

    def full(self, length: int, seconds: float) -> None:
        """Learn from a chunk that arrived."""
        fixed = min(self._fixed or 0.0, seconds)
        each = max(seconds - fixed, 1e-6) / length
        share = self._pace.fixed_share
        ideal = fixed * (1 - share) / share / each
        self._set(min(max(ideal, length / _STEP), length * _STEP))

    def trouble(self) -> None:
        """Halve it: what broke the connection may have been its size."""
        self._set(self.size / 2)

    def _set(self, wanted: float) -> None:
        self.size = int(min(max(wanted, self._pace.smallest), self._pace.largest))

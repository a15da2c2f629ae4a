# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about a detection tool of Microsoft, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from .tools import ScriptRelease, ScriptVersion, Written


@dataclass(frozen=True, slots=True)
class DetectionEra:
    """How the tool behaves from one version on, until the next era begins.

    ``first``: inclusive; None for a tool whose versions say nothing about its behaviour (MSERT).
    ``how``: the way in which it is run, one of :data:`HOWS`. ``checks``: ids of the questions that it
    answers; ``sees`` and ``cannot_see``: for people.
    """

    first: ScriptVersion | None
    how: str
    checks: tuple[str, ...]
    sees: tuple[str, ...]
    cannot_see: tuple[str, ...]
    source: str


# "objects": -Export, then its own functions, the result as JSON; "files": -OutPath, its files and
# text; "text": no parameter at all, what it prints and leaves beside itself; "scan": a program with a
# log; "report": a script that writes one report; "probe": from the controller over the network.
HOWS = ("objects", "files", "text", "scan", "report", "probe")


@dataclass(frozen=True, slots=True)
class DetectionMode:
    """One command line. ``arguments``: ``{output}`` is the job's own folder on the server.

    ``removes``: it takes files from the server, so it needs a recorded decision.
    ``expected_seconds``: how long it is expected to take, ``longest_seconds``: its deadline.
    """

    name: str  # "default", "quick", "full"
    arguments: tuple[str, ...]
    removes: bool
    expected_seconds: int
    longest_seconds: int
    check: str  # the id of the check that stands for the whole run, "msert/full-scan"
    answers: Mapping[str, tuple[str, ...]]  # directive: its clauses that ask for this run
    source: str


@dataclass(frozen=True, slots=True)
class DetectionTool:
    """One tool. ``expires_days``: how old its file may be; None: it does not expire.

    ``support``: ``run``, or ``read``: only what it has left is read, and ``reason`` says why.
    ``format``: ``ps1``, ``exe`` or ``nse``. ``where``: ``server`` or ``controller``.
    ``signed``: whether Microsoft signs the file. ``needs_mib``: room on the server.
    """

    id: str
    title: str
    file: str
    format: str
    where: str
    support: str
    reason: str | None
    signed: bool
    source: str
    expires_days: int | None
    needs_mib: int
    needs_powershell: str | None
    releases: tuple[ScriptRelease, ...]
    recognise: tuple[str, ...]  # parameters, words, or the product of a version resource
    eras: tuple[DetectionEra, ...]
    modes: tuple[DetectionMode, ...]
    writes: tuple[Written, ...]
    as_of: date

    def mode(self, name: str) -> DetectionMode:
        """Return one of its command lines; raises ``KeyError``."""
        for mode in self.modes:
            if mode.name == name:
                return mode
        raise KeyError(name)

    def era(self, version: ScriptVersion | None) -> DetectionEra | None:
        """Return how a version behaves; None where that is not known."""
        if len(self.eras) == 1 and self.eras[0].first is None:
            return self.eras[0]
        if version is None:
            return None
        known = [era for era in self.eras if era.first is not None and version >= era.first]
        return known[-1] if known else None

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a script of Microsoft on one host, as the playbook wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..catalog.scripts import tool
from ..host.transport.keys import operation_key
from .command import ScriptOptions

if TYPE_CHECKING:
    from pathlib import Path

    from ..catalog.records.tools import ScriptIntent
    from .identify import Pin


@dataclass(frozen=True, slots=True)
class ScriptRequest:
    """What is wanted of one host. The run, its owner and the journal belong to the session."""

    host: str
    tool: str  # an id of the tool catalogue
    source: Path  # the operator's file
    intent: ScriptIntent
    kept: Path  # folder of this host in the case
    mitigations: tuple[str, ...] = ()  # all that the tool knows when empty; it takes one or all
    pin: Pin | None = None  # for a file that the tool catalogue does not list
    campaign: str = "proxylogon"
    check: bool = False
    seconds: int = 3600  # until the job's deadline
    progress_seconds: int = 1800
    site: str = "Default Web Site"
    timeout_seconds: int | None = None
    accept_rollback_defaults: bool = False
    although_open: str | None = None  # why it comes off although it is still needed
    objection: str | None = None  # why the operator's policy does not let it start now
    secrets: tuple[str, ...] = ()  # masked in what is kept

    @property
    def names(self) -> tuple[str, ...]:
        """The mitigations that are meant."""
        return self.mitigations or tool(self.tool).mitigations

    @property
    def options(self) -> ScriptOptions:
        """What the tool is asked for."""
        return ScriptOptions(
            self.intent,
            self.names,
            self.site,
            self.timeout_seconds,
            self.accept_rollback_defaults,
        )

    def job_name(self, run: str, sha256: str) -> str:
        """Name the jobs of a run for these options; other options or another file are another job."""
        options = self.options
        mark = operation_key(
            run=run,
            sha256=sha256,
            intent=options.intent.value,
            mitigations=sorted(options.mitigations),
            timeout=options.timeout_seconds,
        )
        return f"{self.tool.replace('_', '-')}-{mark[:12]}"

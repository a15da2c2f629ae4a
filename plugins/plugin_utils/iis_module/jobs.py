# SPDX-License-Identifier: GPL-3.0-or-later
"""msiexec with the module's MSI as a durable job: ordered once, watched, never ended (I15).

Removal is the same MSI with ``REMOVE=ALL`` (documented for MsiInstallProduct, whose command line
msiexec passes on), not ``msiexec /x``: so the runner launches a file that it has hashed, as always.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..catalog.exit_codes import ExitClass, ExitCode, classify
from ..host.jobs.attempts import Command

if TYPE_CHECKING:
    from ..host.calls.iis_module import Noted
    from ..host.jobs.attempts import JobEnd
    from ..trust.packages.iis_module_records import ModuleRecord

INSTALL, REMOVE = "install", "remove"
_SUCCESS = (ExitClass.OK, ExitClass.OK_REBOOT)


@dataclass(frozen=True, slots=True)
class MsiexecEnd:
    """What the end of a job of msiexec means; ``reason`` says it for people."""

    end: JobEnd
    reason: str

    @property
    def job(self) -> str:
        """The name of the job."""
        return self.end.job

    @property
    def code(self) -> ExitCode | None:
        """What its exit code means; None where it has none."""
        return classify(self.end.exit_code) if self.end.finished else None

    @property
    def busy(self) -> bool:
        """Another installation was at work, so nothing was changed."""
        return self.code is not None and self.code.kind is ExitClass.BUSY_RETRY

    @property
    def good(self) -> bool:
        """The installer reports success; that proves nothing yet (I18)."""
        return self.code is not None and self.code.kind in _SUCCESS

    @property
    def restart(self) -> bool:
        """The installer wants a restart."""
        return self.code is not None and self.code.kind is ExitClass.OK_REBOOT

    @property
    def text(self) -> str:
        """A sentence for people."""
        return f"Job {self.job}: {self.reason.rstrip('.')}."

    def details(self) -> dict[str, Any]:
        """For results and journals."""
        return {
            "job": self.job,
            "exit_code": self.code.code if self.code else None,
            "launched": self.end.launched,
            "ended": self.reason,
        }


def meaning(end: JobEnd) -> MsiexecEnd:
    """Say how a job ended."""
    if end.finished:
        return MsiexecEnd(end, f"exit code {end.exit_code}, {classify(end.exit_code).meaning}")
    if end.cut:
        return MsiexecEnd(end, "it was cut off by a restart, its exit code is not known")
    if end.open_end:
        return MsiexecEnd(end, f"it is not known how it ends: {end.reason}")
    return MsiexecEnd(end, f"nothing was launched: {end.reason}")


def installs(run: str) -> str:
    """Return what the names of a run's installations begin with."""
    return f"rewrite-module-{hashlib.sha256(run.encode()).hexdigest()[:8]}"


def removes(noted: Noted) -> str:
    """Return the same of the removals of one installation, whichever run orders them."""
    return f"{noted.job}-out"


def msiexec(path: str, module: ModuleRecord, job: str, act: str, seconds: int) -> Command:
    """Return what a job runs; its log lies beside the MSI."""
    log = f"{path.rpartition(chr(92))[0]}\\{job}.log"
    return Command(path, module.sha256, arguments(act, log), (log,), max(60, min(seconds, 1800)))


def arguments(act: str, log: str) -> tuple[str, ...]:
    """Return what msiexec gets behind ``/i`` and the file."""
    words = ("REMOVE=ALL",) if act == REMOVE else ()
    return (*words, "/quiet", "/norestart", "/l*v", log)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is around every change of one server: host lock, journal, and what an error leaves behind."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from ..base.errors import LockedByOther, LockLost, RemediationError
from ..base.progress import Progress, Sink, silent
from .admission import StalePlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..host.calls.core import Lock
    from .session import HostSession


class Broken(Enum):
    """What is known of a server after an error ended its change."""

    STALE_PLAN = "stale-plan"  # it is not what was approved: nothing was changed
    STOPPED = "stopped"  # before anything was changed
    UNKNOWN = "unknown"  # a change was begun, and nobody can say how it ended (I19)


class AtWork(RemediationError):  # noqa: N818 - a state of the host, not a mistake
    """Something that was started on the server has not come to its end."""

    code = "at-work"


@dataclass(frozen=True, slots=True)
class StepFailure:
    """One step that failed, or was not tried; ``about``: the mitigation that it is of, if one."""

    step: str
    reason: str
    about: str | None = None

    def __str__(self) -> str:
        """Return it in one line, as results and reports show it."""
        return f"{self.step}: {self.reason}"


@dataclass(slots=True)
class ChangeRun:
    """One change of one server, whichever phase makes it.

    ``steps`` are those that were made, as results show them: ``{"step": ..., "changed": ...}``.
    ``acted``: a change was sent, so an error from now on leaves the server in an unknown state.
    """

    session: HostSession
    host: str
    phase: str
    notice: Sink = silent
    steps: list[dict[str, Any]] = field(default_factory=list)
    changed: bool = False
    acted: bool = False
    installs: bool = False  # what it starts may go on by itself after an error
    locked: bool = False
    lock_record: Lock | None = None  # what the host answered last
    _begun: str = ""

    @contextmanager
    def of(
        self,
        end: Callable[[Broken, RemediationError], None],
        *,
        raises: tuple[type[RemediationError], ...] = (),
    ) -> Iterator[None]:
        """Turn what is raised into an end, and give the lock back unless something is at work.

        ``end`` is told what is known of the server; errors in ``raises`` go on to the caller.
        """
        try:
            yield
        except raises:
            self.release()
            raise
        except RemediationError as error:
            how = self._broken(error)
            if isinstance(error, AtWork) or (self.installs and how is Broken.UNKNOWN):
                self.at_work()
            if isinstance(error, LockLost):
                self.locked = False  # it is another's by now: there is nothing of ours to give back
            end(how, error)
        self.release()

    def _broken(self, error: RemediationError) -> Broken:
        if isinstance(error, StalePlan):
            return Broken.STALE_PLAN
        if self.acted or isinstance(error, AtWork):
            return Broken.UNKNOWN
        return Broken.STOPPED

    # The lock ----------------------------------------------------------------------------

    def lock(self, purpose: str) -> None:
        """Take the host lock, or renew it; raises ``LockedByOther``."""
        self.lock_record = self.session.lock(purpose)
        self.locked = True

    def at_work(self) -> None:
        """Keep the lock: something may be at work, and nobody else is to change it meanwhile."""
        self.locked = False

    def take_back_lock(self) -> None:
        """Give back, at the end, the lock that a killed life of this run has left."""
        if self.locked or not self.session.holds_lock():
            return
        with suppress(LockedByOther):  # that life goes on: it is its own
            self.lock("to give it back: nothing is left to do")

    def release(self) -> None:
        """Give the lock back."""
        if not self.locked:
            return
        self.locked = False
        try:
            self.session.unlock()
        except RemediationError as error:
            self._tell("release", f"the lock could not be given back: {error}")

    # Steps -------------------------------------------------------------------------------

    def begin(self, step: str, about: Mapping[str, Any]) -> None:
        """Note in the journal what is sent next, where that is no single change of the session."""
        self.session.record("intent", {"step": step, **about})
        self._begun = step

    def did(self, step: str, *, changed: bool, **details: Any) -> None:
        """Note a step, in the journal too if it was begun there."""
        if self._begun == step:
            self.session.record("done", {"step": step, "changed": changed, **details})
            self._begun = ""
        self.steps.append({"step": step, "changed": changed, **details})
        self.changed = self.changed or changed
        self._tell(step, f"{step} {'done' if changed else 'unchanged'}")

    def _tell(self, step: str, line: str) -> None:
        self.notice(Progress(self.host, self.phase, step, line=f"{self.host}: {line}"))

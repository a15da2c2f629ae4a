# SPDX-License-Identifier: GPL-3.0-or-later
"""Time limits of a task: Ansible's ``timeout`` around all of it, and ours around one command.

Ansible cuts a task off by SIGALRM wherever it stands (``timeout`` of a task, ``task_timeout`` and
``ANSIBLE_TASK_TIMEOUT`` for all of them). A general limit is there for a host that keeps us
waiting for ever; an installer that works for two hours is no such host. So a task that changes a
server puts a general limit aside and bounds each command instead, and refuses one that somebody
has set for it and that is shorter than its work. No import of ansible.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from ..base.errors import ConfigError, RefusedError, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND_SECONDS = 900  # one command: facts of a busy server take minutes, everything else seconds
_AFTERWARDS = 60.0  # what a limit that was put aside leaves at least, to say how it ended


class _CutOff(BaseException):
    """Raised by the alarm: outside of ``Exception``, as what is cut off must not catch it."""


@dataclass(frozen=True, slots=True)
class TaskTimeout:
    """The ``timeout`` of a task in seconds, 0 for none; ``general``: it is that of all tasks."""

    seconds: int = 0
    general: bool = True

    @contextmanager
    def allowing(self, longest: float, *, aside: bool) -> Iterator[None]:
        """Let work of up to ``longest`` seconds come to its end; ``aside``: it is about to begin.

        :raises ConfigError: the limit was set for this task or its play, and it is shorter.
        :raises RefusedError: it cannot be put aside.
        """
        short = 0 < self.seconds < longest
        if short and not self.general:
            raise ConfigError(
                f"timeout: this task or its play is given {self.seconds} s, and its work may take "
                f"{longest:.0f} s: it would be cut off with an installer at work, nothing was begun. "
                f"Remove timeout, set it to {longest:.0f} or more, or lower seconds"
            )
        if not (short and aside):
            yield
            return
        if not _in_charge() or not signal.getitimer(signal.ITIMER_REAL)[0]:
            raise RefusedError(
                f"task_timeout: Ansible ends each task after {self.seconds} s in a way that is not "
                f"known here, and this one may take {longest:.0f} s: nothing was begun. Set timeout: "
                "0 for the task, or task_timeout to 0 in ansible.cfg (ANSIBLE_TASK_TIMEOUT)"
            )
        left, began = signal.setitimer(signal.ITIMER_REAL, 0)[0], time.monotonic()
        try:
            yield
        finally:
            again = max(left - (time.monotonic() - began), _AFTERWARDS)
            signal.setitimer(signal.ITIMER_REAL, again)


NO_TIMEOUT = TaskTimeout()


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise ``Timeout`` where what is done takes longer; a shorter limit that is set stays."""
    left = signal.getitimer(signal.ITIMER_REAL)[0]
    if not _in_charge() or 0 < left <= seconds:
        yield
        return
    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, _cut_off)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _CutOff:
        raise Timeout(f"no end of one command after {seconds:.0f} s; it was given up") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            rest = max(left - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, rest)


def command_seconds(request: bytes) -> float:
    """How long one command may take: fetching a package has a deadline of its own."""
    try:
        given = json.loads(request)["parameters"]["deadline_seconds"]
    except (ValueError, KeyError, TypeError):
        return COMMAND_SECONDS
    return COMMAND_SECONDS + float(given)


def _in_charge() -> bool:
    """Whether alarms reach us: only the main thread of a process gets them."""
    return threading.current_thread() is threading.main_thread()


def _cut_off(_signal: int, _frame: object) -> NoReturn:
    raise _CutOff

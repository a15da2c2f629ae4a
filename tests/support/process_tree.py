# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test that hangs has started ends with it; what others still need goes on.

Hooks for a ``conftest.py``. pytest-timeout only raises in the test: a shell that was waited for
would be gone, and the playbook that it started would go on for the rest of the run.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# The processes of fixtures that live longer than one test.
_KEPT = pytest.StashKey[set[int]]()


def descendants(pid: int) -> set[int]:
    """Return the numbers of all processes below one; who has lost its parent is not found."""
    found: set[int] = set()
    pending = [pid]
    while pending:
        below = _children(pending.pop()) - found
        found |= below
        pending += below
    return found


def _children(pid: int) -> set[int]:
    children: set[int] = set()
    with suppress(OSError):  # it ended meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                children |= {int(number) for number in (thread / "children").read_text().split()}
    return children


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> Iterator[None]:
    """Put the end of what the test started before the failure of the test."""
    result = yield
    fail = signal.getsignal(signal.SIGALRM)
    if not callable(fail):  # no limit, or one that is kept by a thread
        return result
    before = descendants(os.getpid())

    def end(number: int, frame: Any) -> None:
        kept = item.config.stash.setdefault(_KEPT, set())
        for pid in descendants(os.getpid()) - before - kept:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        fail(number, frame)

    signal.signal(signal.SIGALRM, end)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Iterator[None]:
    """Note which processes belong to more than one test."""
    if fixturedef.scope == "function":
        return (yield)
    before = descendants(os.getpid())
    result = yield
    kept = request.config.stash.setdefault(_KEPT, set())
    kept |= descendants(os.getpid()) - before
    return result

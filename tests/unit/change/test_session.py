# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a host is asked again: long in the middle of a change, briefly where nothing was begun."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.session import HostSession

STAMP = SimpleNamespace(name="EX01", clock=None, boot_id=None)


class Line:
    """Answers or breaks in the order given; the last one for ever."""

    peer = "ex01"

    def __init__(self, *answers: Exception | None, result: Any = None) -> None:
        self.answers = list(answers)
        self.result = result or {}
        self.asked = 0

    def run(self, _operation: Any) -> Any:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            raise answer
        return SimpleNamespace(result=self.result, host=STAMP, script_sha256=None, replayed=False)


def session(line: Line) -> tuple[HostSession, list[float]]:
    slept: list[float] = []
    return HostSession(line, "run-1", "controller-a", slept.append), slept


def test_host_that_was_never_reached_is_asked_once_more() -> None:
    line = Line(errors.Unreachable("no route"))
    host, slept = session(line)
    with pytest.raises(errors.Unreachable):
        host.facts()
    assert (line.asked, slept) == (2, [2.0])


def test_host_that_answers_the_second_time_is_reached() -> None:
    host, slept = session(Line(errors.Unreachable("no route"), None))
    host.facts()
    assert slept == [2.0]


def test_host_that_was_reached_is_waited_for() -> None:
    line = Line(None, errors.Unreachable("it restarts"))
    host, slept = session(line)
    host.facts()
    with pytest.raises(errors.Unreachable):
        host.facts()
    assert (line.asked, slept) == (7, [2.0, 4.0, 8.0, 16.0, 32.0])


def test_refused_password_is_never_tried_again() -> None:
    line = Line(errors.AuthenticationFailed("401"))
    host, slept = session(line)
    with pytest.raises(errors.AuthenticationFailed):
        host.facts()
    assert (line.asked, slept) == (1, [])


@pytest.mark.parametrize(("reached", "asked"), [(False, 1), (True, 6)])
def test_renewed_ticket_is_looked_for_once_the_host_was_reached(
    reached: bool,  # noqa: FBT001
    asked: int,
) -> None:
    line = Line(errors.NoTicket("the ticket has expired"))
    host, slept = session(line)
    host.reached = reached
    with pytest.raises(errors.NoTicket):
        host.facts()
    assert (line.asked, len(slept)) == (asked, asked - 1)


def test_time_out_is_waited_for_since_the_host_may_have_acted() -> None:
    line = Line(errors.Timeout("no answer in time"))
    host, slept = session(line)
    with pytest.raises(errors.Timeout):
        host.facts()
    assert (line.asked, len(slept)) == (6, 5)


@pytest.mark.parametrize(
    ("owner", "run", "ours"),
    [
        ("controller-a", "run-1", True),
        ("controller-a", "run-2", False),
        ("controller-b", "run-1", False),
    ],
)
def test_lock_is_ours_if_owner_and_run_are_i16(owner: str, run: str, *, ours: bool) -> None:
    host, _ = session(Line(None, result={"state": "held", "lock": {"owner": owner, "run": run}}))
    assert host.holds_lock() is ours


def test_change_is_in_the_journal_before_it_is_sent_i13() -> None:
    line = Line(None, result={"changed": True})
    seen: list[tuple[str, int]] = []
    host = HostSession(
        line, "run-1", "controller-a", record=lambda event, _data: seen.append((event, line.asked))
    )
    host.change("Save-UpdateSnapshot", {}, "snapshot")
    assert seen == [("intent", 0), ("done", 1)]

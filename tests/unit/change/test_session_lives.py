# SPDX-License-Identifier: GPL-3.0-or-later
"""Two lives of one run: one has the host, and gets nothing more when the other took it (I16)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    LockedByOther,
    LockLost,
    RemediationError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.life import Life
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.run import (
    Broken,
    ChangeRun,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.session import HostSession
from rehearsed_host import OWNER, RehearsedHost

UPDATE = {"update": "kb1"}


class Host(RehearsedHost):
    AT: ClassVar[datetime] = datetime(2021, 3, 5, 10, tzinfo=UTC)
    SPEC: ClassVar[dict[str, Any]] = {"now": "2021-03-05T10:00:00Z"}

    def life_of(self, *over: str, takeover: str = "") -> HostSession:
        """One life of the run, which knows of others that they are over."""
        return HostSession(
            self.transport(),
            "run-1",
            OWNER,
            self.sleep,
            self.record,
            takeover=takeover,
            life=Life(ended=lambda life: life in over),
        )

    @property
    def ended(self) -> str:
        return str(self.ask("Get-HostLock")["lock"]["life"])


def test_second_life_is_refused_while_the_first_may_live() -> None:
    host = Host()
    host.life_of().lock("patch")
    with pytest.raises(LockedByOther, match="locked by 'controller-a'"):
        host.life_of().lock("patch")
    with pytest.raises(LockedByOther):
        host.life_of("another").lock("patch")


def test_life_goes_on_at_once_where_the_one_before_is_over_i15() -> None:
    host = Host()
    first = host.life_of()
    assert first.lock("patch").state == "acquired"
    assert first.lock("patch").state == "renewed"
    second = host.life_of(host.ended)
    assert (second.lock("patch").reason, host.slept) == ("life", 0.0)
    second.change("Save-UpdateSnapshot", UPDATE, "snapshot")
    with pytest.raises(LockLost, match="in the hands of 'controller-a'"):
        first.change("Remove-UpdateSnapshot", UPDATE, "forget")
    with pytest.raises(LockLost):
        first.unlock()
    second.unlock()


def test_answers_of_the_life_before_come_back_under_another_ticket_i15() -> None:
    host = Host()
    first = host.life_of()
    first.lock("patch")
    first.change("Save-UpdateSnapshot", UPDATE, "snapshot")
    second = host.life_of(host.ended)
    second.lock("patch")
    before = host.mutations
    assert second.change("Save-UpdateSnapshot", UPDATE, "snapshot")["changed"] is True
    assert host.journal[-1][1]["replayed"] is True
    assert host.mutations == before


def test_run_that_lost_the_host_ends_unknown_and_leaves_the_lock_of_the_other() -> None:
    host = Host()
    first, ends = host.life_of(), []

    def end(how: Broken, error: RemediationError) -> None:
        ends.append((how, error.code))

    change = ChangeRun(first, "ex01", "patch")
    with change.of(end):
        change.lock("patch")
        change.acted = True
        other = host.life_of(takeover="controller-a does not answer")
        other.lock("patch")
        first.change("Save-UpdateSnapshot", UPDATE, "snapshot")
    assert ends == [(Broken.UNKNOWN, "lock-lost")]
    assert host.asked[-1] == "Save-UpdateSnapshot", "nothing is given back that is another's"
    other.change("Save-UpdateSnapshot", UPDATE, "snapshot")


def test_lock_of_a_life_that_goes_on_is_not_given_back() -> None:
    host = Host()
    host.life_of().lock("patch")
    late = ChangeRun(host.life_of(), "ex01", "mitigate")
    with late.of(lambda _how, _error: None):
        late.take_back_lock()
    assert host.locked
    late = ChangeRun(host.life_of(host.ended), "ex01", "mitigate")
    with late.of(lambda _how, _error: None):
        late.take_back_lock()
    assert not host.locked


def test_lock_that_others_had_in_between_is_not_taken_again() -> None:
    """It is free by now, and the host is not what this run goes by any more."""
    host = Host()
    first = host.life_of(takeover="controller-b does not answer")
    first.lock("patch")
    other = host.life_of(takeover="controller-a does not answer")
    other.lock("patch")
    with pytest.raises(LockLost, match="in the hands of"):
        first.lock("patch")
    other.unlock()
    with pytest.raises(LockLost, match="took the host over at"):
        first.lock("patch")
    assert not host.locked

# SPDX-License-Identifier: GPL-3.0-or-later
"""A ticket that runs out while an installer works on the host, and the connection breaks."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.session import HostSession
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobOutcome,
    Patience,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.driver import JobDriver
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.restart import (
    Restart,
)
from fleet_of_one import ORDER, HostOfOne
from holders import HeldTransport
from kerberos_client import using

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Site

pytestmark = pytest.mark.integration
EFFECT = {"kind": "file", "path": "C:\\done.txt", "text": "installed"}
INSTALLS = {"duration_seconds": 1200, "exit_code": 3010, "output": "x", "effects": [EFFECT]}
PATIENCE = Patience(deadline=3600.0)


@dataclass
class Controller:
    """A run whose ticket is a file that the test replaces while the run sleeps."""

    site: Site
    expired: Path
    renewed: Path
    cache: Path
    renew_after: int | None  # sleeps without a ticket until somebody renews it; None: nobody does
    strike: int = 2  # the sleep during which ticket and connection are lost
    host: HostOfOne = field(default_factory=lambda: HostOfOne(INSTALLS))
    sleeps: int = 0
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        shutil.copy(self.renewed, self.cache)
        self.site.endpoint.begin(self.host.world)
        self.transport: Any = HeldTransport(self.site.connection().open(), self.host.holders)

    def sleep(self, seconds: float) -> None:
        self.host.sleep(seconds)
        self.sleeps += 1
        if self.sleeps == self.strike:
            shutil.copy(self.expired, self.cache)
            self.site.endpoint.hang_up()
        elif self.renew_after is not None and self.sleeps == self.strike + self.renew_after:
            shutil.copy(self.renewed, self.cache)

    def notice(self, progress: Any) -> None:
        self.said.append(progress.line)

    def driver(self) -> JobDriver:
        return JobDriver(
            self.transport, self.sleep, self.host.clock, lambda: 0.5, notice=self.notice
        )

    @property
    def installed(self) -> bool:
        """Whether the program did its work; asked with a new ticket."""
        shutil.copy(self.renewed, self.cache)
        finished = self.driver().observe(ORDER.job).state == "finished"
        return finished and self.host.world.text("C:\\done.txt") == "installed"


@pytest.fixture
def run(relaxed: Site, valid: str, expired: str, tmp_path: Path) -> Iterator[Any]:
    """Make a controller that logs in with a cache of its own."""
    tickets = relaxed.tickets
    with using(tickets.environment(valid) | {"KRB5CCNAME": f"FILE:{tmp_path / 'cache'}"}):
        yield lambda renew_after: Controller(
            relaxed, tickets.path(expired), tickets.path(valid), tmp_path / "cache", renew_after
        )
        relaxed.close()


def test_job_is_watched_to_its_end_with_a_ticket_that_was_renewed(run: Any) -> None:
    controller = run(3)
    before = controller.site.endpoint.counters
    result = controller.driver().run(ORDER, PATIENCE)
    assert (result.outcome, controller.host.launches) == (JobOutcome.FINISHED, 1), result.reason
    assert result.state is not None
    assert result.state.exit_code == 3010
    assert result.lost >= 2
    words = [line for line in controller.said if "has expired; get a new one with `kinit" in line]
    assert len(words) == 1, "said once, not with every question"
    after = controller.site.endpoint.counters
    assert (after.kerberos - before.kerberos, after.refused - before.refused) == (2, 0)


def test_job_goes_on_without_a_ticket_and_the_run_ends_unknown(run: Any) -> None:
    controller = run(None)
    result = controller.driver().run(ORDER, PATIENCE)
    assert (result.outcome, controller.host.launches) == (JobOutcome.UNKNOWN, 1)
    assert "the Kerberos ticket has expired; get a new one with `kinit" in result.reason
    assert controller.installed, "the installer does not depend on us"
    assert controller.host.launches == 1


def test_nothing_is_waited_for_where_nothing_was_ordered(run: Any) -> None:
    controller = run(None)
    shutil.copy(controller.expired, controller.cache)
    result = controller.driver().run(ORDER, PATIENCE)
    assert (result.outcome, controller.sleeps, controller.host.launches) == (
        JobOutcome.UNKNOWN, 0, 0,
    )  # fmt: skip


@pytest.mark.parametrize("renewed", [True, False])
def test_restart_is_seen_with_a_ticket_that_was_renewed(run: Any, renewed: bool) -> None:  # noqa: FBT001
    controller = run(2 if renewed else None)
    controller.strike = 1
    restart = Restart(controller.transport, controller.sleep, controller.host.clock)
    result = restart.run(
        run="run-1", step="restart", owner=ORDER.owner, reason="an update", timeout=600
    )
    expected = JobOutcome.FINISHED if renewed else JobOutcome.UNKNOWN
    assert result.outcome is expected, result.reason


@pytest.mark.parametrize("renewed", [True, False])
def test_session_looks_for_a_renewed_ticket_once_it_has_reached_the_host(
    run: Any,
    renewed: bool,  # noqa: FBT001
) -> None:
    controller = run(1 if renewed else None)
    session = HostSession(
        controller.transport, owner="ctl", run="run-1", record=lambda *_: None,
        sleep=controller.sleep,
    )  # fmt: skip
    assert session.facts().result
    controller.sleep(1)
    controller.sleep(1)
    if renewed:
        assert session.facts().result
    else:
        with pytest.raises(Exception, match="has expired"):
            session.facts()
        assert controller.sleeps == 2 + session.tries - 1

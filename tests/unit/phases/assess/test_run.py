# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way an attempt can end becomes one entry of the report, never an exception."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.dates import parse_date
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls.facts import COLLECT
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.in_process import (
    InProcessTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.assess.run import (
    AssessRequest,
    assess_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2021, 3, 5, 10, 0, tzinfo=UTC)
SPEC = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"},
    "now": "2021-03-05T10:00:30Z",
}


def clock() -> Callable[[], datetime]:
    """Ten seconds pass between two looks."""
    ticks = iter(range(100))
    return lambda: NOW + timedelta(seconds=10 * next(ticks))


@pytest.fixture
def transport() -> Iterator[Callable[[], InProcessTransport]]:
    host = SimulatedHost("ex01", "127.77.0.1", build_world(SPEC, "ex01"))
    with InProcessTransport(ModelEngine(), host) as made:
        yield lambda: made


def test_an_answer_becomes_an_assessed_entry_with_its_times(transport: Any) -> None:
    entry = assess_host(AssessRequest("ex01", "10.0.0.1"), transport, clock())
    assert (entry["host"], entry["address"], entry["state"], entry["reason"]) == (
        "ex01", "10.0.0.1", "assessed", None,
    )  # fmt: skip
    assert entry["assessment"]["identity"]["build"] == "15.1.2176.2"
    assert entry["assessment"]["at"].startswith("2021-03-05T10:00:10")
    assert entry["timing"]["sent"] == "2021-03-05T10:00:10+00:00"
    assert entry["timing"]["received"] == "2021-03-05T10:00:20+00:00"
    assert entry["timing"]["seconds"] == 10.0
    assert len(entry["timing"]["script_sha256"]) == 64
    # The host's 10:00:30 was read somewhere between 10:00:10 and 10:00:20.
    assert entry["clock_offset_seconds"] == 15.0


def test_another_date_can_be_judged_for(transport: Any) -> None:
    at = datetime(2022, 1, 1, tzinfo=UTC)
    entry = assess_host(AssessRequest("ex01", at=at), transport, clock())
    assert entry["assessment"]["at"] == "2022-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (errors.Unreachable, "unreachable"),
        (errors.Timeout, "unreachable"),
        (errors.TransportError, "unreachable"),
        (errors.AuthenticationFailed, "authentication-failed"),
        (errors.RefusedError, "refused"),
        (errors.ConfigError, "refused"),
        (errors.EmptyReply, "error"),
        (errors.WrongNonce, "error"),
        (errors.ReplyTooLarge, "error"),
        (errors.LanguageModeRefused, "error"),
        (errors.ScriptError, "error"),
    ],
)
@pytest.mark.parametrize("when", ["connecting", "running"])
def test_each_failure_has_its_state_and_begins_with_its_code(
    error: type[errors.RemediationError], state: str, when: str
) -> None:
    class Broken:
        peer = "ex01"

        def run(self, operation: Any) -> Any:
            assert operation.name == COLLECT
            raise error("what happened\x1b[2J")

    def connect() -> Any:
        if when == "connecting":
            raise error("what happened\x1b[2J")
        return Broken()

    entry = assess_host(AssessRequest("ex01"), connect, clock())
    assert entry["state"] == state
    assert entry["reason"] == f"{error.code}: what happened\\x1b[2J"
    assert entry["assessment"] is None
    assert entry["timing"]["seconds"] >= 10


def test_a_reason_of_any_length_is_cut() -> None:
    def connect() -> Any:
        raise errors.Unreachable("x" * 100_000)

    assert len(assess_host(AssessRequest("ex01"), connect, clock())["reason"]) == 600


def test_an_unknown_campaign_is_the_operators_error(transport: Any) -> None:
    with pytest.raises(errors.RemediationError, match="proxylogin"):
        assess_host(AssessRequest("ex01", campaign="proxylogin"), transport, clock())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-03-05", datetime(2021, 3, 5, tzinfo=UTC)),
        ("2021-03-05T12:00:00+02:00", datetime(2021, 3, 5, 10, tzinfo=UTC)),
        ("2021-03-05T10:00:00Z", datetime(2021, 3, 5, 10, tzinfo=UTC)),
        (None, None),
        ("", None),
    ],
)
def test_a_date_is_read_as_utc(text: str | None, moment: datetime | None) -> None:
    assert parse_date(text) == moment


@pytest.mark.parametrize("text", ["yesterday", "5.3.2021", "2021-13-01"])
def test_what_is_no_date_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(errors.ConfigError, match="write it like 2021-03-05"):
        parse_date(text)

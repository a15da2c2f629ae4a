# SPDX-License-Identifier: GPL-3.0-or-later
"""Assess one host: ask once, judge, and give the host's entry for the report, whatever happens.

The entry is one element of ``hosts`` in ``report/report.schema.json``. A host that cannot be
reached or does not answer properly is an entry too (I3); only a wrong request raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...base.clock import utc_now
from ...base.errors import (
    AuthenticationFailed,
    ConfigError,
    RefusedError,
    RemediationError,
    TransportError,
)
from ...base.model import HostState
from ...base.sanitize import clean
from ...catalog.loader import load
from ...facts.validate import validate
from ...host.calls.asking import Direct
from ...host.calls.facts import collect
from ...judge.assess import assess
from ...judge.checks.clock import ClockSample, offset
from ...judge.serialize import assessment_to_dict

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ...host.transport.base import Transport
    from ...host.transport.reply import HostError, Reply

_LONGEST_REASON = 600


@dataclass(frozen=True, slots=True)
class AssessRequest:
    """What is asked about one host of the inventory."""

    host: str
    address: str | None = None
    campaign: str = "proxylogon"
    at: datetime | None = None  # None: the moment of asking


def host_result(request: AssessRequest, state: HostState, reason: str | None) -> dict[str, Any]:
    """An entry without an answer: the state and why."""
    return {
        "host": request.host,
        "address": request.address,
        "state": state.value,
        "reason": None if reason is None else str(clean(reason))[:_LONGEST_REASON],
        "assessment": None,
        "facts": None,
        "errors": [],
        "clock_offset_seconds": None,
        "timing": {},
        "peer": None,
    }


def assess_host(
    request: AssessRequest, connect: Callable[[], Transport], now: Callable[[], datetime] = utc_now
) -> dict[str, Any]:
    """Run the one operation over ``connect()`` and judge its reply.

    ``connect`` may raise any :class:`RemediationError`; so may the transport that it returns.
    Raises :class:`ConfigError` or ``CatalogError`` for a wrong request only.
    """
    catalog = load()
    campaign = catalog.campaign(request.campaign)
    sent = now()
    try:
        transport = connect()
        sent = now()
        reply = collect(Direct(transport))
        validate(reply.result)
    except RemediationError as error:
        result = host_result(request, _state_of(error), f"{error.code}: {error}")
        result["timing"] = _timing(sent, now(), None)
        return result
    sample = ClockSample(sent, now())
    distance = offset(reply.host.clock, sample)
    judged = assess(reply.result, reply.errors, catalog, campaign, request.at or sent, sample)
    return host_result(request, HostState.ASSESSED, None) | {
        "assessment": assessment_to_dict(judged),
        "facts": reply.result,
        "errors": [_host_error(error) for error in reply.errors],
        "clock_offset_seconds": None if distance is None else round(distance.middle, 3),
        "timing": _timing(sample.sent, sample.received, reply),
    }


def _state_of(error: RemediationError) -> HostState:
    if isinstance(error, AuthenticationFailed):
        return HostState.AUTHENTICATION_FAILED
    if isinstance(error, TransportError):
        return HostState.UNREACHABLE
    return HostState.REFUSED if isinstance(error, (RefusedError, ConfigError)) else HostState.ERROR


def _timing(sent: datetime, received: datetime, reply: Reply | None) -> dict[str, Any]:
    """Controller times of the exchange; with a reply, the host's own figures too."""
    record: dict[str, Any] = {
        "sent": sent.isoformat(),
        "received": received.isoformat(),
        "seconds": round((received - sent).total_seconds(), 3),
    }
    if reply is not None:
        record["host_ms"] = reply.duration_ms
        record["script_sha256"] = reply.script_sha256
    return record


def _host_error(error: HostError) -> dict[str, Any]:
    record = {"source": error.source, "class": error.error_class, "message": error.message}
    return record | ({"id": error.id} if error.id else {})

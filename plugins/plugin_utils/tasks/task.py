# SPDX-License-Identifier: GPL-3.0-or-later
"""What every action on a host does around its work: options, connection, secrets, journal, plan.

No import of ansible: the action and what raises and censors for it are handed in.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..base.clock import utc_now
from ..base.errors import RemediationError
from ..base.names import run_name
from ..base.sanitize import clean_text
from ..change.directive import directive_notes
from ..change.journal import HostChange, approved
from ..change.options import approvals, note
from ..host.transport.peer import BECOME_REFUSED
from ..judge.directive.sources import VARIABLE
from .connection import HostConnection, contains_any
from .time_limit import NO_TIMEOUT, TaskTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..base.progress import Progress, Sink
    from ..plan.fleet import FleetPlan


class HostRequest(Protocol):
    """What is asked of one host: the part that the journal needs."""

    @property
    def run(self) -> str: ...
    @property
    def campaign(self) -> str: ...
    @property
    def check(self) -> bool: ...


_Wanted = TypeVar("_Wanted", bound=HostRequest)


@dataclass(frozen=True, slots=True)
class Call:
    """One task on one host."""

    host: str
    connection: HostConnection
    options: dict[str, Any]
    secrets: set[str]
    check: bool  # Ansible's check mode
    diff: bool
    notice: Sink  # shows the operator what happens; a change may take an hour
    timeout: TaskTimeout = NO_TIMEOUT
    allowed: object = None  # exchange_allow_insecure of the host, not checked yet
    answers: object = None  # exchange_directive of the host, not checked yet


def on_host(
    action: Any,
    arguments: Mapping[str, Any],
    task_vars: Mapping[str, Any] | None,
    act: Callable[[Call], dict[str, Any]],
    *,
    key: str,
    fail: type[Exception],
    censor: Callable[[dict[str, Any], set[str]], dict[str, Any]],
    general_timeout: int = 0,
) -> dict[str, Any]:
    """Run ``act`` and return its result, with the peer in ``result[key]`` and no secret in it.

    ``action``: the ``ActionBase``; ``fail``: its exception, for every :class:`RemediationError`.
    ``general_timeout``: what Ansible is configured to give each task, in seconds, 0 for no limit.
    """
    validation, options = action.validate_argument_spec(arguments)
    if action._connection.become is not None or action._task.become:  # noqa: SLF001 - Ansible's way
        raise fail(BECOME_REFUSED)
    variables = task_vars or {}
    host = str(variables["inventory_hostname"])
    allowed = action._templar.template(variables.get("exchange_allow_insecure"))  # noqa: SLF001
    connection = HostConnection(host, action._connection, allowed)  # noqa: SLF001
    secrets = validation._no_log_values | connection.secrets()  # noqa: SLF001 - has no other name
    task, show = action._task, action._display.display  # noqa: SLF001
    call = Call(
        host,
        connection,
        options,
        secrets,
        bool(task.check_mode),
        bool(task.diff),
        lambda progress: _show(show, progress, secrets),
        _timeout(task, general_timeout),
        allowed,
        action._templar.template(variables.get(VARIABLE)),  # noqa: SLF001
    )
    try:
        result = act(call)
    except RemediationError as error:
        raise fail(f"{host}: {error}") from None  # Ansible prints a chain as the same words twice
    connection.close()
    result[key]["peer"] = connection.peer()
    if "note" in options:
        result[key]["note"] = options["note"]
    return censor(result, secrets) if contains_any(result, secrets) else result


def _timeout(task: Any, general: int) -> TaskTimeout:
    """Return what Ansible gives a task; what is not the setting for all was said of this one."""
    seconds = getattr(task, "timeout", None) or 0
    return TaskTimeout(seconds, seconds == general)


def _show(display: Callable[[str], None], progress: Progress, secrets: set[str]) -> None:
    """Show what is said in words; a host's text in it is made inert."""
    if progress.line:
        display(clean_text(_without(progress.line, secrets)))


def _without(text: str, secrets: set[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "********")
    return text


@contextmanager
def changing(
    call: Call,
    intent: str,
    read: Callable[[], _Wanted],
    longest: Callable[[_Wanted], float] = lambda _wanted: 0.0,
) -> Iterator[tuple[_Wanted, HostChange]]:
    """Read the request, open journal and plan, and keep other processes of this user away.

    ``read`` is called when the options have the run that the plan names. A change without a case
    gets ``cases/RUN``: what stood there before is in it ahead of the first change (I13). An error
    is in the journal before it goes on, and so is what cuts the task off, such as Ansible's time
    limit: then the lock stays on the server, where something may be at work.

    ``longest``: how long the work may take, in seconds; a shorter time limit does not get it begun.
    """
    options = call.options
    plan = approved(options, intent, options["campaign"])
    options["run"] = plan.run if plan else options["run"]
    wanted = read()
    run_name(wanted.run)
    if not wanted.check and not options.get("case"):
        options["case"] = str(Path("cases") / wanted.run)
    with call.timeout.allowing(longest(wanted), aside=not wanted.check):
        yield from _journaled(call, intent, wanted, plan)


def _journaled(
    call: Call, intent: str, wanted: _Wanted, plan: FleetPlan | None
) -> Iterator[tuple[_Wanted, HostChange]]:
    options = call.options
    change = HostChange.of(call.host, wanted.run, options, plan, call.secrets, check=wanted.check)
    approved_by, why = approvals(options["approvals"]), note(options["note"])
    change.prepare()
    asked = directive_notes(call.host, wanted.campaign, intent, call.answers, options, utc_now())
    change.begin(intent, wanted.campaign, approved_by, why, call.allowed, asked)
    try:
        with change.exclusively(f"{call.host}-{call.connection.place()}"):
            yield wanted, change
    except RemediationError as error:
        peer = call.connection.peer()
        change.end("failed", f"{error.code}: {error}", code=error.code, peer=peer)
        raise
    except BaseException as error:
        state = "failed" if wanted.check else "unknown"
        change.end(state, f"cut off: {type(error).__name__}: {error}".rstrip(": "), code="cut-off")
        raise

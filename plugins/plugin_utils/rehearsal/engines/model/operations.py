# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations that the model knows, by the name of their script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .context import stamp
from .core import lock as host_lock
from .core import state
from .errors import OperationError
from .facts.collect import collect
from .frame import Outcome, encode, reply
from .front_end import operations as front_end
from .iis_module import operations as rewrite_module
from .jobs import operations as jobs
from .jobs import runner as job_runner
from .jobs.files import assert_idle
from .microsoft import operations as tool_state
from .mitigations import operations as mitigation
from .packages import operations as packages
from .parameters import Parameter, bind
from .updates import operations as updates

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...world.world import World

    Operation = Callable[[World, dict[str, Any]], Outcome]

_CLOCK = "@clock@"  # where the remembered facts get the time of each run
_OWNER = Parameter("Owner", str, 1, 200)
_RUN = Parameter("Run", str, 1, 200)
_PURPOSE = Parameter("Purpose", str, 1, 400)
_TTL = Parameter("TtlSeconds", int, 1, 86_400, default=900, mandatory=False)
_CONTROLLER = Parameter("Controller", str, 0, 200, default="", mandatory=False)
_TAKEOVER = Parameter("Takeover", str, 0, 400, default="", mandatory=False)
_KEYS = Parameter("Keys", list, 1, 100)


class FactsMemory:
    """Facts by world and generation: what did not change need not be read again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[World, int, str, str, str]] = {}

    def __call__(self, world: World, request: dict[str, Any]) -> Outcome:
        """Return the facts with the present time of the host's clock."""
        bind(request, ())
        known = self._known.get(id(world))
        if known is None or known[0] is not world or known[1] != world.generation:
            facts, errors = collect(world)
            facts["clock"] = {"utc": _CLOCK}
            head, _, tail = encode(facts).partition(_CLOCK)
            known = (world, world.generation, head, tail, encode(errors))
            self._known[id(world)] = known
            world.forget_file_index()  # fleets are large, and the facts are remembered
        _, _, head, tail, errors_text = known
        return Outcome(f"{head}{stamp(world.clock())}{tail}", errors_text)


def _lock(world: World, request: dict[str, Any]) -> Outcome:
    *values, words = bind(request, (_OWNER, _RUN, _PURPOSE, _TTL, _CONTROLLER, _TAKEOVER))
    values.append(host_lock.Takeover(words, assert_idle))
    return Outcome(encode(host_lock.acquire(world, *values)))


def _update_lock(world: World, request: dict[str, Any]) -> Outcome:
    return Outcome(encode(host_lock.renew(world, *bind(request, (_OWNER, _RUN)))))


def _unlock(world: World, request: dict[str, Any]) -> Outcome:
    return Outcome(encode(host_lock.release(world, *bind(request, (_OWNER, _RUN)))))


def _get_lock(world: World, request: dict[str, Any]) -> Outcome:
    bind(request, ())
    return Outcome(encode(host_lock.get(world)))


def _status(world: World, request: dict[str, Any]) -> Outcome:
    (keys,) = bind(request, (_KEYS,))
    return Outcome(encode(state.operation_status(world, keys)))


def _plain(act: Callable[..., tuple[dict[str, Any], list[dict[str, Any]]]]) -> Operation:
    """Wrap what answers with a result and part errors."""

    def run(world: World, request: dict[str, Any]) -> Outcome:
        result, errors = act(world, request)
        return Outcome(encode(result), encode(errors))

    return run


def _job(act: Callable[[World, dict[str, Any]], Any]) -> Operation:
    """Wrap what answers with a result only."""
    return lambda world, request: Outcome(encode(act(world, request)))


def operations() -> dict[str, Operation]:
    """Return a fresh table: its memory belongs to one engine."""
    return {
        "Get-ExchangeServerInfo": FactsMemory(),
        "Get-HostLock": _get_lock,
        "Get-OperationStatus": _status,
        "Lock-Host": _lock,
        "Unlock-Host": _unlock,
        "Update-HostLock": _update_lock,
        **{name: _job(act) for name, act in (jobs.OPERATIONS | packages.OPERATIONS).items()},
        **{name: _plain(act) for name, act in mitigation.OPERATIONS.items()},
        **{name: _plain(act) for name, act in front_end.OPERATIONS.items()},
        **{name: _plain(act) for name, act in rewrite_module.OPERATIONS.items()},
        **{name: _plain(act) for name, act in tool_state.OPERATIONS.items()},
        **{name: _plain(act) for name, act in updates.OPERATIONS.items()},
    }


READING = frozenset({"Get", "Find", "Test"})


def run(table: dict[str, Operation], world: World, request: dict[str, Any]) -> str:
    """Run an operation and return its reply; a keyed one at most once a key."""
    job_runner.bring_up_to_date(world)
    text = _run(table, world, request)
    job_runner.bring_up_to_date(world)  # a task starts as soon as it is ordered
    return text


def _run(table: dict[str, Operation], world: World, request: dict[str, Any]) -> str:
    name = str(request.get("operation"))
    if request.get("key") is None or name.partition("-")[0] in READING:
        return reply(world, request, _outcome(table, world, request))
    try:
        key = state.assert_key(request["key"])
        folder = str(state.state_folder(world, "operations", create=True))
        stored = state.start(world, folder, key)
    except OperationError as error:
        return reply(world, request, Outcome.failed(error))
    if stored is not None:
        return stored
    outcome = _outcome(table, world, request)
    text = reply(world, request, outcome)
    state.complete(world, folder, key, text, outcome.failure)
    return text


def _outcome(table: dict[str, Operation], world: World, request: dict[str, Any]) -> Outcome:
    name = str(request.get("operation"))
    operation = table.get(name)
    if operation is None:
        message = (
            f"the model engine has no operation {name!r}; it has {', '.join(sorted(table))}. "
            "Start the rehearsal with the powershell engine for the others"
        )
        return Outcome.failed(OperationError("ScriptFailed", message))
    try:
        return operation(world, request)
    except OperationError as error:
        return Outcome.failed(error)

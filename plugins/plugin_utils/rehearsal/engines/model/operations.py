# SPDX-License-Identifier: GPL-3.0-or-later
"""Running an operation of the model: bound, at most once a key, and answered with a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....host.operations import contract, loader
from .context import Context
from .core import state
from .core.lock import assert_may_change
from .errors import OperationError, PartError
from .frame import ModelReply, encode, reply
from .jobs import runner
from .parameters import bind
from .registry import Encoded, operations

if TYPE_CHECKING:
    from ...world.world import World


def run(world: World, request: dict[str, Any]) -> str:
    """Run an operation and return its reply; a keyed one at most once a key."""
    runner.bring_up_to_date(world)
    text = _run(world, request)
    runner.bring_up_to_date(world)  # a task starts as soon as it is ordered
    return text


def _run(world: World, request: dict[str, Any]) -> str:
    name = str(request.get("operation"))
    if request.get("key") is None or loader.reads_only(name):
        return reply(world, request, _outcome(world, request))
    try:
        key = state.assert_key(request["key"])
        folder = str(state.state_folder(world, "operations", create=True))
        stored = state.start(world, folder, key)
    except OperationError as error:
        return reply(world, request, ModelReply.failed(error))
    if stored is not None:
        return stored
    outcome = _outcome(world, request)
    text = reply(world, request, outcome)
    state.complete(world, folder, key, text, outcome.failure)
    return text


def _outcome(world: World, request: dict[str, Any]) -> ModelReply:
    """Answer an operation; what PowerShell would throw fails it as a whole."""
    context = Context(world, lock=request.get("lock"))
    try:
        name = str(request.get("operation"))
        if name in operations() and loader.under_lock(name):
            assert_may_change(world, request)
        result = _result(context, request)
    except OperationError as error:
        error.parts = context.errors
        return ModelReply.failed(error)
    except PartError as error:
        failure = OperationError(
            "ScriptFailed", str(error), identity=error.identity, exception=error.kind
        )
        failure.parts = context.errors
        return ModelReply.failed(failure)
    text = result if isinstance(result, Encoded) else encode(result)
    return ModelReply(text, encode(context.errors))


def _result(context: Context, request: dict[str, Any]) -> dict[str, Any] | Encoded:
    name = str(request.get("operation"))
    known = operations()
    if name not in known:
        message = (
            f"the model engine has no operation {name!r}; it has {', '.join(known)}. "
            "Start the rehearsal with the powershell engine for the others"
        )
        raise OperationError("ScriptFailed", message)
    return known[name](context, bind(request, contract.parameters(name)))

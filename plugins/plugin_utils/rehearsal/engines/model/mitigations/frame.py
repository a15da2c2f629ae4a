# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mitigation operations have in common: parameters, the lock, failures, the record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..context import Context
from ..core.lock import assert_owner
from ..errors import OperationError, PartError
from ..parameters import Parameter, bind, invalid_argument
from . import record as mitigation_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....world.world import World

    Result = dict[str, Any]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z", re.IGNORECASE)
MITIGATION = Parameter("Mitigation", str)
CHECK = Parameter("Check", bool, default=False, mandatory=False)
LOCK_OWNER = Parameter("LockOwner", str, default="", mandatory=False)


def refused(identity: str, message: str) -> OperationError:
    """Return the failure for what is not done because of how the host is: nothing was changed."""
    return OperationError("RequestInvalid", message, identity=identity)


def begin(context: Context, request: dict[str, Any], wanted: tuple[Parameter, ...]) -> list[Any]:
    """Bind the parameters and see that the lock is held where something may change."""
    values = bind(request, wanted)
    if not _NAME.match(values[0]):
        raise invalid_argument("Mitigation")
    *_, check, owner = values
    if not check:
        assert_owner(context.world, owner)
    return values


def operation(
    act: Callable[[Context, dict[str, Any]], Result],
) -> Callable[[World, dict[str, Any]], tuple[Result, list[dict[str, Any]]]]:
    """Turn what PowerShell would throw into the failure of the operation."""

    def run(world: World, request: dict[str, Any]) -> tuple[Result, list[dict[str, Any]]]:
        context = Context(world)
        try:
            return act(context, request), context.errors
        except OperationError as error:
            error.parts = context.errors
            raise
        except PartError as error:
            failure = OperationError(
                "ScriptFailed", str(error), identity=error.identity, exception=error.kind
            )
            failure.parts = context.errors
            raise failure from error

    return run


def with_record(context: Context, mitigation: str, result: Result) -> Result:
    """Add the undo record as it stands now."""
    record = mitigation_record.read(context.world, mitigation)
    name = None if record is None else record["mitigation"]
    return {**result, "undo": name, "undo_record": record}

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mitigation operations have in common: a refusal, and the record in their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import OperationError
from . import record as mitigation_record

if TYPE_CHECKING:
    from ..context import Context
    from ..registry import Result


def refused(identity: str, message: str) -> OperationError:
    """Return the failure for what is not done because of how the host is: nothing was changed."""
    return OperationError("RequestInvalid", message, identity=identity)


def with_record(context: Context, mitigation: str, result: Result) -> Result:
    """Add the undo record as it stands now."""
    record = mitigation_record.read(context.world, mitigation)
    name = None if record is None else record["mitigation"]
    return {**result, "undo": name, "undo_record": record}

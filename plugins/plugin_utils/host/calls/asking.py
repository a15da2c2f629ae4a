# SPDX-License-Identifier: GPL-3.0-or-later
"""Who carries a call to the host, and the shape that its answer must have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ...base.errors import ReplySchemaError
from ..transport.codec import Operation

if TYPE_CHECKING:
    from ..transport.base import Transport
    from ..transport.reply import Reply


class Asks(Protocol):
    """Sends one operation and returns its reply; a session asks again while the line breaks."""

    def ask(self, operation: str, parameters: dict[str, Any], key: str | None = None) -> Reply: ...


class Changes(Asks, Protocol):
    """Asks, and changes under the lock of its run: the same step of a run acts once."""

    def change(self, operation: str, parameters: dict[str, Any], step: str) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Direct:
    """Asks a host once through its transport; whoever uses it deals with a broken line."""

    transport: Transport

    def ask(self, operation: str, parameters: dict[str, Any], key: str | None = None) -> Reply:
        """Send it once."""
        return self.transport.run(Operation(operation, parameters, key))


def record(reply: Reply, peer: object) -> dict[str, Any]:
    """Return the record that a change answers with.

    :raises ReplySchemaError: the host answered something else.
    """
    result = reply.result
    if not isinstance(result, dict):
        raise ReplySchemaError(f"{peer}: {reply.operation} answered no record")
    return result


def mapping(value: Any) -> dict[str, Any]:
    """Return a part of an answer where it is a mapping, else an empty one: nothing was said."""
    return value if isinstance(value, dict) else {}


def mapping_or_none(value: Any) -> dict[str, Any] | None:
    """Return a part of an answer where it is a mapping."""
    return value if isinstance(value, dict) else None

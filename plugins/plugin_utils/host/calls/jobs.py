# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs on a host that outlive the connection, and the restart of Windows."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from ...base.errors import ReplySchemaError
from ..jobs.state import JobState
from .asking import mapping

if TYPE_CHECKING:
    from .asking import Asks


def start(host: Asks, order: dict[str, Any], key: str) -> None:
    """Order a job; the host launches a job of one name and order once.

    :raises ScriptError: the host refused it, so nothing was launched.
    """
    host.ask("Start-HostJob", order, key)


def state(host: Asks, job: str) -> JobState:
    """Return what the host says of a job; ``absent`` where it knows none of that name."""
    return JobState.read(host.ask("Get-HostJob", {"job": job}).result, job)


def output(host: Asks, job: str, offset: int, most: int) -> bytes:
    """Return up to ``most`` bytes of what the program printed, from ``offset`` on; b"": no more.

    :raises ReplySchemaError: it is not base64, or more than was asked for.
    """
    asked = {"job": job, "output_offset": offset, "output_limit": most}
    chunk = _decoded(host.ask("Get-HostJob", asked).result)
    if len(chunk) > most:
        raise ReplySchemaError(f"job {job}: more output arrived than was asked for")
    return chunk


def remove(host: Asks, job: str, key: str) -> bool:
    """Remove a job that is over from the host; whether there was one."""
    reply = host.ask("Remove-HostJob", {"job": job}, key)
    return mapping(reply.result).get("changed") is True


def restart(host: Asks, order: dict[str, Any], key: str) -> str | None:
    """Order a restart of Windows and return the identity of the boot in which it was ordered.

    ``order``: delay_seconds, reason. A replayed reply is of the boot of its order.
    """
    boot = mapping(host.ask("Restart-Host", order, key).result).get("boot_id")
    return boot if isinstance(boot, str) else None


def _decoded(result: Any) -> bytes:
    text = result.get("output", "") if isinstance(result, dict) else None
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except binascii.Error as error:
        raise ReplySchemaError("the captured output is not base64") from error

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server is: the facts that every judgement rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .asking import mapping

if TYPE_CHECKING:
    from ..transport.reply import Reply
    from .asking import Asks

COLLECT = "Get-ExchangeServerInfo"


def collect(host: Asks) -> Reply:
    """Ask for the facts. The reply is kept whole: its errors say what could not be read.

    Its ``result`` is read by ``facts.read`` and checked by ``facts.validate``.
    """
    return host.ask(COLLECT, {})


def document(reply: Reply) -> dict[str, Any]:
    """Return the facts of a reply as a mapping; an empty one where the host sent none."""
    return mapping(reply.result)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The few plain commands that a raw task may run on a modelled host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...engine import CommandResult

if TYPE_CHECKING:
    from ...world.world import World

_ECHO = re.compile(r"(?:echo|write-output)\s+(?P<text>.*)\Z", re.IGNORECASE | re.DOTALL)
_EXIT = re.compile(r"exit\s+(?P<code>\d{1,9})\Z", re.IGNORECASE)
_SHOWN = 120  # characters of a command that a message repeats
# What Ansible's PowerShell shell puts around a raw command.
_WRAPPING = re.compile(
    r"\A(?:&?chcp\.com 65001 > \$null\s*;?\s*)?(?P<body>.*?)"
    r"(?:\s*If \(-not \$\?\)[^\n]*)?(?:\s*exit \$LASTEXITCODE)?\s*\Z",
    re.IGNORECASE | re.DOTALL,
)


def run_command(world: World, text: str) -> CommandResult:
    """Run ``hostname``, ``whoami``, ``echo ...`` or ``exit N``; refuse anything else clearly."""
    found = _WRAPPING.match(text.strip())
    body = (found["body"] if found else text).strip().rstrip(";").strip()
    if body.lower() == "hostname":
        return _output(world.name)
    if body.lower() == "whoami":
        domain = str(world.data["domain"]).partition(".")[0]
        return _output(f"{domain.lower()}\\administrator")
    if echo := _ECHO.match(body):
        return _output(echo["text"].strip().strip("'\""))
    if leave := _EXIT.match(body):
        return CommandResult(exit_code=int(leave["code"]))
    shown = body if len(body) <= _SHOWN else f"{body[:_SHOWN]}..."
    message = (
        f"The rehearsal's model engine cannot run {shown!r}. It knows the collection's own "
        "operations, hostname, whoami, echo and exit; start the rehearsal with the powershell "
        "engine to run scripts.\r\n"
    )
    return CommandResult(stderr=message.encode("utf-8", "backslashreplace"), exit_code=1)


def _output(text: str) -> CommandResult:
    return CommandResult(stdout=f"{text}\r\n".encode("utf-8", "backslashreplace"))

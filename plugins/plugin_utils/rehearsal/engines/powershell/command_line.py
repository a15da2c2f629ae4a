# SPDX-License-Identifier: GPL-3.0-or-later
"""What a WinRS command line asks for: a PowerShell script, or one of a few trivial commands."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...engine import CommandResult

if TYPE_CHECKING:
    from ...world.world import World

_TOKEN = re.compile(r'"[^"]*"|\S+')
_SWITCHES = ("noprofile", "noninteractive", "nologo", "noexit", "sta", "mta")
_VALUES = (
    "executionpolicy",
    "inputformat",
    "outputformat",
    "windowstyle",
    "version",
    "psconsolefile",
)


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """A script for PowerShell; ``encoded`` decides how errors are written to stderr."""

    script: str
    encoded: bool


def parse(command_line: str, world: World) -> ScriptCall | CommandResult:
    """Return the script to run, or the result of a command that needs no PowerShell."""
    line = command_line.strip()
    tokens = [token.strip('"') for token in _TOKEN.findall(line)]
    program = tokens[0].rpartition("\\")[2].lower().removesuffix(".exe") if tokens else ""
    if program == "powershell":
        return _powershell(line, tokens)
    if program == "cmd" and len(tokens) > 1 and tokens[1].lower() == "/c":
        return parse(line[line.lower().index("/c") + 2 :].strip().strip('"'), world)
    return _trivial(program, tokens[1:], line, world)


def _powershell(line: str, tokens: list[str]) -> ScriptCall | CommandResult:
    position = 1
    while position < len(tokens):
        option = tokens[position].lower()
        if option[:1] not in "-/":
            return ScriptCall(_rest(line, tokens, position), encoded=False)
        name = option[1:]
        if name and ("encodedcommand".startswith(name) or name == "ec"):
            return _encoded(tokens[position + 1 :])
        if name and "command".startswith(name):
            return ScriptCall(_rest(line, tokens, position + 1), encoded=False)
        if name and any(value.startswith(name) for value in _VALUES):
            position += 1
        elif not any(switch.startswith(name) for switch in _SWITCHES):
            return _fail(f"The simulated powershell.exe does not know the option {option}.")
        position += 1
    return _fail("The simulated powershell.exe needs -EncodedCommand or -Command.")


def _rest(line: str, tokens: list[str], position: int) -> str:
    """Return the text of the line from token ``position`` on, as it was written."""
    starts = [match.start() for match in _TOKEN.finditer(line)]
    if position >= len(tokens):
        return ""
    rest = line[starts[position] :]
    whole = re.fullmatch(r'"(.*)"', rest, re.DOTALL)
    return whole.group(1).replace('\\"', '"') if whole else rest.replace('\\"', '"')


def _encoded(arguments: list[str]) -> ScriptCall | CommandResult:
    try:
        raw = base64.b64decode(arguments[0], validate=True)
        return ScriptCall(raw.decode("utf-16-le", "surrogatepass"), encoded=True)
    except (IndexError, binascii.Error, UnicodeDecodeError):
        return _fail(
            "Cannot process the command because the value specified with -EncodedCommand is not "
            "properly encoded. The value must be Base64 encoded."
        )


def _fail(message: str, exit_code: int = 1) -> CommandResult:
    return CommandResult(b"", f"{message}\r\n".encode(), exit_code)


def _trivial(program: str, arguments: list[str], line: str, world: World) -> CommandResult:
    name = world.name.partition(".")[0]
    if program == "hostname" and not arguments:
        return CommandResult(f"{name}\r\n".encode())
    if program == "whoami" and not arguments:
        domain = str(world.data["domain"]).partition(".")[0] or name
        return CommandResult(f"{domain.lower()}\\administrator\r\n".encode())
    if program == "echo":
        return CommandResult(f"{line[4:].strip()}\r\n".encode())
    if program == "exit":
        code = arguments[-1] if arguments else "0"
        return CommandResult(exit_code=int(code) if re.fullmatch(r"-?\d+", code) else 0)
    shown = line.split(maxsplit=1)[0] if line else ""
    return _fail(
        f"'{shown}' is not recognized as an internal or external command,\r\n"
        "operable program or batch file."
    )

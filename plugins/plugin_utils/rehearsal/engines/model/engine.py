# SPDX-License-Identifier: GPL-3.0-or-later
"""The model engine: Python instead of PowerShell, over the same world, with the same frame."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import re
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ...engine import CommandResult
from .commands import run_command
from .errors import OperationError
from .frame import bootstrap_failure, frame
from .operations import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...engine import SimulatedHost
    from ...world.world import World

_ENCODED = re.compile(
    r"\s-e(?:nc(?:odedcommand)?)?\s+(?P<text>[A-Za-z0-9+/=]+)\s*\Z", re.IGNORECASE
)
_MARK = "exchange_remediation"  # the frame's first member; only our bootstrap holds it
_PROTOCOL = 1
# What PowerShell says where not even the bootstrap may run.
_SCRIPTLESS = {
    "NoLanguage": "The syntax is not supported by this runspace. This can occur if the runspace "
    "is in no-language mode.",
    "RestrictedLanguage": "Assignment statements are not allowed in restricted language mode or "
    "a Data section.",
}
_CLIXML = (
    '#< CLIXML\r\n<Objs Version="1.1.0.1" '
    'xmlns="http://schemas.microsoft.com/powershell/2004/04"><S S="Error">{0}_x000D__x000A_</S>'
    "</Objs>"
)


@lru_cache(maxsize=64)
def decoded(command_line: str) -> str | None:
    """Return the script inside ``-EncodedCommand``; ``None`` when there is none."""
    found = _ENCODED.search(command_line)
    if not found:
        return None
    try:
        return base64.b64decode(found["text"], validate=True).decode("utf-16-le")
    except (binascii.Error, UnicodeDecodeError):
        return None


@lru_cache(maxsize=256)
def script_sha256(packed: str) -> str | None:
    """Return the SHA-256 of the script that a request carries; ``None`` = unreadable."""
    try:
        return hashlib.sha256(gzip.decompress(base64.b64decode(packed))).hexdigest()
    except (binascii.Error, OSError, EOFError, zlib.error):
        return None


class ModelEngine:
    """Answers our operations from Python models and a few plain commands for raw tasks."""

    name = "model"

    async def run(self, host: SimulatedHost, command_line: str, stdin: bytes) -> CommandResult:
        """Run a WinRS command line."""
        script = decoded(command_line)
        if script is not None and _MARK in script:
            return self.answer(host.world, stdin.decode("utf-8", "replace"))
        return run_command(host.world, command_line if script is None else script)

    async def run_script(
        self, host: SimulatedHost, script: str, stdin_lines: Sequence[str]
    ) -> CommandResult:
        """Run a PSRP pipeline."""
        if _MARK in script:
            return self.answer(host.world, "".join(stdin_lines))
        return run_command(host.world, script)

    async def close(self) -> None:
        """Nothing was started, so nothing ends."""

    def answer(self, world: World, text: str) -> CommandResult:
        """Answer one request with one frame; a mode that runs no script leaves only an error."""
        mode = world.data["powershell"]["language_mode"]
        if mode in _SCRIPTLESS:
            return CommandResult(stderr=_CLIXML.format(_SCRIPTLESS[mode]).encode(), exit_code=1)
        request: dict[str, Any] = {}
        try:
            request = _request(text)
            _check(world, request)
        except OperationError as error:
            return _framed(request, bootstrap_failure(world, request, error))
        return _framed(request, run(world, request))


def _framed(request: dict[str, Any], text: str) -> CommandResult:
    return CommandResult(stdout=frame(request, text).encode("ascii"))


def _request(text: str) -> dict[str, Any]:
    try:
        request = json.loads(text.lstrip("\ufeff"))
    except ValueError as error:
        raise OperationError("RequestInvalid", f"no JSON: {error}", source="bootstrap") from error
    return request if isinstance(request, dict) else {}


def _check(world: World, request: dict[str, Any]) -> None:
    protocol = request.get("protocol", "")
    if protocol != _PROTOCOL:
        raise OperationError(
            "RequestInvalid",
            f"no request of protocol 1 arrived on stdin; protocol '{protocol}' did",
            source="bootstrap",
        )
    mode = world.data["powershell"]["language_mode"]
    if mode != "FullLanguage":
        raise OperationError(
            "LanguageMode",
            f"PowerShell runs in {mode}; what arrives over WinRM cannot be allowed by signature "
            "or hash: exempt the account (AppLocker) or the server (WDAC)",
            source="bootstrap",
        )
    actual = script_sha256(str(request.get("script")))
    wanted = str(request.get("sha256"))
    if actual is None or actual.lower() != wanted.lower():
        raise OperationError(
            "ScriptIntegrity",
            f"the script that arrived has SHA-256 {(actual or '').upper()}, sent was {wanted}",
            source="bootstrap",
        )

# SPDX-License-Identifier: GPL-3.0-or-later
"""The model engine: Python instead of PowerShell, over the same world, with the same frame."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import re
import time
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..engine import CommandResult
from .commands import run_command
from .context import stamp
from .errors import OperationError
from .operations import encode, operations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engine import SimulatedHost
    from ..world import World

_ENCODED = re.compile(
    r"\s-e(?:nc(?:odedcommand)?)?\s+(?P<text>[A-Za-z0-9+/=]+)\s*\Z", re.IGNORECASE
)
_MARK = "exchange_remediation"  # the frame's first member; only our bootstrap holds it
_PROTOCOL = 1
_MEMBERS = ("operation", "operation_id", "nonce", "script", "sha256")


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

    def __init__(self) -> None:
        self._operations = operations()

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
            return self.answer(host.world, "\n".join(stdin_lines))
        return run_command(host.world, script)

    async def close(self) -> None:
        """Nothing was started, so nothing ends."""

    def answer(self, world: World, text: str) -> CommandResult:
        """Answer one request line with one frame."""
        started = time.monotonic_ns()
        request: dict[str, Any] = {}
        result, errors, status = "null", "[]", "ok"
        try:
            request = _request(text)
            _check(world, request)
            outcome = self._operations[request["operation"]](world, request.get("parameters") or {})
            result, errors = outcome.result, outcome.errors
        except OperationError as error:
            status, errors = "error", encode([_entry(error)])
        took = (time.monotonic_ns() - started) // 1_000_000
        frame = _frame(world, request, status, result, errors, took)
        return CommandResult(stdout=frame.encode("ascii"))


def _request(text: str) -> dict[str, Any]:
    line = text.lstrip("\ufeff").strip()
    try:
        request = json.loads(line)
    except ValueError as error:
        raise OperationError("RequestInvalid", "The request is not one line of JSON.") from error
    if not isinstance(request, dict) or request.get("protocol") != _PROTOCOL:
        raise OperationError("RequestInvalid", "The request has another protocol than 1.")
    return request


def _check(world: World, request: dict[str, Any]) -> None:
    mode = world.data["powershell"]["language_mode"]
    if mode != "FullLanguage":
        raise OperationError("LanguageMode", f"PowerShell runs in {mode}, FullLanguage is needed.")
    missing = [name for name in _MEMBERS if not isinstance(request.get(name), str)]
    if missing:
        raise OperationError("RequestInvalid", f"The request lacks {', '.join(missing)}.")
    actual = script_sha256(request["script"])
    if actual != request["sha256"]:
        raise OperationError("ScriptIntegrity", f"The script that arrived has SHA-256 {actual}.")


def _entry(error: OperationError) -> dict[str, Any]:
    entry = {"source": "operation", "class": error.kind, "id": error.kind, "message": str(error)}
    return entry if error.details is None else {**entry, "details": error.details}


def _frame(
    world: World, request: dict[str, Any], status: str, result: str, errors: str, took: int
) -> str:
    now = encode(stamp(world.clock()))
    engine = world.data["powershell"]
    host = {
        "name": world.name,
        "clock": stamp(world.clock()),
        "boot_id": world.data["boot_id"],
        "powershell": engine["version"],
        "language_mode": engine["language_mode"],
        "process_id": 4242,
    }
    reply = (
        f'{{"schema":1,"operation":{encode(request.get("operation"))},"status":"{status}",'
        f'"replayed":false,"key":{encode(request.get("key"))},"collected_at":{now},'
        f'"host":{encode(host)},"script_sha256":{encode(request.get("sha256"))},'
        f'"duration_ms":{took},"result":{result},"errors":{errors}}}'
    )
    nonce = encode(request.get("nonce"))
    return (
        f'{{"exchange_remediation":1,"operation_id":{encode(request.get("operation_id"))},'
        f'"nonce":{nonce},"reply":{reply},"end":{nonce}}}\n'
    )

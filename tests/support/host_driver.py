# SPDX-License-Identifier: GPL-3.0-or-later
"""One PowerShell process for many cases, and the real command line for the few that need it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from holders import Holders

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parents[1] / "powershell"
ID, NONCE = "1d" * 16, "5e" * 16
HEAD = "#Requires -Version 3.0\n[CmdletBinding()]\nparam ({})\nSet-StrictMode -Version 2.0\n"


def request_line(
    packed: loader.Script, *, parameters: Any = None, key: str | None = None, **changes: Any
) -> str:
    """A request as the codec writes it, but for any script and with any field changed."""
    request = {
        "protocol": 1,
        "operation": "Get-Sample",
        "operation_id": ID,
        "nonce": NONCE,
        "key": key,
        "lock": None,
        "script": packed.packed,
        "sha256": packed.sha256,
        "parameters": parameters or {},
    }
    return json.dumps(request | changes)


def sample(body: str, *, parameters: str = "", keyed: bool = False) -> loader.Script:
    """An operation made of the usual head and this body."""
    way = loader.OperationEntry.LOCK if keyed else loader.OperationEntry.READ
    return loader.pack(loader.assemble(HEAD.format(parameters) + body, way))


@dataclass
class Host:
    """One simulated host: a folder for %ProgramData% and the shims' settings."""

    driver: Driver
    folder: Path
    environment: dict[str, str | None]
    holders: Holders = field(default_factory=Holders)

    def send(
        self, *lines: Sequence[str], language_mode: str = "FullLanguage"
    ) -> list[dict[str, list[str]]]:
        return self.driver.run(
            {
                "setup": (HERE / "shims.ps1").read_text(encoding="utf-8"),
                "script": loader.bootstrap(),
                "language_mode": language_mode,
                "environment": self.environment,
                "inputs": [list(one) for one in lines],
            }
        )

    def stdout(self, line: str, **options: Any) -> bytes:
        answer = self.send([line], **options)[0]
        assert answer["errors"] == []
        return "\n".join(answer["output"]).encode()

    def ask(self, line: str, **options: Any) -> codec.Reply:
        return decode(self.stdout(line, **options))

    def call(
        self, name: str, parameters: Mapping[str, Any] | None = None, key: str | None = None
    ) -> codec.Reply:
        """Run a shipped operation through the codec, as a transport does."""
        operation = self.holders.operation(name, parameters, key)
        line = codec.encode_request(operation, operation_id=ID, nonce=NONCE).decode()
        reply = self.ask(line)
        self.holders.answered(reply.result)
        return reply

    @property
    def store(self) -> Path:
        return self.folder / "ExchangeRemediation" / "operations"


def decode(stdout: bytes, stderr: bytes = b"", exit_code: int = 0) -> codec.Reply:
    return codec.decode_reply(stdout, stderr, exit_code, operation_id=ID, nonce=NONCE)


class Driver:
    """The long-lived process behind driver.ps1."""

    def __init__(self, pwsh: str) -> None:
        self._process = subprocess.Popen(
            [pwsh, "-NoProfile", "-NonInteractive", "-File", str(HERE / "driver.ps1")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, case: Mapping[str, Any]) -> list[dict[str, list[str]]]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        answer: list[dict[str, list[str]]] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate()


def command_line(pwsh: str, line: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """The real thing: the constant command line, the request on stdin."""
    words = codec.BOOTSTRAP_COMMAND.split(" ")
    return subprocess.run(
        [pwsh, *words[1:]],
        input=(line + "\n").encode("ascii"),
        capture_output=True,
        check=False,
        timeout=60,
        env=os.environ | {"ProgramData": str(folder), "COMPUTERNAME": "EX01"},
    )

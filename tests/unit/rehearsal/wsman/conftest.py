# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated host with an engine that echoes, spoken to without a socket."""

from __future__ import annotations

import asyncio
import base64
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    CommandResult,
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.accounts import (
    Account,
    write_user_file,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.auth import (
    AuthPolicy,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.connection import (
    WsmanConnection,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.faults import (
    FaultPlan,
    FaultRule,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.host_service import (
    HostService,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.http import (
    HttpRequest,
    Response,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.limits import (
    ServiceLimits,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ACCOUNT = Account("rehearsal", "s3cret:word", ("EX01", "rehearsal.example"))
_OPERATION = re.compile(r'operation":"([A-Za-z-]+)"')


class EchoEngine:
    """Says back what it was given; may be held until the test lets it go."""

    name = "echo"

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes]] = []
        self.result: CommandResult | Exception | None = None
        self.hold: asyncio.Event | None = None

    async def run(self, host: SimulatedHost, command_line: str, stdin: bytes) -> CommandResult:
        self.calls.append((command_line, stdin))
        if self.hold is not None:
            await self.hold.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result or CommandResult(f"{command_line}|".encode() + stdin, b"", 0)

    async def run_script(self, host: SimulatedHost, script: str, stdin_lines: Any) -> CommandResult:
        return await self.run(host, script, "\n".join(stdin_lines).encode())

    async def close(self) -> None:
        """Nothing was started."""


@dataclass
class Clock:
    """Time that passes only when told."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Reply:
    """A response and what tests look for in it."""

    response: Response

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def text(self) -> str:
        return self.response.body.decode()

    @property
    def fault(self) -> int | None:
        found = re.search(r'WSManFault[^>]* Code="(\d+)"', self.text)
        return int(found[1]) if found else None

    @property
    def done(self) -> bool:
        return "CommandState/Done" in self.text

    @property
    def exit_code(self) -> int | None:
        found = re.search(r"<rsp:ExitCode>(-?\d+)<", self.text)
        return int(found[1]) if found else None

    def stream(self, name: str) -> bytes:
        found = re.findall(rf'<rsp:Stream Name="{name}"[^>/]*>([^<]*)<', self.text)
        return b"".join(base64.b64decode(item) for item in found)

    def selector(self) -> str:
        found = re.search(r'Name="ShellId">([^<]+)<', self.text)
        assert found, self.text
        return found[1]

    def command_id(self) -> str:
        found = re.search(r"<rsp:CommandId>([^<]+)<", self.text)
        assert found, self.text
        return found[1]


@dataclass
class Desk:
    """One client of one simulated host, on a loop of the test's own."""

    folder: Path
    runner: asyncio.Runner
    engine: EchoEngine = field(default_factory=EchoEngine)
    clock: Clock = field(default_factory=Clock)
    service: Any = None
    connection: Any = None
    headers: dict[bytes, bytes] = field(default_factory=dict)

    def build(
        self, *, limits: ServiceLimits | None = None, policy: AuthPolicy | None = None, secure: bool = True,
        rules: tuple[dict[str, Any], ...] = (), account: Account = ACCOUNT, sign_in: bool = True,
    ) -> Desk:  # fmt: skip
        host = SimulatedHost("ex01", "127.77.0.1", World({"name": "EX01"}))
        self.service = HostService(
            host,
            self.engine,
            account,
            write_user_file(self.folder, "ex01", account),
            policy=policy or AuthPolicy(),
            limits=limits or ServiceLimits(),
            plan=FaultPlan(FaultRule.from_mapping(rule) for rule in rules),
            clock=self.clock,
        )
        self.connection = WsmanConnection(self.service, self.service.identity(secure=secure))
        if sign_in:
            token = base64.b64encode(f"{account.username}:{account.password}".encode())
            self.headers = {b"authorization": b"Basic " + token}
        return self

    def post(self, body: bytes, headers: dict[bytes, bytes] | None = None) -> Reply:
        async def answer() -> Response:
            request = HttpRequest(b"POST", b"/wsman", {**self.headers, **(headers or {})}, body)
            result = self.connection.answer(request)
            return result if isinstance(result, Response) else await result

        return Reply(self.runner.run(answer()))

    def call(
        self, action: str, body: str = "", shell: str = "", *, options: str = "",
        uri: str = f"{SHELL}/cmd", timeout: str = "PT20S", envelope: int = 153600,
        message_id: str = "",
    ) -> Reply:  # fmt: skip
        return self.post(
            wsman(action, body, shell, options=options, uri=uri, timeout=timeout,
                  envelope=envelope, message_id=message_id)
        )  # fmt: skip

    def create(self, **kwargs: Any) -> Reply:
        body = "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams></rsp:Shell>"
        return self.call(f"{TRANSFER}/Create", kwargs.pop("body", body), **kwargs)

    def command(
        self, shell: str, line: str, *, piped: bool | None = True, options: str = ""
    ) -> Reply:
        if piped is not None:
            mode = str(not piped).upper()
            options += f'<w:Option Name="WINRS_CONSOLEMODE_STDIN">{mode}</w:Option>'
        body = f"<rsp:CommandLine><rsp:Command>{line}</rsp:Command></rsp:CommandLine>"
        options = f"<w:OptionSet>{options}</w:OptionSet>"
        return self.call(f"{SHELL}/Command", body, shell, options=options)

    def send(self, shell: str, command: str, data: bytes, *, end: bool = True) -> Reply:
        text = base64.b64encode(data).decode()
        flag = ' End="true"' if end else ""
        stream = f'<rsp:Stream Name="stdin" CommandId="{command}"{flag}>{text}</rsp:Stream>'
        return self.call(f"{SHELL}/Send", f"<rsp:Send>{stream}</rsp:Send>", shell)

    def receive(self, shell: str, command: str, **kwargs: Any) -> Reply:
        wanted = f'<rsp:DesiredStream CommandId="{command}">stdout stderr</rsp:DesiredStream>'
        return self.call(
            f"{SHELL}/Receive", f"<rsp:Receive>{wanted}</rsp:Receive>", shell, **kwargs
        )

    def signal(self, shell: str, command: str, code: str = "terminate") -> Reply:
        body = f'<rsp:Signal CommandId="{command}"><rsp:Code>{SHELL}/signal/{code}</rsp:Code></rsp:Signal>'
        return self.call(f"{SHELL}/Signal", body, shell)

    def started(self, line: str = "run", stdin: bytes = b"in") -> tuple[str, str]:
        shell = self.create().selector()
        command = self.command(shell, line).command_id()
        self.send(shell, command, stdin)
        return shell, command


def wsman(
    action: str, body: str = "", shell: str = "", *, options: str = "", uri: str = f"{SHELL}/cmd",
    timeout: str = "PT20S", envelope: int = 153600, message_id: str = "",
) -> bytes:  # fmt: skip
    selector = f'<w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet>'
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
        f' xmlns:rsp="{SHELL}"><e:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>{message_id or f'uuid:{uuid.uuid4()}'}</a:MessageID>"
        f"<w:ResourceURI>{uri}</w:ResourceURI><w:OperationTimeout>{timeout}</w:OperationTimeout>"
        f"<w:MaxEnvelopeSize>{envelope}</w:MaxEnvelopeSize>"
        f"{selector if shell else ''}{options}</e:Header><e:Body>{body}</e:Body></e:Envelope>"
    ).encode()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A client at an unbuilt host: call ``build``."""
    with asyncio.Runner() as runner:
        desk = Desk(tmp_path, runner)
        yield desk
        if desk.service is not None:
            runner.run(_close(desk.service))


async def _close(service: HostService) -> None:
    service.close()


@pytest.fixture
def envelope() -> Any:
    """The function that writes request envelopes."""
    return wsman

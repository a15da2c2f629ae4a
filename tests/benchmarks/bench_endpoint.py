# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests a second and CPU time of the WSMan endpoint, one process on one core.

The server runs in a process of its own on the first core, a raw asyncio load generator on the
second: WinRS tasks (Create, Command, Send, Receive, Signal, Delete) over 50 connections, with an
engine that does nothing. NTLM is counted by the server's CPU time, because its client is slower
than its server.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import spnego
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    CommandResult,
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman import server
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.accounts import (
    Account,
    write_user_file,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.auth import (
    AuthPolicy,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.faults import (
    FaultPlan,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.host_service import (
    HostService,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.limits import (
    ServiceLimits,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.ports import (
    Ports,
)

REQUESTS_PER_SECOND = 5_000  # the floor, over Basic, of one core
CONNECTIONS = 50
SECONDS = 4.0
NTLM_SECONDS = 3.0
HOSTS = 10
USER, PASSWORD = "rehearsal", "correct horse battery staple"
_SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
_TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
_STDIN = base64.b64encode(b'{"protocol":1,"operation":"Get-ExchangeServerInfo"}' + b"x" * 8000)
_OUTPUT = b"y" * 6000
_SHELL_ID = re.compile(rb'Name="ShellId">([^<]+)<')
_COMMAND_ID = re.compile(rb"CommandId>([^<]+)<")
_BOUNDARY = b"--Encrypted Boundary"
_SEALED = b"application/HTTP-SPNEGO-session-encrypted"


_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<env:Envelope'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:env="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"'
    ' xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"'
    f' xmlns:x="{_TRANSFER}" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
    ' xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"'
    f' xmlns:rsp="{_SHELL}" xmlns:cfg="http://schemas.microsoft.com/wbem/wsman/1/config">'
    "<env:Header><a:To>http://windows-host:5985/wsman</a:To>"
    '<a:ReplyTo><a:Address mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/'
    "addressing/role/anonymous</a:Address></a:ReplyTo>"
    '<w:MaxEnvelopeSize mustUnderstand="true">153600</w:MaxEnvelopeSize>'
    "<a:MessageID>uuid:11111111-2222-3333-4444-%012d</a:MessageID>"
    '<w:Locale mustUnderstand="false" xml:lang="en-US"/>'
    '<p:DataLocale mustUnderstand="false" xml:lang="en-US"/>'
    "<w:OperationTimeout>PT20S</w:OperationTimeout>"
    f'<w:ResourceURI mustUnderstand="true">{_SHELL}/cmd</w:ResourceURI>'
    '<a:Action mustUnderstand="true">%s</a:Action>'
)
_NUMBERS = itertools.count()


def envelope(action: str, body: str, shell: str = "", options: str = "") -> bytes:
    """Return a request as pywinrm writes it, header for header."""
    selector = (
        f'<w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet>'
        if shell
        else ""
    )
    head = _HEAD % (next(_NUMBERS), action)
    return (
        f"{head}{selector}{options}</env:Header><env:Body>{body}</env:Body></env:Envelope>".encode()
    )


@dataclass(slots=True)
class Client:
    """One connection of the load generator."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    authorization: bytes
    context: object | None = None
    requests: int = 0

    async def post(
        self, body: bytes, content_type: bytes = b"application/soap+xml"
    ) -> tuple[bytes, bytes]:
        """Send one request; return the response's head and body."""
        self.writer.write(
            b"POST /wsman HTTP/1.1\r\nHost: x\r\nUser-Agent: bench\r\nAccept: */*\r\n"
            b"Connection: keep-alive\r\n%bContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (self.authorization, content_type, len(body), body)
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head[head.rindex(b":") + 1 :])  # the endpoint's last header
        self.requests += 1
        return head, await self.reader.readexactly(length) if length else b""

    async def soap(self, message: bytes) -> bytes:
        """Send an envelope, sealed if there is a security context."""
        if self.context is None:
            head, body = await self.post(message)
        else:
            sealed = self.context.wrap_winrm(message)  # type: ignore[attr-defined]
            frame = (
                _BOUNDARY + b"\r\n\tContent-Type: " + _SEALED
                + b"\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % len(message)
                + _BOUNDARY + b"\r\n\tContent-Type: application/octet-stream\r\n"
                + struct.pack("<i", len(sealed.header)) + sealed.header + sealed.data + _BOUNDARY + b"--\r\n"
            )  # fmt: skip
            kind = b'multipart/encrypted;protocol="%b";boundary="Encrypted Boundary"' % _SEALED
            head, body = await self.post(frame, kind)
            data = body.partition(b"octet-stream\r\n")[2][: -len(_BOUNDARY) - 4]
            size = struct.unpack_from("<i", data)[0]
            body = self.context.unwrap_winrm(data[4 : 4 + size], data[4 + size :])  # type: ignore[attr-defined]
        if b" 200 " not in head[:16]:
            raise RuntimeError(head + body)
        return body


async def task(client: Client) -> None:
    """One WinRS command from Create to Delete, six requests."""
    opened = await client.soap(envelope(f"{_TRANSFER}/Create", "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>", options='<w:OptionSet><w:Option Name="WINRS_NOPROFILE">FALSE</w:Option><w:Option Name="WINRS_CODEPAGE">65001</w:Option></w:OptionSet>'))  # fmt: skip
    shell = _SHELL_ID.search(opened)[1].decode()  # type: ignore[index]
    started = await client.soap(envelope(f"{_SHELL}/Command", "<rsp:CommandLine><rsp:Command>PowerShell -EncodedCommand AAAA</rsp:Command></rsp:CommandLine>", shell, '<w:OptionSet><w:Option Name="WINRS_CONSOLEMODE_STDIN">FALSE</w:Option><w:Option Name="WINRS_SKIP_CMD_SHELL">FALSE</w:Option></w:OptionSet>'))  # fmt: skip
    command = _COMMAND_ID.search(started)[1].decode()  # type: ignore[index]
    await client.soap(envelope(f"{_SHELL}/Send", f'<rsp:Send><rsp:Stream Name="stdin" CommandId="{command}" End="true">{_STDIN.decode()}</rsp:Stream></rsp:Send>', shell))  # fmt: skip
    output = await client.soap(envelope(f"{_SHELL}/Receive", f'<rsp:Receive><rsp:DesiredStream CommandId="{command}">stdout stderr</rsp:DesiredStream></rsp:Receive>', shell))  # fmt: skip
    if b"CommandState/Done" not in output:
        raise RuntimeError(output)
    await client.soap(envelope(f"{_SHELL}/Signal", f'<rsp:Signal CommandId="{command}"><rsp:Code>{_SHELL}/signal/terminate</rsp:Code></rsp:Signal>', shell))  # fmt: skip
    await client.soap(envelope(f"{_TRANSFER}/Delete", "", shell))


async def connect(index: int, port: int, *, ntlm: bool) -> Client:
    """Open and authenticate one connection."""
    reader, writer = await asyncio.open_connection(f"127.77.0.{index % HOSTS + 1}", port)
    token = base64.b64encode(f"{USER}:{PASSWORD}".encode())
    client = Client(reader, writer, b"Authorization: Basic " + token + b"\r\n")
    if ntlm:
        context = spnego.client(
            USER, PASSWORD, protocol="ntlm", options=spnego.NegotiateOptions.wrapping_winrm
        )
        answer = None
        while not context.complete:
            token = base64.b64encode(context.step(answer) or b"")
            client.authorization = b"Authorization: Negotiate " + token + b"\r\n"
            head, _ = await client.post(b"")
            found = re.search(rb"WWW-Authenticate: Negotiate (\S+)", head)
            answer = base64.b64decode(found[1]) if found else None
        client.authorization, client.context = b"", context
    return client


async def load(port: int, seconds: float, *, ntlm: bool) -> tuple[int, float]:
    """Run tasks until the time is up; NTLM signs in anew for each task, as Ansible does."""
    end = time.perf_counter() + seconds
    began = time.perf_counter()

    async def work(index: int) -> int:
        total = 0
        client = await connect(index, port, ntlm=ntlm)
        while time.perf_counter() < end:
            await task(client)
            if ntlm:
                total += client.requests
                client.writer.close()
                client = await connect(index, port, ntlm=ntlm)
                client.requests = 2
        client.writer.close()
        return total + client.requests

    counts = await asyncio.gather(*(work(index) for index in range(CONNECTIONS)))
    return sum(counts), time.perf_counter() - began


async def serve() -> None:
    """Be the server: print the port, then CPU seconds and memory on each line read."""

    class Nothing:
        name = "nothing"

        async def run(self, host: object, command_line: str, stdin: bytes) -> CommandResult:
            return CommandResult(_OUTPUT)

        async def run_script(self, host: object, script: str, stdin_lines: object) -> CommandResult:
            return CommandResult(_OUTPUT)

        async def close(self) -> None:
            """Nothing to end."""

    account = Account(USER, PASSWORD)
    with tempfile.TemporaryDirectory() as folder:
        services = []
        for index in range(HOSTS):
            host = SimulatedHost(f"ex{index:02}", f"127.77.0.{index + 1}", None)  # type: ignore[arg-type]
            users = write_user_file(Path(folder), host.name, account)
            services.append(HostService(host, Nothing(), account, users, policy=AuthPolicy(unencrypted=True), limits=ServiceLimits(), plan=FaultPlan()))  # fmt: skip
        endpoint = server.WsmanServer(services)
        ports = await endpoint.start(Ports(0, 0))
        _say(ports.http)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            used = resource.getrusage(resource.RUSAGE_SELF)
            _say([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024])
        await endpoint.close()


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _pin(core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[core]})


def measure() -> dict[str, float]:
    """Return requests a second and CPU microseconds a request, Basic and NTLM."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.bench_endpoint", "serve"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def used() -> list[float]:
        child.stdin.write("\n")  # type: ignore[union-attr]
        child.stdin.flush()  # type: ignore[union-attr]
        return json.loads(child.stdout.readline())  # type: ignore[union-attr,no-any-return]

    before_affinity = os.sched_getaffinity(0)
    _pin(-1)
    figures: dict[str, float] = {}
    try:
        port = int(child.stdout.readline())  # type: ignore[union-attr]
        for name, seconds in (("basic", SECONDS), ("ntlm", NTLM_SECONDS)):
            before = used()[0]
            requests, took = asyncio.run(load(port, seconds, ntlm=name == "ntlm"))
            cpu, peak = used()
            figures[f"{name} requests/s"] = requests / took
            figures[f"{name} CPU us/request"] = (cpu - before) / requests * 1e6
        figures["server peak MB"] = peak
    finally:
        os.sched_setaffinity(0, before_affinity)
        child.stdin.close()  # type: ignore[union-attr]
        child.wait(10)
    return figures


def main() -> list[str]:
    """Measure; the floor is held against one core's time, whatever else the machine does."""
    figures = measure()
    capacity = 1e6 / figures["basic CPU us/request"]
    verdict = "ok" if capacity >= REQUESTS_PER_SECOND else "TOO SLOW"
    ratio = capacity / REQUESTS_PER_SECOND
    first = f"{capacity:,.0f} requests a second of one core = {ratio:.2f} of the floor: {verdict}"
    others = [f"{name} {value:,.0f}" for name, value in figures.items()]
    return [f"endpoint: {line}" for line in (first, *others)]


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        _pin(0)
        asyncio.run(serve())
    else:
        sys.stdout.write("\n".join(main()) + "\n")

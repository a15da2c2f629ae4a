# SPDX-License-Identifier: GPL-3.0-or-later
"""A push ends with the right bytes on the host whatever breaks on the way, or says why not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    AuthenticationFailed,
    LockedByOther,
    RefusedError,
    ScriptError,
    TransportError,
    Unreachable,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer import delivery
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.chunking import (
    ChunkSize,
    Pace,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import Retry
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.in_process import (
    InProcessTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.file_bytes import (
    content,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    PackageRecord,
)
from holders import HeldTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls.packages import (
        FileState,
    )

CONTENT = bytes(range(251)) * 800  # 200,800 bytes, no two chunks alike
FILE = "Exchange2016-KB5000871-x64-en.msp"
SHARE = f"\\\\files\\updates\\{FILE}"
LOCK = {"owner": "controller-a", "run": "run-1", "purpose": "push", "ttl_seconds": 900}
SMALL = Pace(first=20_000, smallest=20_000, largest=20_000)
SENDS = 11  # chunks of SMALL


@dataclass
class Line:
    """The connection: hands requests to the engine, or breaks before or after it acted."""

    engine: ModelEngine
    calls: list[str] = field(default_factory=list)
    plan: Callable[[int, str], str] = lambda _count, _name: "ok"
    chunks: int = 0
    now: float = 0.0

    async def run(self, host: Any, command_line: str, stdin: bytes) -> Any:
        name = stdin.split(b'"operation":"', 1)[1].split(b'"', 1)[0].decode()
        self.calls.append(name)
        self.now += 1.0
        fate = "ok"
        if name == "Add-PackageChunk":
            self.chunks += 1
            fate = self.plan(self.chunks, name)
        if fate == "before":
            raise ConnectionResetError("broken before the host acted")
        done = await self.engine.run(host, command_line, stdin)
        if fate == "after":
            raise ConnectionResetError("broken after the host acted")
        return done


@dataclass
class Bench:
    world: World
    line: Line
    errand: delivery.Delivery
    source: Path

    def push(self, **options: Any) -> delivery.Delivered:
        return delivery.push(
            self.errand, self.source, **{"pace": SMALL, "clock": lambda: self.line.now, **options}
        )

    def lying(self) -> bytes | None:
        """The bytes under the package's final name."""
        folder = "C:\\ProgramData\\ExchangeRemediation\\packages"
        entry = self.world.file(f"{folder}\\{self.errand.package.sha256}\\{FILE}")
        return None if entry is None else content(entry)

    def state(self) -> FileState:
        return self.errand.state()


def record(data: bytes = CONTENT) -> PackageRecord:
    return PackageRecord(
        sha256=hashlib.sha256(data).hexdigest(), size=len(data), file=FILE, format="msp",
        product="Exchange2016", cu="CU19", kind="SU", kb="KB5000871",
        build=Build.parse("15.1.2176.9"), applies_to=(Build.parse("15.1.2176.2"),), supersedes=(),
        signature=None, evidence=(), reason=None, added="2021-03-05T10:00:00Z",
    )  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    world = World({
        "name": "EX01", "now": "2021-03-05T10:00:00Z",
        "powershell": {"version": "5.1.14393.693", "language_mode": "FullLanguage"},
        "drives": {"C": {"total_bytes": 1 << 40, "free_bytes": 1 << 38}},
    })  # fmt: skip
    line = Line(ModelEngine())
    host = SimulatedHost("ex01", "127.0.0.1", world)
    with asyncio.Runner() as runner:
        direct = InProcessTransport(
            line, host, runner=runner, sleep=lambda _s: None, retry=Retry(sends=1, inquiries=2)
        )
        transport = HeldTransport(direct)
        transport.run(Operation("Lock-Host", LOCK))
        source = tmp_path / FILE
        source.write_bytes(CONTENT)
        errand = delivery.Delivery(transport, "ex01", "run-1", "controller-a", record())
        yield Bench(world, line, errand, source)


def test_push_brings_exactly_the_bytes(bench: Bench) -> None:
    seen: list[int] = []
    done = bench.push(report=lambda progress: seen.append(progress.done))
    assert bench.lying() == CONTENT
    assert done.path.endswith(FILE)
    assert (done.changed, done.sent, done.chunks) == (True, len(CONTENT), SENDS)
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)


def test_second_push_sends_nothing(bench: Bench) -> None:
    bench.push()
    mutations = len(bench.world.mutations)
    again = bench.push()
    assert (again.changed, again.sent) == (False, 0)
    assert len(bench.world.mutations) == mutations


def test_plan_says_what_a_push_would_do_and_changes_nothing(bench: Bench) -> None:
    mutations = len(bench.world.mutations)
    assert delivery.plan(bench.errand)["changed"] is True
    assert len(bench.world.mutations) == mutations
    bench.push()
    assert delivery.plan(bench.errand)["changed"] is False


@pytest.mark.parametrize("fate", ["before", "after"])
@pytest.mark.parametrize("place", range(1, SENDS + 1))
def test_one_break_at_any_chunk_changes_nothing_of_the_end(
    place: int, fate: str, bench: Bench
) -> None:
    bench.line.plan = lambda count, _: fate if count == place else "ok"
    done = bench.push()
    assert bench.lying() == CONTENT
    assert done.changed
    # After: the host had acted, so nothing is sent twice.
    assert bench.line.chunks == (SENDS if fate == "after" else SENDS + 1)


def test_line_that_breaks_at_every_second_chunk_still_gets_there(bench: Bench) -> None:
    bench.line.plan = lambda count, _: ("ok", "before", "ok", "after")[count % 4]
    assert bench.push().interruptions > 0
    assert bench.lying() == CONTENT


def test_line_that_never_works_ends_with_the_reason(bench: Bench) -> None:
    bench.line.plan = lambda _count, _name: "before"
    with pytest.raises(TransportError, match="broken before"):
        bench.push()
    assert bench.line.chunks == SMALL.doubts + 1
    assert bench.lying() is None


def test_another_run_continues_where_the_dead_one_stopped(bench: Bench) -> None:
    bench.line.plan = lambda count, _: "ok" if count <= 4 else "before"
    with pytest.raises(TransportError):
        bench.push()
    bench.line.plan = lambda _count, _name: "ok"
    done = bench.push()
    assert done.resumed_at == 4 * 20_000
    assert done.sent == len(CONTENT) - done.resumed_at
    assert bench.lying() == CONTENT


def test_foreign_bytes_in_the_partial_file_are_not_built_upon(bench: Bench) -> None:
    other = replace(bench.errand, package=record())
    chunk = bytes(30_000)
    parameters = {
        **other.wanted(), "offset": 0, "chunk_sha256": hashlib.sha256(chunk).hexdigest(),
        "data": base64.b64encode(chunk).decode(),
    }  # fmt: skip
    bench.errand.transport.run(Operation("Add-PackageChunk", parameters))
    assert bench.state().size == 30_000
    assert bench.push().resumed_at == 0
    assert bench.lying() == CONTENT


def test_file_that_vanished_from_the_host_is_pushed_again_in_the_same_run(bench: Bench) -> None:
    bench.push()
    folder = f"C:\\ProgramData\\ExchangeRemediation\\packages\\{bench.errand.package.sha256}"
    bench.world.delete_file(f"{folder}\\{FILE}", by="anti-malware")
    done = bench.push()
    assert done.changed
    assert bench.lying() == CONTENT


def test_bytes_that_changed_on_the_host_are_pushed_again(bench: Bench) -> None:
    path = bench.push().path
    flipped = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    entry = {"size": len(CONTENT), "data": base64.b64encode(flipped).decode()}
    bench.world.put_file(path, entry, by="somebody")
    assert bench.push().changed
    assert bench.lying() == CONTENT


def test_host_that_always_loses_what_it_gets_ends_the_push(bench: Bench) -> None:
    real = bench.errand.transport

    class Forgetful:
        peer = "x"

        def run(self, operation: Operation) -> Any:
            reply = real.run(operation)
            if operation.name == "Add-PackageChunk":
                return replace(reply, replayed=True)
            return replace(reply, result={**reply.result, "state": "absent", "bytes": 0})

    bench.errand = replace(bench.errand, transport=Forgetful())
    with pytest.raises(RefusedError, match="it loses what it gets"):
        bench.push()


@pytest.mark.parametrize(
    "result", [None, [], {}, {"state": "partial", "bytes": -1}, {"bytes": "x"}]
)
def test_senseless_state_is_refused(result: Any, bench: Bench) -> None:
    real = bench.errand.transport

    class Liar:
        peer = "x"

        def run(self, operation: Operation) -> Any:
            return replace(real.run(operation), result=result)

    bench.errand = replace(bench.errand, transport=Liar())
    with pytest.raises(RefusedError, match="makes no sense"):
        bench.push()


def test_changed_file_on_the_controller_is_never_sent(bench: Bench) -> None:
    bench.source.write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])
    with pytest.raises(RefusedError, match="nothing was sent"):
        bench.push()
    assert bench.line.chunks == 0


def test_bit_flipped_on_the_controller_during_the_push_is_discarded_on_the_host(
    bench: Bench,
) -> None:
    def flip(progress: Any) -> None:
        if progress.done == 40_000:
            data = bytearray(CONTENT)
            data[150_000] ^= 1
            bench.source.write_bytes(data)

    with pytest.raises(ScriptError, match="they were discarded"):
        bench.push(report=flip)
    assert bench.lying() is None
    assert bench.state().state == "absent"


def test_lost_lock_stops_the_push_at_once(bench: Bench) -> None:
    def steal(progress: Any) -> None:
        if progress.done == 40_000:
            held = bench.errand.transport
            lost = held.holders.ticket
            held.run(Operation("Unlock-Host"))
            held.run(Operation("Lock-Host", {**LOCK, "owner": "controller-b"}))
            held.holders.ticket = lost

    with pytest.raises(LockedByOther, match="controller-b"):
        bench.push(report=steal)
    assert bench.line.chunks == 3


def test_lock_is_renewed_during_a_long_push(bench: Bench) -> None:
    def slowly(_progress: Any) -> None:
        bench.line.now += 100

    bench.push(report=slowly)
    assert 4 <= bench.line.calls.count("Update-HostLock") <= SENDS


@pytest.mark.parametrize("error", [AuthenticationFailed("no"), Unreachable("gone")])
def test_hopeless_errors_are_not_repeated(error: Exception, bench: Bench) -> None:
    calls: list[str] = []
    real = bench.errand.transport

    class Dead:
        peer = "x"

        def run(self, operation: Operation) -> Any:
            calls.append(operation.name)
            if operation.name == "Add-PackageChunk":
                raise error
            return real.run(operation)

    bench.errand = replace(bench.errand, transport=Dead())
    with pytest.raises(type(error)):
        bench.push()
    assert calls == ["Get-PackageState", "Add-PackageChunk"]


# -- pull ---------------------------------------------------------------------------------


def share(bench: Bench, data: bytes) -> None:
    bench.world.put_file(SHARE, {"text": data.decode("latin-1")}, by="test")


def test_pull_brings_the_bytes_and_the_second_one_does_nothing(bench: Bench) -> None:
    text = b"an update " * 1000
    bench.errand = replace(bench.errand, package=record(text))
    share(bench, text)
    first = delivery.pull(bench.errand, SHARE)
    assert (first.changed, bench.lying()) == (True, text)
    again = delivery.pull(bench.errand, SHARE)
    assert (again.changed, bench.line.calls.count("Receive-Package")) == (False, 1)


def test_failed_pull_can_be_ordered_again_in_the_same_run(bench: Bench) -> None:
    text = b"an update " * 1000
    bench.errand = replace(bench.errand, package=record(text))
    share(bench, text[:-1] + b"!")
    with pytest.raises(ScriptError, match="they were discarded"):
        delivery.pull(bench.errand, SHARE)
    share(bench, text)
    assert delivery.pull(bench.errand, SHARE).changed
    assert bench.lying() == text


def test_pull_is_ordered_again_when_the_file_vanished(bench: Bench) -> None:
    text = b"an update " * 1000
    bench.errand = replace(bench.errand, package=record(text))
    share(bench, text)
    for _ in range(3):
        path = delivery.pull(bench.errand, SHARE).path
        assert bench.lying() == text
        bench.world.delete_file(path, by="anti-malware")


# -- chunk size ---------------------------------------------------------------------------


def settled(fixed: float, each: float, pace: Pace | None = None) -> int:
    """The size after a while on a line of this fixed cost and these seconds a byte."""
    size = ChunkSize(pace or Pace())
    size.empty(fixed)
    for _ in range(20):
        size.full(size.size, fixed + size.size * each)
    return size.size


@pytest.mark.parametrize(
    ("fixed", "each", "least", "most"),
    [
        (1.0, 1e-4, 85_000, 95_000),  # 9 s of content a second of start
        (0.1, 1e-5, 85_000, 95_000),
        (2.0, 1e-7, 1 << 20, 1 << 20),  # a fast line: the bound
        (0.001, 1e-4, 16 * 1024, 16 * 1024),  # a slow line with cheap commands: the bound
    ],
)
def test_chunk_grows_until_the_fixed_cost_is_a_tenth(
    fixed: float, each: float, least: int, most: int
) -> None:
    assert least <= settled(fixed, each) <= most


def test_largest_chunk_fits_what_windows_powershell_parses() -> None:
    encoded = -(-Pace().largest // 3) * 4
    assert encoded + 100_000 < 2_097_152


def test_trouble_halves_the_chunk_down_to_the_smallest() -> None:
    size = ChunkSize(Pace())
    for _ in range(10):
        size.trouble()
    assert size.size == Pace().smallest

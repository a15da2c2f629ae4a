# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a package to a host: pushed in chunks over the host protocol, or pulled by the host.

Pushing is resumable by construction: before anything is sent, and after every doubt, the host is
asked which bytes it has and what their hash is. Each chunk has its own key, so a lost reply cannot
append it twice. How large a chunk is, is measured (`chunking`).
"""

from __future__ import annotations

import base64
import hashlib
import time
from typing import TYPE_CHECKING, Any

from ...base.errors import (
    AuthenticationFailed,
    RefusedError,
    ScriptError,
    TransportError,
    Unreachable,
)
from ...base.progress import Progress
from ..calls import core, packages
from ..calls.asking import Direct
from ..transport.reply import failed_reply
from .chunking import ChunkSize, Pace
from .order import Delivered, Delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...base.progress import Sink
    from ..calls.packages import FileState
    from .order import RemoteFile

_BLOCK = 1024 * 1024
_ORDERS = 50  # fetches a run, over all its lives
_RENEW = 120.0  # seconds between renewals of the host lock
# Raised as "somebody is in the way" or "ask again": the same chunk may go once more.
_RETRIABLE = frozenset({"ChunkPlace", "ChunkDamaged", "PackageBusy", "OperationInterrupted"})


class Push:
    """One push of one package to one host."""

    def __init__(
        self,
        delivery: Delivery,
        source: Path,
        *,
        pace: Pace | None = None,
        report: Sink | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._delivery = delivery
        self._source = source
        self._pace = pace or Pace()
        self._report = report or delivery.notice
        self._clock = clock
        self._chunk = ChunkSize(self._pace)
        self._attempt = 0  # part of the keys: a new one after each doubt
        self._sent = self._chunks = self._interruptions = 0
        self._renewed = clock()

    def run(self) -> Delivered:
        """Send what is missing; raises when no progress is made, or the host cannot take it."""
        began = self._clock()
        _check_source(self._source, self._delivery.package)
        state = self._ask()
        if state.complete:
            return self._done(state.path, 0, began, changed=False)
        start = offset = self._continue_from(state)
        path: str | None = None
        doubts = 0
        while path is None:
            self._check_budget(offset)
            try:
                self._renew_lock()
                end, path = self._send(offset)
                doubts = 0 if end > offset else doubts + 1
                offset = end
            except (TransportError, ScriptError) as error:
                doubts += 1
                if not _may_go_on(error) or doubts > self._pace.doubts:
                    raise
                self._interruptions += 1
                self._attempt += 1
                self._chunk.trouble()
                offset, path = self._look_again()
            if doubts > self._pace.doubts:
                raise self._stuck(offset)
        return self._done(path, start, began, changed=True)

    def _check_budget(self, offset: int) -> None:
        """Whatever a host answers, a push ends (I5)."""
        size = self._delivery.package.size
        if offset >= size or self._sent > self._pace.repeats * size:
            raise self._stuck(offset)

    def _stuck(self, offset: int) -> RefusedError:
        delivery = self._delivery
        return RefusedError(
            f"{delivery.host}: {self._sent} bytes of {delivery.package.file} were sent and the host "
            f"is at {offset} of {delivery.package.size}; it loses what it gets. Look at the free "
            "space and the anti-malware of that host, then run again"
        )

    def _renew_lock(self) -> None:
        if self._clock() - self._renewed < _RENEW:
            return
        core.renew(Direct(self._delivery.transport))
        self._renewed = self._clock()

    def _send(self, offset: int) -> tuple[int, str | None]:
        """Send one chunk; returns where to go on, and the path once it is complete."""
        delivery = self._delivery
        data = _read(self._source, offset, min(self._chunk.size, delivery.package.size - offset))
        digest = hashlib.sha256(data).hexdigest()
        identity = {"offset": offset, "chunk_sha256": digest, "attempt": self._attempt}
        parameters = {
            **delivery.wanted(),
            "offset": offset,
            "chunk_sha256": digest,
            "data": base64.b64encode(data).decode("ascii"),
        }
        key = delivery.key("Add-PackageChunk", identity)
        sent_at = self._clock()
        replayed, path = packages.add_chunk(Direct(delivery.transport), parameters, key)
        self._chunk.full(len(data), self._clock() - sent_at)
        self._sent += len(data)
        self._chunks += 1
        if replayed:
            # An earlier life of this run sent it. Whether the bytes are still there is asked.
            self._attempt += 1
            return self._look_again()
        end = offset + len(data)
        self._report(Progress(step="deliver", done=end, total=delivery.package.size, unit="bytes"))
        return end, path

    def _look_again(self) -> tuple[int, str | None]:
        state = self._ask()
        if state.complete:
            return self._delivery.package.size, str(state.path)
        return self._continue_from(state), None

    def _ask(self) -> FileState:
        asked_at = self._clock()
        state = self._delivery.state()
        self._chunk.empty(self._clock() - asked_at)
        return state

    def _continue_from(self, state: FileState) -> int:
        """Return the offset from which to go on: 0 unless the host's bytes are the beginning."""
        size = state.size
        if state.state != "partial" or not 0 < size < self._delivery.package.size:
            return 0
        return size if _prefix_sha256(self._source, size) == state.sha256 else 0

    def _done(self, path: Any, start: int, began: float, *, changed: bool) -> Delivered:
        return Delivered(
            path=str(path),
            changed=changed,
            sent=self._sent,
            resumed_at=start,
            chunks=self._chunks,
            interruptions=self._interruptions,
            seconds=self._clock() - began,
        )


def push(delivery: Delivery, source: Path, **options: Any) -> Delivered:
    """Push a package; the options are those of `Push`."""
    return Push(delivery, source, **options).run()


def pull(
    delivery: Delivery,
    address: str,
    *,
    deadline_seconds: int = 3600,
    clock: Callable[[], float] = time.monotonic,
) -> Delivered:
    r"""Let the host fetch it from ``\\server\share\file`` or ``https://server/file``."""
    began = clock()
    identity = {**delivery.wanted(), "source": address}
    parameters = {**identity, "deadline_seconds": deadline_seconds}
    state = delivery.state()
    if not state.complete:
        _order(delivery, parameters, identity)
    after = delivery.state()
    if not after.complete:
        raise RefusedError(
            f"{delivery.host}: {delivery.package.file} is {after.state} after it was fetched from "
            f"{address}; run again, or push it"
        )
    return Delivered(str(after.path), not state.complete, 0, 0, 0, 0, clock() - began)


def _order(delivery: Delivery, parameters: dict[str, Any], identity: dict[str, Any]) -> None:
    """Have it fetched once; what an earlier life of this run got as an answer does not count."""
    for attempt in range(_ORDERS):
        key = delivery.key("Receive-Package", {**identity, "attempt": attempt})
        try:
            replayed = packages.fetch(Direct(delivery.transport), parameters, key)
        except ScriptError as error:
            failed = failed_reply(error)
            if failed is None or not failed.replayed:
                raise
        else:
            if not replayed or delivery.state().complete:
                return
    raise RefusedError(
        f"{delivery.host}: {delivery.package.file} was ordered {_ORDERS} times in run {delivery.run} "
        "already; start another run"
    )


def plan(delivery: Delivery) -> dict[str, Any]:
    """Return what a delivery would do, without doing it (check mode)."""
    state = delivery.state()
    return {
        "changed": not state.complete,
        "before": {"state": state.state, "bytes": state.size},
        "after": {"state": "complete", "bytes": delivery.package.size},
    }


def _check_source(source: Path, package: RemoteFile) -> None:
    size, digest = 0, hashlib.sha256()
    with source.open("rb") as stream:
        while block := stream.read(_BLOCK):
            size += len(block)
            digest.update(block)
    if (size, digest.hexdigest()) != (package.size, package.sha256):
        raise RefusedError(
            f"{source} is not the package of the catalogue (SHA-256 {digest.hexdigest()}, wanted "
            f"{package.sha256}); nothing was sent. Bring the package again"
        )


def _may_go_on(error: Exception) -> bool:
    """Tell whether the push may ask the host and continue after this failure."""
    if isinstance(error, ScriptError):
        reply = failed_reply(error)
        return bool(reply and reply.errors and reply.errors[0].id in _RETRIABLE)
    return not isinstance(error, (AuthenticationFailed, Unreachable))


def _read(source: Path, offset: int, length: int) -> bytes:
    with source.open("rb") as stream:
        stream.seek(offset)
        return stream.read(length)


def _prefix_sha256(source: Path, length: int) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as stream:
        while length > 0 and (block := stream.read(min(_BLOCK, length))):
            digest.update(block)
            length -= len(block)
    return digest.hexdigest()

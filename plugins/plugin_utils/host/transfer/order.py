# SPDX-License-Identifier: GPL-3.0-or-later
"""One package for one host: what is asked for, under which key, and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ...base.progress import silent
from ..calls import packages
from ..calls.asking import Direct
from ..transport.keys import operation_key

if TYPE_CHECKING:
    from ...base.progress import Sink
    from ..calls.packages import FileState
    from ..transport.base import Transport


class RemoteFile(Protocol):
    """What is brought: a ``PackageRecord``, or any other verified file."""

    @property
    def file(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Delivered:
    """How a package came to be on a host."""

    path: str
    changed: bool
    sent: int  # bytes that were sent, without what lay there already
    resumed_at: int
    chunks: int
    interruptions: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is brought where; ``transport``: that of the holder of the host lock."""

    transport: Transport
    host: str
    run: str
    owner: str
    package: RemoteFile
    notice: Sink = silent

    def wanted(self) -> dict[str, Any]:
        """Return the parameters that every package operation takes."""
        package = self.package
        return {"package": package.file, "sha256": package.sha256, "size": package.size}

    def key(self, operation: str, parameters: dict[str, Any]) -> str:
        """Return the key of one changing operation: the same request has the same key."""
        return operation_key(
            run=self.run,
            owner=self.owner,
            host=self.host,
            step=f"package/{self.package.sha256}",
            operation=operation,
            parameters=parameters,
        )

    def state(self) -> FileState:
        """Return what the host has; raises ``RefusedError`` when that cannot be so."""
        return packages.state(Direct(self.transport), self.host, self.wanted())

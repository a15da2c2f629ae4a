# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded about a detection tool's file, and its form in the signed catalogue."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ...catalog.records.tools import ScriptVersion
from .records import Signature

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class ToolRecord:
    """One file. ``file``: the tool's own name, whatever the operator's file was called.

    ``pinned_by``: ``signature`` (of Microsoft, over a file that changes daily), ``catalogue`` (a listed
    release) or ``operator`` (a hash from another source). ``dated``: when Microsoft signed it, else when
    it was added.
    """

    sha256: str
    size: int
    file: str
    tool: str
    version: str
    signature: Signature | None
    pinned_by: str
    dated: str  # UTC
    evidence: tuple[str, ...]
    reason: str | None
    reason_by: str | None
    added: str  # UTC

    @property
    def script_version(self) -> ScriptVersion | None:
        """The version as a release stamp; None for a program, whose version is no such thing."""
        try:
            return ScriptVersion.parse(self.version)
        except ValueError:
            return None

    def expires(self, days: int | None) -> datetime | None:
        """When it is too old; ``days``: how old a file of the tool may be, None: it does not expire."""
        if days is None:
            return None
        dated = datetime.strptime(self.dated, _TIME).replace(tzinfo=UTC)
        return dated + timedelta(days=days)

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the catalogue."""
        signature = self.signature.to_json() if self.signature else None
        return {**asdict(self), "signature": signature, "evidence": list(self.evidence)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ToolRecord:
        """Read an entry that the schema has already passed."""
        signature = data["signature"]
        return cls(
            **{
                **data,
                "evidence": tuple(data["evidence"]),
                "signature": Signature(**signature) if signature else None,
            }
        )


def utc(moment: datetime) -> str:
    """Return a time as records have it."""
    return moment.strftime(_TIME)

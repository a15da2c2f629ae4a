# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded about a package, and its form in the signed catalogue."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ...base.model import Build

FORMATS = ("msp", "msi", "exe", "iso")


@dataclass(frozen=True, slots=True)
class Signature:
    """The Authenticode signature that was verified, with the certificate that made it."""

    subject: str  # RFC 4514
    issuer: str
    certificate_sha256: str
    serial: str  # hex
    root_sha256: str
    timestamp: str  # as the time stamp says: "Mar  2 10:11:12 2021 GMT"
    digest: str  # SHA256


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """One verified package and the exact builds that it is for."""

    sha256: str
    size: int
    file: str
    format: str  # one of FORMATS
    product: str  # Exchange2016
    cu: str  # CU19
    kind: str  # SU | HU | RU | CU
    kb: str | None
    build: Build  # what a server is afterwards
    applies_to: tuple[Build, ...]  # what a server must be before
    supersedes: tuple[str, ...]
    signature: Signature | None  # None: an image, which has no Authenticode
    evidence: tuple[str, ...]  # what ties the file to product, KB and cumulative update
    reason: str | None  # why the operator took it although something could not be checked
    added: str  # UTC

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the catalogue."""
        data = asdict(self)
        data["build"] = str(self.build)
        data["applies_to"] = [str(build) for build in self.applies_to]
        data["supersedes"] = list(self.supersedes)
        data["evidence"] = list(self.evidence)
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PackageRecord:
        """Read an entry that the schema has already passed."""
        signature = data["signature"]
        return cls(
            **{
                **data,
                "build": Build.parse(data["build"]),
                "applies_to": tuple(Build.parse(text) for text in data["applies_to"]),
                "supersedes": tuple(data["supersedes"]),
                "evidence": tuple(data["evidence"]),
                "signature": Signature(**signature) if signature else None,
            }
        )

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded about the MSI of a module of IIS, and its form in the signed catalogue."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .records import Signature


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    """One verified MSI of a module, with what stands in the MSI itself."""

    sha256: str
    size: int
    file: str
    module: str  # url-rewrite
    product_name: str
    version: str  # ProductVersion: 7.2.1993
    product_code: str  # in capitals and braces
    architecture: str  # x64
    language: str  # de-DE
    signature: Signature
    evidence: tuple[str, ...]  # what says that it is this module
    added: str  # UTC

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the catalogue."""
        signature = self.signature.to_json()
        return {**asdict(self), "signature": signature, "evidence": list(self.evidence)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ModuleRecord:
        """Read an entry that the schema has already passed."""
        return cls(
            **{
                **data,
                "evidence": tuple(data["evidence"]),
                "signature": Signature(**data["signature"]),
            }
        )

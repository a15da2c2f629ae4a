# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded about a package, and its form in the signed catalogue."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ...base.model import Build

FORMATS = ("msp", "msi", "exe", "iso")
# In which of them an update of each kind comes: one of a product is for msiexec, never a product or
# an image; a cumulative update is a whole product, never a patch.
FORMS = {
    "SU": ("msp", "exe"),
    "HU": ("msp", "exe"),
    "RU": ("msp", "exe"),
    "CU": ("iso", "exe", "msi"),
}
# What the bytes of a package must prove, or a person vouch for. A name proves none of it.
PRODUCT, KB, CU, SEASON = "product", "kb", "cumulative-update", "signing-time"
_BROUGHT_AGAIN = "bring the file again with 'exchange-remediation package add'"


def wrong_form(kind: str, ending: str) -> str:
    """``a CU never comes as .msp, but as .iso, .exe, .msi``."""
    return f"a {kind} never comes as .{ending}, but as .{', .'.join(FORMS[kind])}"


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
    # The second judge: "osslsigncode 2.9"; None in records from before it was kept. Who signed is the
    # same whichever version was asked.
    tool: str | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, str]:
        """Return its form in the catalogue; what is not known has no member."""
        return {name: text for name, text in asdict(self).items() if text is not None}


@dataclass(frozen=True, slots=True)
class Content:
    """What the bytes of a package are, and which of the needed things they prove themselves."""

    described: str  # "a program, 'Microsoft Exchange' 15.1 by Microsoft Corporation"
    proven: tuple[str, ...]  # of PRODUCT, KB, CU and SEASON, sorted


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
    content: Content | None = None  # None: added before the content was asked for
    reason_by: str | None = None  # name of the key whose holder gave the reason

    @property
    def unproven(self) -> tuple[str, ...]:
        """Return what a server would have to take on a person's word."""
        needed = {PRODUCT, CU} if self.kind == "CU" else {PRODUCT, KB, CU}
        if self.format != "iso":
            needed.add(SEASON)
        return tuple(sorted(needed - set(self.content.proven if self.content else ())))

    @property
    def vouched(self) -> str | None:
        """Return who says what the bytes do not prove, when and why; ``None``: they prove it."""
        if not self.unproven or self.reason is None:
            return None
        by = self.reason_by or "an operator whose name was not recorded"
        return f"{', '.join(self.unproven)} rest on {by} ({self.added}): {self.reason}"

    @property
    def refusal(self) -> str | None:
        """Say why no server may get these bytes although they are in the signed catalogue (I10).

        An image was never taken without a hash from another source and a reason, so one of an
        older catalogue stays good.
        """
        if self.content is None and self.format != "iso":
            return (
                f"{self.file} was added by a release that asked for no content, so it may be "
                f"anything with that name; {_BROUGHT_AGAIN}"
            )
        if self.format not in FORMS[self.kind]:
            return f"{self.file}: {wrong_form(self.kind, self.format)}; {_BROUGHT_AGAIN}, the right one"
        named = self.reason_by is not None or self.content is None
        if self.unproven and not (self.reason and named):
            return (
                f"nothing in {self.file} proves {', '.join(self.unproven)} and nobody vouched for "
                f"it; {_BROUGHT_AGAIN}, with --reason"
            )
        return None

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the catalogue."""
        data = asdict(self)
        del data["content"], data["reason_by"]
        if self.content is not None:
            data["content"] = {**asdict(self.content), "proven": list(self.content.proven)}
            data["reason_by"] = self.reason_by
        data["build"] = str(self.build)
        data["signature"] = self.signature.to_json() if self.signature else None
        data["applies_to"] = [str(build) for build in self.applies_to]
        data["supersedes"] = list(self.supersedes)
        data["evidence"] = list(self.evidence)
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PackageRecord:
        """Read an entry that the schema has already passed."""
        signature, content = data["signature"], data.get("content")
        return cls(
            **{
                **data,
                "build": Build.parse(data["build"]),
                "applies_to": tuple(Build.parse(text) for text in data["applies_to"]),
                "supersedes": tuple(data["supersedes"]),
                "evidence": tuple(data["evidence"]),
                "signature": Signature(**signature) if signature else None,
                "content": content
                and Content(described=content["described"], proven=tuple(content["proven"])),
            }
        )

# SPDX-License-Identifier: GPL-3.0-or-later
"""From a file that the operator brought to a verified record: every check, in order of cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.errors import ConfigError, RefusedError
from . import authenticode
from .binding import bind, content_evidence, name_evidence
from .claims import read_claims
from .records import FORMATS, PackageRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from ...base.model import Build
    from ...catalog.catalog import Catalog
    from .authenticode import SignaturePolicy
    from .binding import Binding, Claim
    from .records import Signature
    from .store import Staged

_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of .msi and .msp
_MAGIC: dict[str, tuple[int, tuple[bytes, ...]]] = {
    "msp": (0, (_COMPOUND,)),
    "msi": (0, (_COMPOUND,)),
    "exe": (0, (b"MZ",)),
}
_MAGIC["iso"] = (0x8001, (b"CD001", b"BEA01"))  # ISO 9660, UDF
# What may stand in a path and a command line on a server without any quoting question.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class IntakeRequest:
    """What the operator says about a file."""

    name: str
    kb: str | None = None
    build: Build | None = None
    sha256: str | None = None  # pinned by the operator, from another source
    reason: str | None = None


def precheck(request: IntakeRequest, catalog: Catalog) -> Binding:
    """Check what needs no byte of the file; returns what it is said to be."""
    if request.kb is None and request.build is None:
        raise ConfigError(f"{request.name}: say what it is, with --build or --kb")
    check_stated(request.name, request.sha256)
    if _format(request.name) == "iso" and not (request.sha256 and request.reason):
        raise RefusedError(
            f"{request.name}: an image carries no signature. Give the SHA-256 from another source "
            "with --sha256, and say with --reason where it comes from"
        )
    binding = bind(catalog, request.kb, request.build)
    name_evidence(binding, request.name)
    return binding


def check_stated(name: str, sha256: str | None) -> None:
    """Check name and pinned hash of a file; raises ``ConfigError``."""
    if not _NAME.match(name):
        raise ConfigError(
            f"file name {name!r}: only letters, digits, '.', '_' and '-' (120 at most); "
            "rename it as Microsoft names it"
        )
    if sha256 is not None and not _DIGEST.match(sha256):
        raise ConfigError(f"--sha256 {sha256!r}: 64 small hex digits are wanted")


def check_pin(name: str, found: str, pin: str | None, who: str) -> None:
    """Refuse bytes whose SHA-256 is not the pinned one."""
    if pin is not None and pin != found:
        raise RefusedError(
            f"{name}: its SHA-256 is {found}, {who} says {pin}; it is another file or a damaged "
            "one. Download it again"
        )


def examine(
    staged: Staged,
    request: IntakeRequest,
    binding: Binding,
    policy: Callable[[], SignaturePolicy],
    now: datetime,
) -> PackageRecord:
    """Return the record of a staged file that passed everything; raises ``RefusedError``."""
    kind = _format(request.name)
    for pin, who in ((request.sha256, "--sha256"), (binding.sha256, "the catalogue")):
        check_pin(request.name, staged.sha256, pin, who)
    check_magic(staged.path, request.name, kind)
    signature: Signature | None = None
    claims: tuple[Claim, ...] = ()
    if kind != "iso":
        signature = authenticode.verify(staged.path, policy(), shown=request.name)
        claims = read_claims(staged.path)
    by_name = name_evidence(binding, request.name)
    by_content = content_evidence(binding, request.name, claims)
    evidence = tuple(filter(None, (by_name, by_content)))
    if not evidence and not request.reason:
        raise RefusedError(
            f"{request.name}: neither its name nor its content says that it is for "
            f"{binding.product}; give it Microsoft's file name back, or say with --reason why it "
            "is the right one"
        )
    return PackageRecord(
        sha256=staged.sha256,
        size=staged.size,
        file=request.name,
        format=kind,
        product=binding.product,
        cu=binding.cu,
        kind=binding.kind,
        kb=binding.kb,
        build=binding.build,
        applies_to=binding.applies_to,
        supersedes=binding.supersedes,
        signature=signature,
        evidence=evidence,
        reason=request.reason,
        added=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def confirmed_cu(record: PackageRecord) -> bool:
    """Tell whether the file itself says for which cumulative update it is."""
    return any(record.cu in line or _long(record.cu) in line for line in record.evidence)


def _long(cu: str) -> str:
    return cu.replace("CU", "Cumulative Update ")


def _format(name: str) -> str:
    ending = name.rpartition(".")[2].lower()
    if ending not in FORMATS:
        raise ConfigError(f"{name}: a package ends in .{', .'.join(FORMATS)}")
    return ending


def check_magic(path: Path, name: str, kind: str) -> None:
    """Refuse a file whose first bytes are not those of its kind (one of ``FORMATS``)."""
    place, marks = _MAGIC[kind]
    with path.open("rb") as stream:
        stream.seek(place)
        head = stream.read(8)
    if not head.startswith(marks):
        raise RefusedError(
            f"{name}: its content is not that of an .{kind} file (it starts with {head[:4]!r}); "
            "a log-on page or an error page may have been saved in its place"
        )

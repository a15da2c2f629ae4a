# SPDX-License-Identifier: GPL-3.0-or-later
"""From a file that the operator brought to a verified record: every check, in order of cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.dates import utc_text
from ...base.errors import ConfigError, RefusedError
from . import authenticode
from .binding import bind, check_form, check_name
from .kinds import check_kind
from .proof import prove
from .records import CU, FORMATS, KB, PRODUCT, SEASON, Content, PackageRecord
from .signing_time import out_of_season, signed_at
from .statements import read_statements

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ...base.model import Build
    from ...catalog.catalog import Catalog
    from .authenticode import SignaturePolicy
    from .binding import Binding
    from .records import Signature
    from .statements import FileStatements
    from .store import Staged

# What may stand in a path and a command line on a server without any quoting question.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}\Z")
_UNPACK = {
    "cab": "unpack a cabinet (expand -F:*.msp FILE.cab FOLDER) and bring the .msp",
    "zip": "unpack it and bring the file that is in it",
}
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class IntakeRequest:
    """What the operator says about a file."""

    name: str
    kb: str | None = None
    build: Build | None = None
    sha256: str | None = None  # pinned by the operator, from another source
    reason: str | None = None
    reason_by: str | None = None  # name of the key whose holder gives it


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
    check_name(binding, request.name)
    check_form(binding, request.name, _format(request.name))
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
    name, ending = request.name, _format(request.name)
    pinned = binding.pinned(ending)
    for pin, who in ((request.sha256, "--sha256"), (pinned, "the catalogue")):
        check_pin(name, staged.sha256, pin, who)
    found = check_kind(staged.path, name, ending)
    signature: Signature | None = None
    if ending != "iso":
        # Nothing in the file is believed before the signature is good.
        signature = authenticode.verify(staged.path, policy(), shown=name)
    stated = read_statements(staged.path, name, found)
    content, evidence, doubts = _content(name, binding, stated, signature, pinned)
    record = PackageRecord(
        sha256=staged.sha256,
        size=staged.size,
        file=request.name,
        format=ending,
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
        added=utc_text(now),
        content=content,
        reason_by=request.reason_by if request.reason else None,
    )
    if record.refusal:
        why = [f"it is {stated.described}", *([doubts] if doubts else [])]
        lacking = ", ".join(item for item in record.unproven if item != SEASON or not doubts)
        if lacking:
            why.append(f"its content does not prove: {lacking}")
        raise RefusedError(
            f"{name}: {'; '.join(why)}. {binding.title}, and a name proves nothing. Fetch the right "
            "file, or say with --reason why it is the right one"
        )
    return record


def _content(
    name: str,
    binding: Binding,
    stated: FileStatements,
    signature: Signature | None,
    pinned: str | None,
) -> tuple[Content, tuple[str, ...], str]:
    """Return what the bytes prove, by what, and what speaks against it."""
    proof = prove(binding, name, stated, known=pinned is not None)
    proven, evidence, doubts = set(proof.proven), list(proof.evidence), ""
    if pinned is not None:  # compared before
        proven |= {PRODUCT, KB, CU, SEASON}
        evidence.append("SHA-256 as the catalogue says")
    elif signature is not None:
        late = out_of_season(binding, signature, name)
        if late is None:
            proven.add(SEASON)
            day = signed_at(signature, name).date()
            evidence.append(f"signed on {day}, released on {binding.released}")
        else:
            doubts = late
    return Content(stated.described, tuple(sorted(proven))), tuple(evidence), doubts


def _format(name: str) -> str:
    ending = name.rpartition(".")[2].lower()
    if ending not in FORMATS:
        cure = _UNPACK.get(ending, "rename it as Microsoft names it")
        raise ConfigError(f"{name}: a package ends in .{', .'.join(FORMATS)}; {cure}")
    return ending

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person says of a server, signed: the answers and satisfied clauses that no server can show.

One file for each statement, never changed and never replaced; a later one stands over an earlier one.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base import disk
from ..base.errors import ConfigError, RefusedError
from ..base.json_schema import compiled, place
from ..base.names import case_name
from ..base.sanitize import clean
from ..judge.directive.answers import ServerSituation
from .signing.envelope import digest_of, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from securesystemslib.signer import Signer

    from ..catalog.records.directives import Directive
    from .signing.keys import TrustedKey

KIND = "application/vnd.exchange-remediation.attestation+json"
SCHEMA = Path(__file__).with_name("attestation.schema.json")
EVERYBODY = "*"  # the organisation: the statement is about all its servers
ENDING = ".attestation.json"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_STAMP = "%Y%m%dT%H%M%SZ"
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file that the statement rests on; its name, not its path."""

    name: str
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Attestation:
    """One statement. ``host``: name in the inventory, ``*`` for the whole organisation."""

    host: str
    directive: str
    answers: Mapping[str, Any]  # {"expertise": "yes"}
    met: tuple[str, ...]  # ids of clauses
    who: str
    words: str
    at: datetime
    evidence: tuple[EvidenceFile, ...] = ()
    signed_by: tuple[str, ...] = field(default=(), compare=False)  # names of trusted keys

    @property
    def source(self) -> str:
        """Who said it, for reports."""
        signed = f", signed by {', '.join(self.signed_by)}" if self.signed_by else ""
        return f"attested by {self.who} on {self.at.strftime(_TIME)}{signed}"

    def concerns(self, host: str) -> bool:
        """Whether it is about this host."""
        return self.host in (EVERYBODY, host)

    def to_json(self) -> dict[str, Any]:
        """Return the document that is signed."""
        return {
            "schema": 1,
            "host": self.host,
            "directive": self.directive,
            "answers": dict(self.answers),
            "met": list(self.met),
            "who": self.who,
            "words": self.words,
            "at": self.at.strftime(_TIME),
            "evidence": [
                {"name": entry.name, "size": entry.size, "sha256": entry.sha256}
                for entry in self.evidence
            ],
        }


def check(attestation: Attestation, directive: Directive) -> None:
    """Refuse a statement that says nothing, or speaks of what the directive does not know.

    :raises ConfigError: naming what is wrong.
    """
    if not attestation.answers and not attestation.met:
        raise ConfigError("nothing is attested: give an --answer or a clause that is --met")
    if attestation.host != EVERYBODY:
        case_name(attestation.host, "host")
    ServerSituation.of(dict(attestation.answers), where="--answer")
    for name in attestation.met:
        if directive.clause(name) is None:
            raise ConfigError(
                f"--met: {directive.short} has no clause {name!r}; see "
                f"'exchange-remediation catalog directive {directive.id}'"
            )
    failure = compiled(SCHEMA)(attestation.to_json())
    if failure is not None:
        raise ConfigError(f"{place('the statement', failure[0])} {failure[1]}")


def evidence_of(path: Path) -> EvidenceFile:
    """Hash a file that a statement rests on."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                found.update(chunk)
            size = stream.tell()
    except OSError as error:
        raise ConfigError(f"--evidence {path}: cannot be read: {error.strerror}") from None
    return EvidenceFile(case_name(path.name, "evidence file"), size, found.hexdigest())


def write(folder: Path, attestation: Attestation, signer: Signer) -> Path:
    """Sign a statement and put it into the folder under a name of its own; returns its path."""
    document = attestation.to_json()
    host = "all" if attestation.host == EVERYBODY else attestation.host
    name = f"{attestation.at.strftime(_STAMP)}-{host}-{digest_of(document)[:12]}{ENDING}"
    path = folder / name
    try:
        disk.make_folder(folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        number = os.open(path, flags, disk.FILE_MODE)
        try:
            disk.write_at(number, seal(document, KIND, signer), 0)
        finally:
            os.close(number)
        disk.sync_folder(folder)
    except FileExistsError:
        raise ConfigError(f"{path}: this very statement is there already") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def read_all(folder: Path, keys: Sequence[TrustedKey]) -> tuple[Attestation, ...]:
    """Return the statements of a folder, the oldest first; none where there is no folder.

    :raises RefusedError: one is damaged, or no trusted key signed it: nothing is decided on the rest.
    """
    if not folder.exists():
        return ()
    found = [_read(path, keys) for path in sorted(folder.glob(f"*{ENDING}"))]
    return tuple(sorted(found, key=lambda entry: entry.at))


def _read(path: Path, keys: Sequence[TrustedKey]) -> Attestation:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    document, names = unseal(raw, KIND, keys, where=str(path))
    failure = compiled(SCHEMA)(document)
    if failure is not None:
        raise RefusedError(
            f"{path}: {place('the statement', failure[0])} {failure[1]}; attest it again with this "
            "version"
        )
    data = clean(document)  # it is shown on terminals and in reports (I4)
    try:
        at = datetime.strptime(data["at"], _TIME).replace(tzinfo=UTC)
        ServerSituation.of(data["answers"], where=str(path))
    except (ValueError, ConfigError) as error:
        raise RefusedError(f"{path}: {error}; attest it again") from None
    return Attestation(
        host=data["host"],
        directive=data["directive"],
        answers=data["answers"],
        met=tuple(data["met"]),
        who=data["who"],
        words=data["words"],
        at=at,
        evidence=tuple(EvidenceFile(**entry) for entry in data["evidence"]),
        signed_by=names,
    )

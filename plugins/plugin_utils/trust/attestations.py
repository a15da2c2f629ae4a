# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person says of a server, signed: the answers and satisfied clauses that no server can show.

One file for each statement, never changed and never replaced; a later one stands over an earlier one.
Of two of one second, as older releases wrote the time, none is the later one.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base import disk
from ..base.clock import utc_now
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
_TIME = "%Y-%m-%dT%H:%M:%SZ"  # of older statements, and for people
_FINE_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_STAMP = "%Y%m%dT%H%M%SZ"
_CHUNK = 1024 * 1024
_AHEAD = timedelta(minutes=10)  # clocks of two controllers may differ by that much
_PATTERN = re.compile(r"[\s*?\[\]!&,;]")  # in Ansible's patterns of hosts, and in no name of one


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
    not_met: tuple[str, ...] = ()  # ids of clauses that were said to be met and are not
    signed_by: tuple[str, ...] = field(default=(), compare=False)  # names of trusted keys

    @property
    def source(self) -> str:
        """Who said it, for reports."""
        signed = f", signed by {', '.join(self.signed_by)}" if self.signed_by else ""
        return f"attested by {self.who} on {self.at.strftime(_TIME)}{signed}"

    def concerns(self, host: str) -> bool:
        """Whether it is about this host; a name is the same in capitals and with a closing dot."""
        return self.host == EVERYBODY or plain(self.host) == plain(host)

    def to_json(self) -> dict[str, Any]:
        """Return the document that is signed; what is new in it stands there only where it says something."""
        not_met = {"not_met": list(self.not_met)} if self.not_met else {}
        return {
            "schema": 1,
            "host": self.host,
            "directive": self.directive,
            "answers": dict(self.answers),
            "met": list(self.met),
            **not_met,
            "who": self.who,
            "words": self.words,
            "at": self.at.strftime(_FINE_TIME if self.at.microsecond else _TIME),
            "evidence": [
                {"name": entry.name, "size": entry.size, "sha256": entry.sha256}
                for entry in self.evidence
            ],
        }


def plain(host: str) -> str:
    """A name of a host as it is compared."""
    return host.strip().rstrip(".").casefold()


def check(attestation: Attestation, directive: Directive) -> None:
    """Refuse a statement that says nothing, or speaks of what the directive does not know.

    :raises ConfigError: naming what is wrong.
    """
    if not (attestation.answers or attestation.met or attestation.not_met):
        raise ConfigError(
            "nothing is attested: give an --answer or a clause that is --met or --not-met"
        )
    _check_host(attestation.host)
    for name, text in (("--who", attestation.who), ("--words", attestation.words)):
        _check_text(name, text)
    ServerSituation.of(dict(attestation.answers), where="--answer")
    _check_clauses(attestation, directive)
    failure = compiled(SCHEMA)(attestation.to_json())
    if failure is not None:
        raise ConfigError(f"{place('the statement', failure[0])} {failure[1]}")


def _check_host(host: str) -> None:
    if host == EVERYBODY:
        return
    case_name(host, "host")
    if _PATTERN.search(host):
        raise ConfigError(
            f"host {host!r} is a pattern and no name, so it would be about nobody: name one host of the "
            f"inventory, or {EVERYBODY!r} for the whole organisation"
        )


def _check_text(option: str, text: str) -> None:
    if not text.strip():
        raise ConfigError(f"{option} is empty: a statement has a person and words")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{option}: {text!a:.80} is no text in UTF-8; write it again") from None


def _check_clauses(attestation: Attestation, directive: Directive) -> None:
    for option, names in (("--met", attestation.met), ("--not-met", attestation.not_met)):
        for name in names:
            clause = directive.clause(name)
            if clause is None:
                raise ConfigError(
                    f"{option}: {directive.short} has no clause {name!a}; see "
                    f"'exchange-remediation catalog directive {directive.id}'"
                )
            if option == "--met" and attestation.host == EVERYBODY and clause.scope == "server":
                raise ConfigError(
                    f"--met: {name} is asked of each server, so {EVERYBODY!r} cannot say that it is met; "
                    "name the server, one statement each"
                )
    both = sorted(set(attestation.met) & set(attestation.not_met))
    if both:
        raise ConfigError(f"{both[0]} cannot be both --met and --not-met; say one of them")


def open_plain(path: Path) -> int:
    """Open a plain file to read; what may keep a reader waiting, such as a pipe, is refused.

    :raises ConfigError: it is no plain file. :raises OSError: it cannot be opened.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(number).st_mode):
        return number
    os.close(number)
    raise ConfigError(f"{path}: cannot be read: it is no plain file; take it away or name another")


def evidence_of(path: Path) -> EvidenceFile:
    """Hash a file that a statement rests on."""
    found = hashlib.sha256()
    try:
        with os.fdopen(open_plain(path), "rb") as stream:
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
    _check_folder(folder)
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


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--folder {folder}: is no folder; name that of the statements")


def read_all(
    folder: Path, keys: Sequence[TrustedKey], now: datetime | None = None
) -> tuple[Attestation, ...]:
    """Return the statements of a folder, the oldest first; none where there is no folder.

    :raises RefusedError: one is damaged, no trusted key signed it, or its time has not come (``now``:
        of the controller, if it is not given): nothing is decided on the rest.
    """
    _check_folder(folder)
    if not folder.exists():
        return ()
    latest = (now or utc_now()) + _AHEAD
    found = []
    for path in sorted(folder.glob(f"*{ENDING}")):
        entry = _read(path, keys)
        if entry.at > latest:
            raise RefusedError(
                f"{path}: is dated {entry.at.strftime(_TIME)}, which has not come, and would stand over "
                "every correction: set the clock right, move it out of the folder, and attest it again"
            )
        found.append(entry)
    return tuple(sorted(found, key=lambda entry: entry.at))


def _read(path: Path, keys: Sequence[TrustedKey]) -> Attestation:
    try:
        with os.fdopen(open_plain(path), "rb") as stream:
            raw = stream.read()
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
        form = _FINE_TIME if "." in data["at"] else _TIME
        at = datetime.strptime(data["at"], form).replace(tzinfo=UTC)
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
        not_met=tuple(data.get("not_met", ())),
        evidence=tuple(EvidenceFile(**entry) for entry in data["evidence"]),
        signed_by=names,
    )

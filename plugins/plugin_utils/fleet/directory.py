# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Exchange servers the directory knows: an export of its ``msExchExchangeServer`` objects.

Read are LDIF (``ldifde``) and CSV (``csvde``, ``Get-ADObject | Export-Csv`` or ``Get-ExchangeServer |
Export-Csv``), in UTF-8 or UTF-16. The directory knows the cumulative update that setup wrote there; a
security update does not change it.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ldif import LDIFParser

from ..base.errors import ConfigError
from ..base.model import Build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LARGEST = 64 * 1024 * 1024  # bytes; a forest with a thousand servers exports some megabytes
_CLASS = "msexchexchangeserver"
# Column or attribute, in small letters -> what it says.
_NAMES = ("cn", "name")
_FQDN = ("fqdn", "networkaddress", "dnshostname")
_VERSION = ("serialnumber", "admindisplayversion", "versionnumber")
_ROLES = ("msexchcurrentserverroles", "serverrole")
_DN = ("distinguishedname", "dn")
# Bits of msExchCurrentServerRoles: 2 to 64 as morgantechspace.com 2015/09 lists them; 1 and 16384 are what
# Exchange 2013 and later add (16439 of a server with all roles, msexchangeteam.in), their meaning derived.
_BITS = {
    1: "client-access",
    2: "mailbox",
    4: "client-access",
    16: "unified-messaging",
    32: "hub-transport",
    64: "edge-transport",
    16384: "client-access",
}
_WORDS = {
    "mailbox": "mailbox",
    "clientaccess": "client-access",
    "cafe": "client-access",
    "frontendtransport": "client-access",
    "unifiedmessaging": "unified-messaging",
    "hubtransport": "hub-transport",
    "edge": "edge-transport",
}
_DISPLAY = re.compile(r"(?:Version\s+)?(\d+)\.(\d+)\s*\(Build\s+(\d+)\.(\d+)\)\s*\Z", re.IGNORECASE)
_PLAIN = re.compile(r"\d+\.\d+\.\d+\.\d+\Z")
_OFFSET = 30000  # serialNumber says "Build 32176.2" of 15.1.2176.2
_COLLECTION = "ADPropertyValueCollection"
_HOST = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\Z"
)
# What parts several values in one cell; a name of a class has no blank, one of a host is refused for it.
_BETWEEN = {
    **dict.fromkeys(_FQDN, re.compile(r"[;,|\n]")),
    "objectclass": re.compile(r"[;,|\s]"),
}
_ENCODED = re.compile(r"^[A-Za-z][A-Za-z0-9;.-]*::[ ]*((?:[^\r\n]|\r?\n )*)", re.MULTILINE)
# CN=EX01\0ADEL:<guid> in a distinguished name, a line feed in the name itself
_TOMB = re.compile(r"(?:\n|\\0A)DEL:[0-9a-f-]{36}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DirectoryServer:
    """One Exchange server that the directory knows; ``build``: of its cumulative update."""

    name: str  # EX01
    fqdn: str | None  # ex01.corp.example
    build: Build | None
    version: str  # as the directory writes it
    roles: tuple[str, ...]
    where: str  # file and line or entry, for messages

    @property
    def shown(self) -> str:
        """What people call it."""
        return self.fqdn or self.name


def read_directory(path: Path) -> tuple[DirectoryServer, ...]:
    """Return the Exchange servers of an export, sorted by name.

    :raises ConfigError: it cannot be read, or has no Exchange server, or a record that is none.
    """
    text = _text(path)
    rows = _ldif(path, text) if _is_ldif(text) else _csv(path, text)
    servers: dict[str, DirectoryServer] = {}
    for where, row in rows:
        server = _server(where, row)
        if server is None:
            continue
        key = server.shown.casefold()
        if key in servers:
            raise ConfigError(
                f"{where}: {server.shown} stands in the export twice (also {servers[key].where}); "
                "export again from one domain controller"
            )
        servers[key] = server
    if not servers:
        raise ConfigError(
            f"{path}: no Exchange server is in this export; export the objects of class "
            "msExchExchangeServer with cn, networkAddress, serialNumber and "
            "msExchCurrentServerRoles, or 'Get-ExchangeServer | Select-Object Name, Fqdn, "
            "AdminDisplayVersion, ServerRole | Export-Csv'"
        )
    return tuple(servers[key] for key in sorted(servers))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError(
                f"{path}: larger than {_LARGEST >> 20} MiB, which no export of Exchange servers is; "
                "give the objects of class msExchExchangeServer only"
            )
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return raw.decode(_encoding(raw))
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: neither UTF-8 nor UTF-16 (byte {error.start}); export with "
            "-Encoding UTF8, or ldifde/csvde with -u"
        ) from None


def _encoding(raw: bytes) -> str:
    """UTF-16 says so by its mark, or by the empty half of its first letter."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if raw[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if raw[:1] == b"\0" else "utf-8-sig"


def _is_ldif(text: str) -> bool:
    first = next(
        (line for line in text.splitlines() if line.strip() and not line.startswith("#")), ""
    )
    return re.match(r"(dn|version)\s*::?", first, re.IGNORECASE) is not None


def _ldif(path: Path, text: str) -> Iterator[tuple[str, dict[str, tuple[str, ...]]]]:
    _check_base64(path, text)
    parser = LDIFParser(io.BytesIO(text.encode()))
    try:
        for number, (dn, entry) in enumerate(parser.parse(), start=1):
            if dn is None:
                continue
            row = {
                key.casefold(): tuple(
                    value if isinstance(value, str) else value.decode("utf-8", "replace")
                    for value in values
                )
                for key, values in entry.items()
            }
            yield f"{path}: entry {number}", {"dn": (dn,), **row}
    except (ValueError, UnicodeError) as error:
        raise ConfigError(
            f"{path}: line {parser.line_counter}: no LDIF ({str(error)[:200]}); export it again"
        ) from None


def _check_base64(path: Path, text: str) -> None:
    """Refuse a value that is no base64: the parser would take what is left of it."""
    for found in _ENCODED.finditer(text):
        try:
            base64.b64decode(re.sub(r"\s", "", found[1]), validate=True)
        except (binascii.Error, ValueError):
            line = text.count("\n", 0, found.start()) + 1
            raise ConfigError(
                f"{path}: line {line}: no base64 after '::'; export it again"
            ) from None


def _csv(path: Path, text: str) -> Iterator[tuple[str, dict[str, tuple[str, ...]]]]:
    lines = text.splitlines(keepends=True)
    skipped = 1 if lines and lines[0].startswith("#TYPE ") else 0
    head = lines[skipped] if len(lines) > skipped else ""
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO("".join(lines[skipped:])), delimiter=delimiter, strict=True)
    try:
        columns = {name.strip().casefold() for name in reader.fieldnames or () if name}
        if not columns & set(_NAMES):
            raise ConfigError(
                f"{path}:{skipped + 1}: no column cn or name; give an export with a line of column "
                "names, as csvde and Export-Csv write it"
            )
        for row in reader:
            where = f"{path}:{skipped + reader.line_num}"
            if None in row:
                raise ConfigError(
                    f"{where}: more fields than the line of column names has; export it again"
                )
            yield where, _cells(row)
    except csv.Error as error:
        raise ConfigError(
            f"{path}:{skipped + reader.line_num}: no CSV ({error}); export it again"
        ) from None


def _cells(row: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    """A line by column, in small letters; several values of one stand in a cell, whatever parts them."""
    cells = {}
    for key, value in row.items():
        name = key.strip().casefold() if key else ""
        if not name or not value or not value.strip():
            continue
        between = _BETWEEN.get(name)
        parts = between.split(value) if between else [value]
        cells[name] = tuple(part.strip() for part in parts if part.strip())
    return cells


def _server(where: str, row: Mapping[str, tuple[str, ...]]) -> DirectoryServer | None:
    """One record as a server; None where it is something else."""
    for key, values in row.items():
        if any(_COLLECTION in value for value in values):
            raise ConfigError(
                f"{where}: the column {key} holds no values but the name of their type; export "
                "with calculated properties, or with csvde or ldifde"
            )
    if _is_deleted(row):
        return None
    classes = [value.casefold() for value in row.get("objectclass", ())]
    if classes and _CLASS not in classes:
        return None
    name = _first(row, _NAMES) or _from_dn(row)
    if not name or not _HOST.match(name):
        raise ConfigError(
            f"{where}: {name!r} is no name of a server; letters, digits, hyphens and dots only"
        )
    version = _first(row, _VERSION)
    return DirectoryServer(
        name=name,
        fqdn=_fqdn(where, row),
        build=_build(version),
        version=version,
        roles=_roles(_first(row, _ROLES)),
        where=where,
    )


def _is_deleted(row: Mapping[str, tuple[str, ...]]) -> bool:
    """What the directory has deleted, and keeps for a while under a name of its own."""
    if _first(row, ("isdeleted",)).casefold() in ("true", "1"):
        return True
    return any(_TOMB.search(value) for key in (*_NAMES, *_DN) for value in row.get(key, ()))


def _first(row: Mapping[str, tuple[str, ...]], keys: tuple[str, ...]) -> str:
    return next((row[key][0].strip() for key in keys if row.get(key)), "")


def _from_dn(row: Mapping[str, tuple[str, ...]]) -> str:
    found = re.match(r"CN=([^,\\]+),", _first(row, _DN), re.IGNORECASE)
    return found[1] if found else ""


def _fqdn(where: str, row: Mapping[str, tuple[str, ...]]) -> str | None:
    """The name in ``ncacn_ip_tcp:ex01.corp.example``, or in a column that holds it alone."""
    for key in _FQDN:
        for value in row.get(key, ()):
            kind, _, rest = value.rpartition(":")
            if key == "networkaddress" and kind.casefold() != "ncacn_ip_tcp":
                continue
            rest = rest.removesuffix(".")
            if not _HOST.match(rest):
                raise ConfigError(f"{where}: {rest!r} is no name of a host; correct the export")
            return rest
    return None


def _build(text: str) -> Build | None:
    """The build in any of the forms that the directory and Exchange write; None: not known."""
    if _PLAIN.match(text):
        return Build.parse(text)
    found = _DISPLAY.match(text)
    if found:
        major, minor, build, revision = (int(part) for part in found.groups())
        return Build(major, minor, build - _OFFSET if build >= _OFFSET else build, revision)
    return None


def _roles(text: str) -> tuple[str, ...]:
    if text.isdigit():
        number = int(text)
        found = [role for bit, role in _BITS.items() if number & bit]
    else:
        words = (re.sub(r"[^a-z]", "", part.casefold()) for part in re.split(r"[,;]", text))
        found = [_WORDS[word] for word in words if word in _WORDS]
    return tuple(dict.fromkeys(found))

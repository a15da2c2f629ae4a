# SPDX-License-Identifier: GPL-3.0-or-later
"""The signed package catalogue: which bytes may be installed on which builds, and until when.

Rules against an attacker who can replace the file (the same as The Update Framework's, without
a server): a trusted key signed it, its version never goes back, and it expires.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from ...base.errors import RefusedError
from .iis_module_records import ModuleRecord
from .records import PackageRecord
from .tool_records import ToolRecord

if TYPE_CHECKING:
    from ...base.model import Build
    from ...catalog.records.detection_tools import DetectionTool

KIND = "application/vnd.exchange-remediation.package-catalogue+json"
_SCHEMA = Path(__file__).with_name("package-catalogue.schema.json")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class PackageCatalogue:
    """All packages of one store. ``id`` is drawn once; ``version`` counts every change."""

    id: str
    version: int
    issued: datetime
    expires: datetime
    packages: tuple[PackageRecord, ...]
    signed_by: tuple[str, ...] = ()  # names of the trusted keys; empty before it is signed
    modules: tuple[ModuleRecord, ...] = ()  # of IIS; bound to no build
    tools: tuple[ToolRecord, ...] = ()  # for detection

    @property
    def stored(self) -> tuple[PackageRecord | ModuleRecord | ToolRecord, ...]:
        """Everything whose bytes lie in the store."""
        return (*self.packages, *self.modules, *self.tools)

    def to_json(self) -> dict[str, Any]:
        """Return the document that is signed."""
        ordered = sorted(self.packages, key=lambda p: (p.product, p.build, p.sha256))
        modules = sorted(self.modules, key=lambda m: (m.module, m.language, m.sha256))
        # An older release of this tool reads a catalogue that needs nothing newer.
        more = {"modules": [module.to_json() for module in modules]} if modules else {}
        tools = sorted(self.tools, key=lambda t: (t.tool, t.dated, t.sha256))
        if tools:
            more["tools"] = [tool.to_json() for tool in tools]
        contents = any(package.content for package in ordered)
        return {
            "schema": 4 if tools else 3 if contents else 2 if modules else 1,
            "id": self.id,
            "version": self.version,
            "issued": self.issued.strftime(_TIME),
            "expires": self.expires.strftime(_TIME),
            "packages": [package.to_json() for package in ordered],
            **more,
        }

    def for_build(self, current: Build, target: Build) -> PackageRecord:
        """Return the package that takes exactly this build to that one; raises ``RefusedError``."""
        reaching = [package for package in self.packages if package.build == target]
        if not reaching:
            raise RefusedError(
                f"no package in the catalogue leads to build {target}; fetch it and run "
                f"'exchange-remediation package add FILE --build {target}'"
            )
        fitting = [package for package in reaching if current in package.applies_to]
        if not fitting:
            raise RefusedError(
                f"{reaching[0].file} leads to {target}, but not from build {current}; "
                f"it is for {reaching[0].product} {reaching[0].cu} only"
            )
        return fitting[0]

    def tool(self, wanted: DetectionTool, now: datetime, version: str | None = None) -> ToolRecord:
        """Return the newest file of a detection tool that is not too old; raises ``RefusedError``.

        ``version``: that one only.
        """
        found = [
            record
            for record in self.tools
            if record.tool == wanted.id and version in (None, record.version)
        ]
        add = f"'exchange-remediation package add {wanted.file} --tool {wanted.id}'"
        if not found:
            raise RefusedError(
                f"{wanted.file}{f' {version}' if version else ''} is not in the package store; fetch it, "
                f"then run {add}"
            )
        newest = max(found, key=_newest)
        if wanted.expires_days and newest.dated > now.strftime(_TIME):
            raise RefusedError(
                f"{wanted.file} was signed on {newest.dated}, and it is {now:{_TIME}} here; set the clock"
            )
        expires = newest.expires(wanted.expires_days)
        if expires is not None and now >= expires:
            raise RefusedError(
                f"{wanted.file} of {newest.dated} expired on {expires:{_TIME}} (now {now:{_TIME}}); "
                f"download the present one, then run {add}"
            )
        return newest

    def by_sha256(self, digest: str) -> PackageRecord:
        """Return the package with these bytes; raises ``RefusedError``."""
        for package in self.packages:
            if package.sha256 == digest:
                return package
        raise RefusedError(f"no package with SHA-256 {digest} is in the catalogue")


def _newest(record: ToolRecord) -> tuple[tuple[int, ...], str]:
    """A script by its release stamp, a program by the day on which it was signed."""
    version = record.script_version
    return (version.parts if version else (), record.dated)


def from_document(
    document: dict[str, Any], signed_by: tuple[str, ...], *, where: str
) -> PackageCatalogue:
    """Read a document whose signature was verified."""
    errors = sorted(_validator().iter_errors(document), key=lambda e: list(map(str, e.path)))
    if errors:
        place = "/".join(map(str, errors[0].path)) or "the document"
        raise RefusedError(
            f"{where}: {place}: {errors[0].message}; sign it again with this version"
        )
    return PackageCatalogue(
        id=document["id"],
        version=document["version"],
        issued=_moment(document["issued"]),
        expires=_moment(document["expires"]),
        packages=tuple(PackageRecord.from_json(entry) for entry in document["packages"]),
        signed_by=signed_by,
        modules=tuple(ModuleRecord.from_json(entry) for entry in document.get("modules", ())),
        tools=tuple(ToolRecord.from_json(entry) for entry in document.get("tools", ())),
    )


def check_fresh(catalogue: PackageCatalogue, now: datetime, *, where: str) -> None:
    """Refuse a catalogue that has expired or comes from the future."""
    if now >= catalogue.expires:
        raise RefusedError(
            f"{where}: expired at {catalogue.expires:{_TIME}} (now {now:{_TIME}}); look whether "
            "newer updates exist, then renew it with 'exchange-remediation package renew'"
        )
    if catalogue.issued > now:
        raise RefusedError(
            f"{where}: issued at {catalogue.issued:{_TIME}}, which is after now ({now:{_TIME}}); "
            "correct this machine's clock"
        )


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)

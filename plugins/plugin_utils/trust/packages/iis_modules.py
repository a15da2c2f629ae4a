# SPDX-License-Identifier: GPL-3.0-or-later
"""From an MSI of a module of IIS to a verified record: the same checks as for an update.

It is bound to no build: which server it fits follows from its version, its language and the IIS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.dates import utc_text
from ...base.errors import RefusedError
from ...catalog.records.iis_modules import not_older
from . import authenticode
from .iis_module_records import ModuleRecord
from .intake import check_pin, check_stated
from .kinds import check_kind
from .msi import read_msi

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ...catalog.records.iis_modules import ModuleKnowledge
    from .authenticode import SignaturePolicy
    from .msi import MsiFacts
    from .store import Staged

MODULE = "url-rewrite"  # the only one that mitigations need
_FILE_LANGUAGE = re.compile(r"_([a-z]{2}-[A-Z]{2})\.msi\Z")


@dataclass(frozen=True, slots=True)
class ModuleRequest:
    """What the operator says about the file."""

    name: str
    sha256: str | None = None  # pinned by the operator, from another source


def precheck_module(request: ModuleRequest) -> None:
    """Check what needs no byte of the file."""
    check_stated(request.name, request.sha256)


def examine_module(
    staged: Staged,
    request: ModuleRequest,
    known: ModuleKnowledge,
    policy: Callable[[], SignaturePolicy],
    now: datetime,
) -> ModuleRecord:
    """Return the record of a staged MSI that passed everything; raises ``RefusedError``."""
    name = request.name
    check_pin(name, staged.sha256, request.sha256, "--sha256")
    check_kind(staged.path, name, "msi")
    # Nothing of the tables is looked at before the signature is good.
    signature = authenticode.verify(staged.path, policy(), shown=name)
    facts = read_msi(staged.path, shown=name)
    evidence = _recognise(name, facts, known)
    _check_fit(name, facts, known)
    return ModuleRecord(
        sha256=staged.sha256,
        size=staged.size,
        file=name,
        module=known.id,
        product_name=facts.product_name,
        version=facts.product_version,
        product_code=facts.product_code,
        architecture=facts.architecture,
        language=_language(name, facts, known),
        signature=signature,
        evidence=evidence,
        added=utc_text(now),
    )


def _recognise(name: str, facts: MsiFacts, known: ModuleKnowledge) -> tuple[str, ...]:
    """Return what says that it is the module; refuses any other product."""
    if facts.manufacturer != known.manufacturer:
        raise _another(name, facts, known, f"its manufacturer is {facts.manufacturer!r}")
    listed = known.product(facts.product_code)
    if listed is not None:
        if listed.version != facts.product_version:
            text = f"its ProductCode is that of {listed.version}, its version is another"
            raise _another(name, facts, known, text)
        return (f"ProductCode {facts.product_code}",)
    missing = [w for w in known.words if w.casefold() not in facts.product_name.casefold()]
    if missing:
        raise _another(name, facts, known, f"there is no {missing[0]!r} in its name")
    if known.file not in facts.files:
        raise _another(name, facts, known, f"it installs no {known.file}")
    return (f"ProductName {facts.product_name}", f"installs {known.file}")


def _another(name: str, facts: MsiFacts, known: ModuleKnowledge, why: str) -> RefusedError:
    return RefusedError(
        f"{name}: it is {facts.product_name!r} {facts.product_version} ({facts.product_code}), not "
        f"the {known.title}: {why}. For an update say which one it is, with --build or --kb"
    )


def _check_fit(name: str, facts: MsiFacts, known: ModuleKnowledge) -> None:
    if facts.architecture != known.architecture:
        raise RefusedError(
            f"{name}: it is for {facts.architecture}, Exchange needs {known.architecture}; "
            "download the one whose name says amd64"
        )
    least = known.install[0].minimum
    if not any(not_older(facts.product_version, row.minimum) for row in known.install):
        raise RefusedError(
            f"{name}: its version is {facts.product_version}, older than {least}, the least that "
            "Microsoft's own tools install; download the present one"
        )


def _language(name: str, facts: MsiFacts, known: ModuleKnowledge) -> str:
    """The language by ProductLanguage; a known ProductCode or a file name that differ are refused."""
    found = known.language_of(facts.language)
    listed = known.product(facts.product_code)
    by_name = _FILE_LANGUAGE.search(name)
    said = {
        "its ProductLanguage": found,
        "its ProductCode": listed.language if listed else None,
        "its file name": by_name[1] if by_name else None,
    }
    stated = {what: tag for what, tag in said.items() if tag}
    if len(set(stated.values())) > 1:
        text = ", ".join(f"{what} says {tag}" for what, tag in stated.items())
        raise RefusedError(f"{name}: {text}; give it Microsoft's file name back, or fetch it again")
    if found is None:
        tags = ", ".join(row.tag for row in known.languages)
        raise RefusedError(
            f"{name}: its ProductLanguage {facts.language} is none of those in which Microsoft "
            f"gives it out ({tags}); download it again"
        )
    return found

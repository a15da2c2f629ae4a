# SPDX-License-Identifier: GPL-3.0-or-later
"""What verified bytes state about themselves, from the fields that are meant for it.

Text elsewhere in a file counts for nothing: a list of updates in another program of Microsoft names
them as well, and what lies in the table of certificates is not signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .kinds import FileKind, shown
from .msi import read_msi
from .msp import read_msp
from .program import patches_inside
from .titles import name_claim, title_claims

if TYPE_CHECKING:
    from pathlib import Path

    from .kinds import Recognised
    from .msp import MspFacts, Transform
    from .program import ProgramFacts
    from .titles import Claim

_MICROSOFT = "Microsoft Corporation"
_TITLES = ("FileDescription", "ProductName", "Comments")
_NAMES = ("OriginalFilename", "InternalName")


@dataclass(frozen=True, slots=True)
class FileStatement:
    """What one file, or one patch inside it, says it is."""

    where: str  # "" for the file itself
    claims: tuple[tuple[str, Claim], ...] = ()  # with the field in which each stands
    products: tuple[str, ...] = ()  # ProductCodes that a patch is for
    transforms: tuple[Transform, ...] = ()
    versions: tuple[str, ...] = ()  # of a program of Exchange


@dataclass(frozen=True, slots=True)
class FileStatements:
    """All that a file states, and the words for people."""

    described: str
    items: tuple[FileStatement, ...] = ()


def read_statements(path: Path, name: str, found: Recognised) -> FileStatements:
    """Read what a file of a known kind states; raises ``RefusedError`` for a damaged one."""
    if found.kind is FileKind.PATCH:
        with path.open("rb") as stream:
            patch = read_msp(stream, name)
        return FileStatements(_titled(found.described, patch.texts), (_of_patch(patch, ""),))
    if found.kind is FileKind.PRODUCT:
        product = read_msi(path, shown=name)
        text = f"{product.product_name} {product.product_version}"
        return FileStatements(
            f"{found.described}, '{shown(text)}' by {shown(product.manufacturer)}"
        )
    if found.program is None:
        # A label knows no hyphen where it keeps to ISO 9660.
        label = name_claim(found.label.replace("_", "-"))
        claims = (("the label", label),) if label else ()
        return FileStatements(found.described, (FileStatement("", claims),))
    inside = [
        (read_msp(stream, f"{name}: the patch inside it"), f"patch {number} inside it, ")
        for number, stream in enumerate(patches_inside(path, found.program.signed_bytes), 1)
    ]
    patches = tuple(_of_patch(patch, where) for patch, where in inside)
    return FileStatements(found.described, (_of_program(found.program), *patches))


def _titled(described: str, texts: tuple[tuple[str, str], ...]) -> str:
    return f"{described}, '{shown(texts[0][1])}'" if texts else described


def _of_patch(patch: MspFacts, where: str) -> FileStatement:
    claims = tuple(
        (f"{where}{place}", claim) for place, text in patch.texts for claim in title_claims(text)
    )
    return FileStatement(where, claims, patch.products, patch.transforms)


def _of_program(program: ProgramFacts) -> FileStatement:
    """Only a version resource that names Microsoft as its maker says anything."""
    said = program.strings
    if said.get("CompanyName") != _MICROSOFT:
        return FileStatement("")
    claims = [(key, claim) for key in _TITLES for claim in title_claims(said.get(key, ""))]
    named = [(key, name_claim(said.get(key, ""))) for key in _NAMES]
    claims += [(key, claim) for key, claim in named if claim]
    exchange = any("Exchange" in said.get(key, "") for key in _TITLES)
    return FileStatement("", tuple(claims), versions=program.versions if exchange else ())

# SPDX-License-Identifier: GPL-3.0-or-later
"""What an .msp says about itself: the patch, and the products and versions that it changes.

https://learn.microsoft.com/windows/win32/msi: "Revision Number Summary property" (patch code; of a
transform the product code with the version before and after), "Template Summary property" (target
product codes), "MsiPatchMetadata table" (DisplayName, TargetProductName, ...). Each transform in the
patch is a storage with a summary of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from ...base.errors import RefusedError
from .compound import SUMMARY, opened
from .installer_tables import Database

if TYPE_CHECKING:
    from .compound import CompoundFile

_TITLE, _SUBJECT, _COMMENTS, _TEMPLATE, _REVISION = 2, 3, 6, 7, 9
_GUID = r"\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}"
_CODES = re.compile(_GUID)
_PATCH = re.compile(rf"(?:{_GUID})+\Z")
_CHANGE = re.compile(rf"(?P<code>{_GUID})(?P<version>[0-9.]{{1,40}})\Z")
_STATING = ("DisplayName", "Description", "TargetProductName")  # of MsiPatchMetadata
_MOST_TRANSFORMS = 200


@dataclass(frozen=True, slots=True)
class Transform:
    """One product that a patch changes: the version it must have before, and has afterwards."""

    product_code: str  # in capitals and braces
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class MspFacts:
    """What a patch states; ``texts`` are its names with the place in which they stand."""

    patch_code: str
    products: tuple[str, ...]  # target ProductCodes
    manufacturer: str
    texts: tuple[tuple[str, str], ...]
    transforms: tuple[Transform, ...]


def read_msp(stream: BinaryIO, name: str) -> MspFacts:
    """Read a patch; raises ``RefusedError`` for what is none. Only verified bytes are read here."""
    with opened(stream, name, "Windows Installer patch") as file:
        rows = Database(file).table("MsiPatchMetadata")
        summary = file.summary()
        transforms = tuple(_transforms(file))
    revision = summary.get(_REVISION, "").upper()
    if not _PATCH.match(revision):
        raise RefusedError(
            f"{name}: it states no patch code (its revision number is {revision[:60]!r}), as every "
            "Windows Installer patch does"
        )
    metadata = {row["Property"]: row["Value"] for row in rows}
    texts = [(f"MsiPatchMetadata {key}", metadata.get(key, "")) for key in _STATING]
    places = (("summary title", _TITLE), ("summary subject", _SUBJECT), ("comments", _COMMENTS))
    texts += [(place, summary.get(number, "")) for place, number in places]
    return MspFacts(
        patch_code=_CODES.findall(revision)[0],
        products=tuple(_CODES.findall(summary.get(_TEMPLATE, "").upper())),
        manufacturer=metadata.get("ManufacturerName", ""),
        texts=tuple((place, text) for place, text in texts if text),
        transforms=transforms,
    )


def _transforms(file: CompoundFile) -> list[Transform]:
    storages = [e[0] for e in file.entries if len(e) == 2 and e[1] == SUMMARY]  # noqa: PLR2004 - storage and stream
    if len(storages) > _MOST_TRANSFORMS:
        raise ValueError(f"it holds {len(storages)} transforms")
    found: dict[Transform, None] = {}
    for storage in storages:
        parts = file.summary(storage).get(_REVISION, "").upper().split(";")
        changes = [_CHANGE.match(part.strip()) for part in parts[:2]]
        before, after = changes if len(changes) == 2 else (None, None)  # noqa: PLR2004 - before and after
        if before and after:
            found[Transform(before["code"], before["version"], after["version"])] = None
    return list(found)

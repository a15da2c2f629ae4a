# SPDX-License-Identifier: GPL-3.0-or-later
"""What an .msi says about itself: the product that it installs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.errors import RefusedError
from .compound import opened
from .installer_tables import Database

if TYPE_CHECKING:
    from pathlib import Path

_TEMPLATE = 7  # PID_TEMPLATE: "x64;1033"
_PLATFORMS = {"x64": "x64", "intel64": "ia64", "intel": "x86", "": "x86", "arm64": "arm64"}
_CODE = re.compile(r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}\Z")


@dataclass(frozen=True, slots=True)
class MsiFacts:
    """What a product's package states; ``files`` are the long names of what it installs."""

    product_name: str
    product_version: str
    product_code: str  # in capitals and braces
    manufacturer: str
    language: int  # LCID; 0: neutral
    architecture: str
    files: frozenset[str]  # in small letters


def read_msi(path: Path, *, shown: str | None = None) -> MsiFacts:
    """Read the product of an .msi; raises ``RefusedError`` for what is none, or no product.

    Only bytes whose signature was verified are read here.
    """
    name = shown or path.name
    with path.open("rb") as stream, opened(stream, name, "Windows Installer package") as file:
        database = Database(file)
        properties = {row["Property"]: row["Value"] for row in database.table("Property")}
        files = frozenset(_long_name(row["FileName"]) for row in database.table("File"))
        template = file.summary().get(_TEMPLATE, "")
    return _facts(name, properties, files, template)


def _facts(name: str, properties: dict[str, str], files: frozenset[str], template: str) -> MsiFacts:
    wanted = ("ProductName", "ProductVersion", "ProductCode", "Manufacturer", "ProductLanguage")
    missing = [key for key in wanted if not properties.get(key)]
    if missing:
        raise RefusedError(f"{name}: it states no {missing[0]}, as every product of an .msi does")
    code = properties["ProductCode"].upper()
    if not _CODE.match(code):
        raise RefusedError(f"{name}: its ProductCode {code[:60]!r} is none")
    platform = template.partition(";")[0].partition(",")[0].strip().lower()
    language = properties["ProductLanguage"]
    return MsiFacts(
        product_name=properties["ProductName"],
        product_version=properties["ProductVersion"],
        product_code=code,
        manufacturer=properties["Manufacturer"],
        language=int(language) if language.isascii() and language.isdecimal() else 0,
        architecture=_PLATFORMS.get(platform, platform or "unknown"),
        files=files,
    )


def _long_name(text: str) -> str:
    """``SHORT~1.DLL|rewrite.dll`` is both names of one file."""
    return text.rpartition("|")[2].lower()

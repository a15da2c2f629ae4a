# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about a module of IIS: how its MSI is recognised, and which one fits a server."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9}){1,3})(?!\S)", re.ASCII)


def version_key(text: str | None) -> tuple[int, int, int, int] | None:
    """Return a version of two to four parts for comparison; ``None`` when the text is none.

    What follows a blank is left out, as in ``10.0.14393.0 (rs1_release.160715-1616)``.
    """
    found = _VERSION.match(text or "")
    if found is None:
        return None
    parts = [int(part) for part in found[1].split(".")]
    first, second, third, fourth = (*parts, 0, 0)[:4]
    return first, second, third, fourth


def not_older(found: str | None, minimum: str) -> bool:
    """Tell whether a version is known and not below the minimum."""
    key, least = version_key(found), version_key(minimum)
    return key is not None and least is not None and key >= least


@dataclass(frozen=True, slots=True)
class ModuleLanguage:
    """A language in which the MSI exists; ``lcid`` is its ProductLanguage."""

    tag: str
    lcid: int


@dataclass(frozen=True, slots=True)
class ModuleProduct:
    """A released MSI by its ProductCode, in capitals and braces."""

    code: str
    version: str
    language: str


@dataclass(frozen=True, slots=True)
class ModuleInstall:
    """What may be installed from this IIS on; ``ucrt`` is the least version of ucrtbase.dll."""

    iis: str
    minimum: str
    ucrt: str | None


@dataclass(frozen=True, slots=True)
class ModuleKnowledge:
    """One module of IIS."""

    id: str
    title: str
    architecture: str
    file: str  # that its MSI installs
    words: tuple[str, ...]  # all of them stand in its name, in every language
    manufacturer: str
    default_language: str
    languages: tuple[ModuleLanguage, ...]
    products: tuple[ModuleProduct, ...]
    install: tuple[ModuleInstall, ...]  # oldest IIS first
    installed_minimum: str  # of the library, for a module that is there already
    source: str

    def install_on(self, iis: str | None) -> ModuleInstall | None:
        """Return the rule for a version of IIS; ``None`` for one that is too old or not known."""
        fitting = [row for row in self.install if not_older(iis, row.iis)]
        return fitting[-1] if fitting else None

    def language_of(self, lcid: int) -> str | None:
        """Return the tag of a ProductLanguage, if the MSI exists in it."""
        return next((row.tag for row in self.languages if row.lcid == lcid), None)

    def product(self, code: str) -> ModuleProduct | None:
        """Return the release with this ProductCode, if it is a known one."""
        return next((row for row in self.products if row.code == code.upper()), None)

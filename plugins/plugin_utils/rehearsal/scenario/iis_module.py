# SPDX-License-Identifier: GPL-3.0-or-later
"""The URL Rewrite module on a simulated host: there, or not there with an installer that brings it.

The installer is msiexec with an MSI of Microsoft's name (``rewrite_amd64_de-DE.msi``): two rules of
``effects`` a language, one for ``REMOVE=ALL``. A host on which installing ends otherwise says what
differs (``rewrite_installer``); ``programs`` of the scenario come first.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from ...catalog.loader import load
from ...catalog.records.iis_modules import not_older
from .draft import MICROSOFT, WINDOWS

if TYPE_CHECKING:
    from .draft import Draft

LIBRARY = "C:\\Windows\\System32\\inetsrv\\rewrite.dll"
KEY = f"{MICROSOFT}\\IIS Extensions\\URL Rewrite"
VERSION = "7.1.1993.2351"  # of rewrite.dll in release 2.1, whose MSI is 7.2.1993
_UCRT = "C:\\Windows\\System32\\ucrtbase.dll"
_KB2999226 = "10.0.10240.16390"  # [MEM] the version of its ucrtbase.dll
_SIZE = 250_000
_SECONDS = 20
# [MEM] translated names; the words by which Microsoft's own tools know them are certain.
_NAMES = {"de-DE": "IIS-URL-Rewrite-Modul 2", "fr-FR": "Module IIS URL Rewrite 2"}
_DEFAULT_NAME = "IIS URL Rewrite Module 2"


def add_module(draft: Draft) -> None:
    """Add the module or its installer, and the Universal C Runtime that it needs."""
    ucrt = draft.spec.get("ucrt", _usual_ucrt(draft))
    if ucrt:
        _put_library(draft, _UCRT, str(ucrt))
    version = draft.spec.get("url_rewrite", VERSION)
    if not version:
        locale = str(draft.spec.get("locale", "en-US"))
        draft.programs += installer_rules(locale, draft.spec.get("rewrite_installer"))
        return
    draft.values(KEY, Install=1, Version=version)
    _put_library(draft, LIBRARY, str(version))
    released = "7.2.1993" if not_older(str(version), "7.1.1993") else "7.2.1952"
    code = next(
        row.code for row in load().module("url-rewrite").products if row.version == released
    )
    for name, value in _product("en-US", released, "C:\\Install\\").items():
        draft.value(f"{WINDOWS}\\Uninstall\\{code}", name, value)


def installer_rules(locale: str, differs: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return how msiexec behaves with the MSI in the host's language and in English.

    ``differs``: the members of its behaviour that are not as usual, for installing.
    """
    known = load().module("url-rewrite")
    tags = dict.fromkeys((locale, known.default_language))
    return [
        rule
        for tag in tags
        if any(row.tag == tag for row in known.languages)
        for rule in _rules(tag, differs or {})
    ]


def product_code(language: str) -> str:
    """Return the ProductCode of the MSI of a language: the known one, or one of our own."""
    known = load().module("url-rewrite")
    for row in known.products:
        if row.language == language and row.version == known.install[0].minimum:
            return row.code
    drawn = uuid.uuid5(uuid.NAMESPACE_URL, f"rehearsal:url-rewrite:{language}")
    return f"{{{str(drawn).upper()}}}"


def install_effects(language: str) -> list[dict[str, Any]]:
    """Return what the MSI leaves on the host."""
    key = f"{WINDOWS}\\Uninstall\\{product_code(language)}"
    product = _product(language, load().module("url-rewrite").install[0].minimum, "%SourceDir%")
    return [
        {"kind": "registry", "key": KEY, "name": "Install", "type": "DWord", "value": 1},
        {"kind": "registry", "key": KEY, "name": "Version", "value": VERSION},
        {"kind": "file-version", "path": LIBRARY, "version": VERSION},
        *(
            {
                "kind": "registry",
                "key": key,
                "name": name,
                "type": "DWord" if isinstance(value, int) else "String",
                "value": value,
            }
            for name, value in product.items()
        ),
    ]


def remove_effects(language: str) -> list[dict[str, Any]]:
    """Return what taking it off takes away."""
    return [
        {"kind": "delete-registry", "key": KEY},
        {"kind": "delete-file", "path": LIBRARY},
        {"kind": "delete-registry", "key": f"{WINDOWS}\\Uninstall\\{product_code(language)}"},
    ]


def _rules(language: str, differs: dict[str, Any]) -> list[dict[str, Any]]:
    file = f"*msiexec.exe /i *rewrite_amd64_{language}.msi*"
    return [
        {"match": f"{file} REMOVE=ALL*", "behaviour": _behaviour(remove_effects(language))},
        {"match": file, "behaviour": {**_behaviour(install_effects(language)), **differs}},
    ]


def _behaviour(effects: list[dict[str, Any]]) -> dict[str, Any]:
    return {"duration_seconds": _SECONDS, "exit_code": 0, "effects": effects}


def _product(language: str, version: str, source: str) -> dict[str, Any]:
    """The Uninstall entry that Windows Installer writes."""
    lcid = next(row.lcid for row in load().module("url-rewrite").languages if row.tag == language)
    return {
        "DisplayName": _NAMES.get(language, _DEFAULT_NAME),
        "DisplayVersion": version,
        "Publisher": "Microsoft Corporation",
        "Language": lcid,
        "InstallSource": source,
        "WindowsInstaller": 1,
    }


def _usual_ucrt(draft: Draft) -> str:
    """Part of Windows since 10; before, the update that current servers have."""
    if draft.os.version == "10.0":
        return f"10.0.{draft.os.build}.{draft.os.ubr or 0}"
    return _KB2999226


def _put_library(draft: Draft, path: str, version: str) -> None:
    entry = {"file": version, "product": version}
    draft.files[path] = {"size": _SIZE, "mtime": "2020-11-03T08:00:00Z", "version": entry}

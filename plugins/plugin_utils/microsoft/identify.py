# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tool a file of the operator is: by its SHA-256, and by the parameters that it declares.

The name says nothing: since May 2026 ``EOMT.ps1`` is another tool.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.errors import RefusedError
from ..catalog.records.tools import MicrosoftScript, ScriptVersion
from ..catalog.scripts import tools as known_tools

if TYPE_CHECKING:
    from collections.abc import Mapping

_STAMP = re.compile(r"^[ \t]*#[ \t]*Version[ \t]+(\d\d\.\d\d\.\d\d\.\d{4})[ \t\r]*$", re.MULTILINE)
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Pin:
    """What the operator says about a file that the catalogue does not list."""

    sha256: str
    version: str


@dataclass(frozen=True, slots=True)
class ToolFile:
    """A file of which is known what it is."""

    tool: MicrosoftScript
    version: ScriptVersion
    sha256: str
    pinned_by: str  # catalogue | operator


def recognise(text: str, tools: Mapping[str, MicrosoftScript] | None = None) -> tuple[str, ...]:
    """The ids of the tools whose own parameters occur in a script's text."""
    folded = text.casefold()
    known = known_tools() if tools is None else tools
    return tuple(
        name
        for name, tool in known.items()
        if all(re.search(rf"\${sign.casefold()}\b", folded) for sign in tool.signs)
    )


def choose(name: str, sha256: str, text: str, pin: Pin | None = None) -> ToolFile:
    """Say what a file is, or refuse it.

    ``sha256`` is that of the file's bytes, ``text`` its content. A file that the catalogue
    does not list needs a ``pin``; what the operator says must fit what the file shows.

    :raises RefusedError: another tool, an unknown or another file, or a version out of range.
    """
    tool = known_tools()[name]
    _refuse_namesake(tool, text)
    if not tool.runs:
        raise RefusedError(f"{tool.title} is recognised and not run: {tool.reason}")
    for other in known_tools().values():
        for release in other.releases:
            if release.sha256 == sha256:
                return _listed(tool, other, release.version, pin, sha256)
    if pin is None:
        raise RefusedError(
            f"{tool.file} with SHA-256 {sha256} is not in the tool catalogue; compare it with "
            "ScriptVersions.csv of Microsoft's release and state tool_sha256 and tool_version"
        )
    return ToolFile(tool, _pinned(tool, pin, sha256, text), sha256, "operator")


def _refuse_namesake(tool: MicrosoftScript, text: str) -> None:
    found = recognise(text)
    if found == (tool.id,):
        return
    if not found:
        signs = ", ".join(f"-{sign}" for sign in tool.signs)
        raise RefusedError(f"the file is not {tool.title}: it does not declare {signs}")
    titles = " and ".join(known_tools()[name].title for name in found)
    others = [reason for name in found if (reason := known_tools()[name].reason)]
    why = f": {others[0]}" if others else ""
    raise RefusedError(f"the file is {titles}, not {tool.title}{why}; bring the file of 2021")


def _listed(
    tool: MicrosoftScript,
    other: MicrosoftScript,
    version: ScriptVersion,
    pin: Pin | None,
    sha256: str,
) -> ToolFile:
    if other.id != tool.id:
        raise RefusedError(f"SHA-256 {sha256} is {other.title}, not {tool.title}")
    if pin is not None and (pin.sha256.lower() != sha256 or pin.version != str(version)):
        raise RefusedError(
            f"{tool.file} with SHA-256 {sha256} is version {version}; tool_sha256 "
            f"{pin.sha256} and tool_version {pin.version} say otherwise"
        )
    return ToolFile(tool, version, sha256, "catalogue")


def _pinned(tool: MicrosoftScript, pin: Pin, sha256: str, text: str) -> ScriptVersion:
    if not _DIGEST.match(pin.sha256.lower()):
        raise RefusedError(f"tool_sha256 {pin.sha256!r} is not 64 hex digits")
    if pin.sha256.lower() != sha256:
        raise RefusedError(
            f"{tool.file} has SHA-256 {sha256}, tool_sha256 says {pin.sha256}; it is another file"
        )
    try:
        version = ScriptVersion.parse(pin.version)
    except ValueError as error:
        raise RefusedError(f"tool_version is {error}") from error
    stamps = set(_STAMP.findall(text))
    if stamps and stamps != {pin.version}:
        raise RefusedError(
            f"the file says version {', '.join(sorted(stamps))}, tool_version says {pin.version}"
        )
    if version < tool.first or (tool.last is not None and version >= tool.last):
        until = f" and before {tool.last}" if tool.last else ""
        raise RefusedError(f"{tool.title} is known from version {tool.first}{until}, not {version}")
    return version

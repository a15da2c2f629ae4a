# SPDX-License-Identifier: GPL-3.0-or-later
"""From a detection tool's file that the operator brought to a verified record.

A program is believed by Microsoft's signature and by what its signed version resource says; its file is
another every day. A script is believed by Microsoft's signature too, and by the version line and the parameters
that it covers; one without a signature, or with one that is not judged here, by its hash: Microsoft
publishes it with each release (``ScriptVersions.csv``). One whose signature is bad is believed by nothing. A name
proves nothing.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.errors import ConfigError, RefusedError
from ...catalog.records.tools import ScriptVersion
from . import authenticode
from .intake import check_pin, check_stated
from .kinds import check_kind, shown
from .signed_script import is_signed, judgeable
from .signing_time import signed_at
from .tool_records import ToolRecord, utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from ...catalog.records.detection_tools import DetectionTool
    from ...catalog.records.tools import ScriptRelease
    from .authenticode import SignaturePolicy
    from .kinds import Recognised
    from .records import Signature
    from .store import Staged

_LARGEST_SCRIPT = 8 << 20
_STAMP = re.compile(r"^[ \t]*#[ \t]*Version[ \t]+(\d\d\.\d\d\.\d\d\.\d{4})[ \t\r]*$", re.MULTILINE)
_NAMED = ("ProductName", "FileDescription", "InternalName", "OriginalFilename")


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """What the operator says about a file."""

    name: str
    version: str | None = None
    sha256: str | None = None  # pinned by the operator, from another source
    reason: str | None = None
    reason_by: str | None = None  # name of the key whose holder gives it


def precheck_tool(request: ToolRequest, tool: DetectionTool) -> None:
    """Check what needs no byte of the file."""
    if tool.support != "run" and tool.where == "server":
        raise RefusedError(f"{tool.file} ({tool.id}) is not run from here: {tool.reason}")
    check_stated(tool.file, request.sha256)
    if not request.name.lower().endswith(f".{tool.format}"):
        raise ConfigError(f"{request.name}: {tool.title} is an .{tool.format}")


def examine_tool(
    staged: Staged,
    request: ToolRequest,
    tools: Iterable[DetectionTool],
    tool: DetectionTool,
    policy: Callable[[], SignaturePolicy],
    now: datetime,
) -> ToolRecord:
    """Return the record of a staged file that passed everything; raises ``RefusedError``."""
    check_pin(request.name, staged.sha256, request.sha256, "--sha256")
    if tool.format == "exe":
        record = _program(staged, request, tool, policy, now)
    else:
        record = _script(staged, request, tools, tool, policy, now)
    expires = record.expires(tool.expires_days)
    if expires is not None and now >= expires:
        raise RefusedError(
            f"{request.name}: it was signed on {record.dated}, and {tool.title} is good for "
            f"{tool.expires_days} days; download the present one"
        )
    return record


def _program(
    staged: Staged,
    request: ToolRequest,
    tool: DetectionTool,
    policy: Callable[[], SignaturePolicy],
    now: datetime,
) -> ToolRecord:
    found = check_kind(staged.path, request.name, "exe")
    # Nothing in the file is believed before the signature is good.
    signature = authenticode.verify(staged.path, policy(), shown=request.name)
    evidence, doubt = _named(found, tool)
    if doubt and not (request.reason and request.sha256):
        raise RefusedError(
            f"{request.name}: {doubt}. Microsoft signs many programs, and a name proves nothing: fetch "
            f"{tool.title} again, or give its SHA-256 from another source with --sha256 and say with "
            "--reason why it is the right file"
        )
    versions = found.program.versions if found.program else ()
    version = versions[0] if versions else "unknown"
    if request.version not in (None, version):
        raise RefusedError(f"{request.name}: it is version {version}, --version says otherwise")
    return ToolRecord(
        sha256=staged.sha256,
        size=staged.size,
        file=tool.file,
        tool=tool.id,
        version=version,
        signature=signature,
        pinned_by="operator" if doubt else "signature",
        dated=utc(signed_at(signature, request.name)),
        evidence=evidence or (f"vouched for: {doubt}",),
        reason=request.reason,
        reason_by=request.reason_by if request.reason else None,
        added=utc(now),
    )


def _named(found: Recognised, tool: DetectionTool) -> tuple[tuple[str, ...], str]:
    """Return what of the version resource says that it is the tool, and else what speaks against it."""
    strings = found.program.strings if found.program else {}
    for field in _NAMED:
        value = strings.get(field, "")
        if any(word.casefold() == value.casefold() for word in tool.recognise):
            return (f"{field} {shown(value)}",), ""
    return (), f"it is {found.described}, and nothing in it says that it is the {tool.title}"


def _script(
    staged: Staged,
    request: ToolRequest,
    tools: Iterable[DetectionTool],
    tool: DetectionTool,
    policy: Callable[[], SignaturePolicy],
    now: datetime,
) -> ToolRecord:
    data = _bytes(staged, request.name)
    signature = _signature(data, staged, request, tool, policy)
    text = _text(data)
    evidence = _recognised(text, request.name, tools, tool)
    listed = next((r for r in tool.releases if r.sha256 == staged.sha256), None)
    version = _version(text, request, listed)
    believed = listed is not None or signature is not None
    if not believed and request.sha256 is None:
        raise RefusedError(
            f"{request.name}: it has no signature of Microsoft that is judged here, and its SHA-256 "
            f"{staged.sha256} is no release that is known. Compare it "
            "with ScriptVersions.csv of Microsoft's release, on another way than the file came, and "
            "give it with --sha256"
        )
    if not believed and not request.reason:
        raise RefusedError(
            f"{request.name}: its SHA-256 is yours alone; say with --reason where you compared it"
        )
    if tool.era(version) is None:
        raise RefusedError(f"{request.name}: version {version} is older than any that is known")
    return ToolRecord(
        sha256=staged.sha256,
        size=staged.size,
        file=tool.file,
        tool=tool.id,
        version=str(version),
        signature=signature,
        pinned_by="catalogue" if listed else "signature" if signature else "operator",
        dated=utc(signed_at(signature, request.name) if signature else now),
        evidence=evidence,
        reason=request.reason,
        reason_by=request.reason_by if request.reason else None,
        added=utc(now),
    )


def _signature(
    data: bytes,
    staged: Staged,
    request: ToolRequest,
    tool: DetectionTool,
    policy: Callable[[], SignaturePolicy],
) -> Signature | None:
    """The signature of a script; None: it has none, or one over a text that is not judged here.

    :raises RefusedError: it has one, and it is not good: then no hash makes the file good either.
    """
    if tool.format != "ps1" or not is_signed(data) or not judgeable(data):
        return None
    return authenticode.verify(staged.path, policy(), shown=request.name, script=True)


def _bytes(staged: Staged, name: str) -> bytes:
    if staged.size > _LARGEST_SCRIPT:
        raise RefusedError(f"{name}: {staged.size} bytes are more than any script of Microsoft has")
    return staged.path.read_bytes()


def _text(data: bytes) -> str:
    if data.startswith(codecs.BOM_UTF16_LE):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _recognised(
    text: str, name: str, tools: Iterable[DetectionTool], tool: DetectionTool
) -> tuple[str, ...]:
    found = [one for one in tools if one.format == tool.format and _declares(text, one)]
    sign, verb = ("-", "declares") if tool.format == "ps1" else ("", "has")
    if tool not in found:
        what = ", ".join(f"{sign}{word}" for word in tool.recognise)
        raise RefusedError(f"{name}: it is not {tool.title}: nothing in it {verb} {what}")
    if len(found) > 1:
        others = ", ".join(one.title for one in found if one is not tool)
        raise RefusedError(
            f"{name}: by its parameters it is {others} as well; fetch the right file"
        )
    return tuple(f"{verb} {sign}{word}" for word in tool.recognise)


def _declares(text: str, tool: DetectionTool) -> bool:
    """Whether all its words are there; of a script for PowerShell as parameters."""
    before = r"\$" if tool.format == "ps1" else r"\b"
    folded = text.casefold()
    return all(
        re.search(rf"{before}{re.escape(word.casefold())}\b", folded) for word in tool.recognise
    )


def _version(text: str, request: ToolRequest, listed: ScriptRelease | None) -> ScriptVersion:
    """The release, by its hash or by the stamp that Microsoft puts in; nothing may contradict it."""
    sources = {
        "the catalogue": [str(listed.version)] if listed else [],
        "the file": _STAMP.findall(text),
        "--version": [request.version] if request.version else [],
    }
    said = {version: source for source, versions in sources.items() for version in versions}
    if len(said) > 1:
        words = ", ".join(f"{source} says version {version}" for version, source in said.items())
        raise RefusedError(f"{request.name}: {words}; find out which file it is")
    if not said:
        raise RefusedError(
            f"{request.name}: it has no line '# Version yy.MM.dd.HHmm' as released files have; say which "
            "it is with --version"
        )
    try:
        return ScriptVersion.parse(next(iter(said)))
    except ValueError as error:
        raise ConfigError(f"--version: {error}") from error

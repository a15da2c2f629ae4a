# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments that a tool of Microsoft is started with, or why it is not started.

Switches only, and nothing that an operator could add: the job starts it by ``-File``, where
Windows PowerShell 5.1 takes no ``-Switch:$false``. Whatever is asked, the script never
updates itself, never scans, and never runs in check mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.errors import RefusedError
from ..catalog.records.tools import ScriptIntent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..catalog.records.tools import MicrosoftScript, ScriptParameter, ScriptVersion
    from .situation import Situation

_SHORTEST, _LONGEST = 1, 3600  # seconds that a service may take to stop


@dataclass(frozen=True, slots=True)
class ScriptOptions:
    """What the operator wants of a tool."""

    intent: ScriptIntent
    mitigations: tuple[str, ...]
    site: str = "Default Web Site"
    timeout_seconds: int | None = None
    # Its rollback does not restore what was; see rollback_keeps of the catalogue.
    accept_rollback_defaults: bool = False


def arguments(
    tool: MicrosoftScript,
    version: ScriptVersion,
    options: ScriptOptions,
    situation: Situation,
    *,
    check: bool,
) -> tuple[str, ...]:
    """Return the arguments; equal questions get equal answers.

    :raises RefusedError: with what is in the way and what to do instead.
    """
    for objection in _objections(tool, version, options, situation, check=check):
        raise RefusedError(f"{tool.file} is not run: {objection}")
    found: list[str] = []
    for parameter in _given(tool, options):
        if not version.surely_has(parameter.since):
            raise RefusedError(
                f"{tool.file} is not run: version {version} may not know -{parameter.name}, "
                f"which came on {parameter.since} ({parameter.why}); bring a later release"
            )
        found.append(f"-{parameter.name}")
        if parameter.value == "site":
            found.append(tool.site)
        elif parameter.value == "timeout":
            found.append(str(options.timeout_seconds))
    return tuple(found)


def _given(tool: MicrosoftScript, options: ScriptOptions) -> list[ScriptParameter]:
    every = set(options.mitigations) == set(tool.mitigations) and len(tool.mitigations) > 1
    subject = "all" if every else options.mitigations[0]
    return [
        parameter
        for parameter in tool.parameters
        if parameter.use == "always"
        or (parameter.use == "timeout" and options.timeout_seconds is not None)
        or (parameter.use == options.intent.value and parameter.mitigation in (None, subject))
    ]


def _objections(
    tool: MicrosoftScript,
    version: ScriptVersion,
    options: ScriptOptions,
    situation: Situation,
    *,
    check: bool,
) -> Iterator[str]:
    if check:
        yield (
            "in check mode it would not hold still (-WhatIf of Windows PowerShell 5.1 stops "
            "neither installers nor the scanner); the plan answers from our own assessment"
        )
    if not tool.runs:
        yield f"it is recognised only: {tool.reason}"
    if version < tool.first or (tool.last is not None and version >= tool.last):
        yield f"version {version} is not one of {tool.title}"
    yield from _about_wish(tool, options)
    yield from _about_host(tool, options, situation)


def _about_wish(tool: MicrosoftScript, options: ScriptOptions) -> Iterator[str]:
    wanted, own = set(options.mitigations), set(tool.mitigations)
    if not wanted:
        yield "no mitigation is named"
    for name in sorted(wanted - own):
        yield f"it knows nothing of the mitigation {name}, only {', '.join(tool.mitigations)}"
    if 1 < len(wanted) < len(own):
        yield "it takes one mitigation or all of them; run it once for each"
    if options.site.casefold() != tool.site.casefold():
        yield (
            f"it writes to '{tool.site}' only, whatever site it is given, and says that all is "
            f"well; for '{options.site}' use the native mitigation"
        )
    seconds = options.timeout_seconds
    if seconds is not None:
        if not any(parameter.use == "timeout" for parameter in tool.parameters):
            yield "it takes no timeout"
        if not _SHORTEST <= seconds <= _LONGEST:
            yield f"a timeout of {seconds} seconds is not between {_SHORTEST} and {_LONGEST}"
    if options.intent is ScriptIntent.ROLLBACK and tool.rollback_keeps is not None:
        lost = sorted(wanted - set(tool.rollback_keeps))
        if lost and not options.accept_rollback_defaults:
            yield (
                f"its rollback of {', '.join(lost)} starts and enables what an administrator had "
                "stopped before; undo natively, or set accept_rollback_defaults"
            )


def _about_host(
    tool: MicrosoftScript, options: ScriptOptions, situation: Situation
) -> Iterator[str]:
    if situation.installed is not True:
        yield f"Exchange is {_how(situation.installed, 'not installed')}: it would say nothing"
    if situation.elevated is not True:
        yield f"the session is {_how(situation.elevated, 'not elevated')}: it would say nothing"
    powershell = situation.powershell
    needed = tuple(map(int, tool.needs_powershell.split(".")))
    if powershell is None or powershell < needed:
        yield f"PowerShell is {_how(powershell, 'too old')}, it needs {tool.needs_powershell}"
    if options.intent is ScriptIntent.MITIGATE:
        yield from _about_mitigating(tool, options, situation)


def _about_mitigating(
    tool: MicrosoftScript, options: ScriptOptions, situation: Situation
) -> Iterator[str]:
    if situation.other_sites is None or situation.other_sites:
        names = ", ".join(situation.other_sites or ()) or "could not be read"
        yield (
            f"front-end sites besides '{tool.site}' ({names}) would stay open; "
            "use the native mitigation"
        )
    if situation.front_end is False:
        yield (
            f"'{tool.site}' serves no clients of this server, so rules there would protect "
            "nothing; use the native mitigation"
        )
    rules = tool.needs_url_rewrite and "backend-cookie" in options.mitigations
    if rules and situation.url_rewrite is not True:
        yield (
            f"URL Rewrite is {_how(situation.url_rewrite, 'not installed')}: it would download "
            "and install it unverified, or fail; let the native role install the module"
        )
    if not tool.needs_single_update:
        return
    if situation.security_updates is None:
        yield "the list of installed updates could not be read: two entries make it fail"
    elif situation.security_updates > 1:
        yield (
            f"{situation.security_updates} security updates for Exchange are listed as "
            "installed: it fails on more than one; use the native mitigation"
        )


def _how(value: object, no: str) -> str:
    return "unknown" if value is None else no

# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is an Exchange, which one, and whether its sources agree about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...facts.read import flag, text
from .. import check as checks
from ..role import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...base.model import CheckResult
    from ..subject import Subject

_NO_CHANGE = "No change will be made to this server until the build is known."
_ABSENT = "Exchange is not installed."


class Doubt(NamedTuple):
    """Why a reading cannot be believed: two sources ``conflict``, or one is missing."""

    reason: str
    conflict: bool


def absence_doubt(subject: Subject) -> str | None:
    """Why "Exchange is not installed" cannot be believed; None where it can.

    A 32-bit PowerShell does not see the key, and services of Exchange speak against it.
    """
    if flag(subject.facts.value("session", "process_64bit")) is not True:
        return "PowerShell did not run as a 64-bit process, which cannot see Exchange's key"
    services = subject.services
    if not services.whole:
        return f"the services could not be read: {subject.facts.why('services')}"
    for name, row in services.index.items():
        if name.startswith("msexchange"):
            shown = text(row.get("name")) or name
            return f"the registry has no Exchange, but the service {shown:.80} exists"
    return None


def check_present(subject: Subject) -> CheckResult:
    """Judge ``exchange.present``."""
    if subject.installed is True:
        return _role(subject)
    if subject.installed is None:
        reason = subject.facts.why("exchange")
        return checks.unknown("exchange.present", f"Could not be read: {reason}.", _NO_CHANGE)
    doubt = absence_doubt(subject)
    if doubt:
        return checks.unknown("exchange.present", f"Not found, but {doubt}.", _NO_CHANGE)
    return checks.unknown(
        "exchange.present",
        "Conflict: the inventory has it as an Exchange server, and neither Exchange's registry key "
        "nor a service of it exists.",
        "If that is right, take it out of the group of the inventory. Else find out from outside "
        "what it is: a server that hides Exchange would fall out of every check.",
    )


def _role(subject: Subject) -> CheckResult:
    """What falls away for a role falls away only if all signs agree about the role."""
    if subject.role.conflict is None:
        return checks.passed(
            "exchange.present", f"{subject.what} is installed: {subject.role.title}."
        )
    return checks.unknown(
        "exchange.present",
        f"Conflict: {subject.role.conflict}.",
        "No change will be made to this server until the signs agree. Find out what it is, from "
        "outside of it; until then it is judged as a full server.",
    )


def check_known(subject: Subject) -> CheckResult:
    """Judge ``build.known``."""
    check, build = "build.known", subject.build
    if subject.installed is False:
        return checks.not_applicable(check, _ABSENT)
    if build is None:
        reason = subject.facts.why("exchange.exsetup")
        return checks.unknown(
            check, f"The version of ExSetup.exe could not be read: {reason}.", _NO_CHANGE
        )
    if subject.cu is None:
        return checks.unknown(
            check,
            f"{build} belongs to no cumulative update of the catalogue; everything about it is "
            "unknown.",
            _NO_CHANGE + " Add the build to the catalogue with its source.",
            {"build": str(build)},
        )
    if subject.info is None:
        return checks.unknown(
            check,
            f"{build} is no published build of {subject.what}: an interim update, or newer than "
            "the catalogue.",
            _NO_CHANGE + " Add the build to the catalogue with its source.",
            {"build": str(build)},
        )
    return checks.passed(check, f"{build} is {subject.info.title}.", {"build": str(build)})


def registry_doubt(subject: Subject) -> Doubt | None:
    """Why the registry does not bear out the file's build; None where it does.

    The registry holds the version of the cumulative update, which security updates leave
    alone. Of Exchange 2010 it holds the service pack, which rollups leave alone.
    """
    build, registry = subject.build, subject.registry_build
    if build is None:
        return Doubt("the build of ExSetup.exe is not known", conflict=False)
    if registry is None:
        why = subject.facts.why("exchange.registry_version")
        return Doubt(f"the version in the registry could not be read: {why}", conflict=False)
    rollups = build.major == 14  # noqa: PLR2004 - Exchange 2010
    same = (
        (build.major, build.minor) == (registry.major, registry.minor)
        if rollups
        else build.cumulative_update == registry.cumulative_update
    )
    if same:
        return None
    return Doubt(f"ExSetup.exe is {build}, but the registry says {registry}", conflict=True)


def check_agreement(subject: Subject) -> CheckResult:
    """Judge ``build.source-agreement``."""
    check = "build.source-agreement"
    if subject.installed is False:
        return checks.not_applicable(check, _ABSENT)
    doubt = registry_doubt(subject)
    evidence = {
        "file_build": str(subject.build) if subject.build else None,
        "registry_build": str(subject.registry_build) if subject.registry_build else None,
    }
    if doubt is None:
        return checks.passed(
            check, f"File and registry agree on {subject.what}.", evidence=evidence
        )
    if not doubt.conflict:
        return checks.unknown(check, f"Cannot be compared: {doubt.reason}.", evidence=evidence)
    return checks.finding(
        check,
        f"{doubt.reason}: setup did not finish, or files of another cumulative update lie there.",
        "Do not patch on top: run the setup of the intended cumulative update to its end, then "
        "assess again.",
        evidence=evidence,
    )


def _folder(value: object) -> str | None:
    path = text(value)
    return None if path is None else path.replace("/", "\\").rstrip("\\").casefold()


def path_doubt(subject: Subject) -> Doubt | None:
    """Why the file that was read may not be the Exchange that runs; None where it is."""
    return next(_path_doubts(subject), None)


def _path_doubts(subject: Subject) -> Iterator[Doubt]:
    exchange = subject.facts.section("exchange") or {}
    service, exsetup = exchange.get("service_path"), exchange.get("exsetup")
    registry = _folder(exchange.get("install_path"))
    file = _folder(exsetup.get("path")) if isinstance(exsetup, dict) else None
    running = _folder(service.get("install_path")) if isinstance(service, dict) else None
    if registry is None:
        yield Doubt("the install path could not be read", conflict=False)
        return
    if file is None:
        yield Doubt("the path of ExSetup.exe is not known", conflict=False)
    elif not file.startswith(registry + "\\"):
        words = f"ExSetup.exe lies at {file:.120}, the registry names {registry:.120}"
        yield Doubt(words, conflict=True)
    # Management tools alone have no service to compare with.
    if running is None and subject.kind != TOOLS:
        yield Doubt("no service tells where Exchange runs from", conflict=False)
    if running is not None and running != registry:
        words = f"the registry names {registry:.120}, the service runs from {running:.120}"
        yield Doubt(words, conflict=True)


def check_path(subject: Subject) -> CheckResult:
    """Judge ``path.agreement``."""
    check = "path.agreement"
    if subject.installed is False:
        return checks.not_applicable(check, _ABSENT)
    doubt = path_doubt(subject)
    if doubt is None:
        return checks.passed(check, "Registry, ExSetup.exe and service name the same folder.")
    if not doubt.conflict:
        return checks.unknown(check, f"Cannot be compared: {doubt.reason}.")
    return checks.finding(
        check,
        f"{doubt.reason}.",
        "Find out which installation is the real one; nothing read from the other counts.",
    )

# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about Windows itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..context import ENVIRONMENT, expand, stamp
from ..errors import PartError

if TYPE_CHECKING:
    from ..context import Context

_CONTROL = "HKLM\\SYSTEM\\CurrentControlSet\\Control"
_MICROSOFT = "HKLM\\SOFTWARE\\Microsoft"
_WINDOWS = f"{_MICROSOFT}\\Windows\\CurrentVersion"
_NT = f"{_MICROSOFT}\\Windows NT\\CurrentVersion"
_SIGN = 1 << 31
_SYSTEM_SID = "S-1-5-18"

# Windows' own names of the locales that the rehearsal offers.
_LOCALES = {
    0x0407: "de-DE",
    0x0409: "en-US",
    0x040C: "fr-FR",
    0x0411: "ja-JP",
    0x0419: "ru-RU",
    0x041F: "tr-TR",
}


def computer(context: Context) -> dict[str, Any]:
    tcpip = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
    return {
        "name": context.text(f"{_CONTROL}\\ComputerName\\ActiveComputerName", "ComputerName"),
        "domain": context.text(tcpip, "Domain"),
        "machine_guid": context.text(f"{_MICROSOFT}\\Cryptography", "MachineGuid"),
    }


def operating_system(context: Context) -> dict[str, Any]:
    installed = context.number(_NT, "InstallDate")
    lcid = context.text(f"{_CONTROL}\\Nls\\Language", "Default")
    zone = f"{_CONTROL}\\TimeZoneInformation"
    return {
        "version": context.part("os.version", lambda: _version(context)),
        "build": context.part(
            "os.build", lambda: int(context.version_part(_NT, "CurrentBuildNumber"))
        ),
        "ubr": context.number(_NT, "UBR"),
        "product_name": context.text(_NT, "ProductName"),
        "installation_type": context.text(_NT, "InstallationType"),
        "install_date": None
        if installed is None
        else stamp(datetime.fromtimestamp(installed, UTC)),
        "locale": locale_name(int(lcid, 16)) if lcid else None,
        "time_zone": context.text(zone, "TimeZoneKeyName"),
        "utc_offset_minutes": _offset(context.number(zone, "ActiveTimeBias")),
    }


def locale_name(lcid: int) -> str | None:
    """Return .NET's name of a locale, for those that the rehearsal offers."""
    return _LOCALES.get(lcid)


def _version(context: Context) -> str:
    """Since Windows 10 ``CurrentVersion`` stays at 6.3 for ever."""
    major = context.number(_NT, "CurrentMajorVersionNumber")
    if major is None:
        kernel = context.version_part(_NT, "CurrentVersion")
    else:
        kernel = f"{major}.{context.version_part(_NT, 'CurrentMinorVersionNumber')}"
    return f"{kernel}.{context.version_part(_NT, 'CurrentBuildNumber')}"


def _offset(bias: int | None) -> int | None:
    if bias is None:
        return None
    return -(bias - 2 * _SIGN if bias >= _SIGN else bias)


def powershell(context: Context) -> dict[str, Any]:
    engine = context.world.data["powershell"]
    told = {name: engine.get(name) for name in ("version", "language_mode", "clr")}
    return {**told, "script_policy": _script_policy(context)}


def _script_policy(context: Context) -> str | None:
    """What a group policy says of scripts: None where there is none."""
    path = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\PowerShell"
    enabled = context.number(path, "EnableScripts")
    if not enabled:
        return None if enabled is None else "Disabled"
    return context.text(path, "ExecutionPolicy") or "Unknown"


def dotnet(context: Context) -> dict[str, Any]:
    context.require_native()
    path = f"{_MICROSOFT}\\NET Framework Setup\\NDP\\v4\\Full"
    return {"release": context.number(path, "Release"), "version": context.text(path, "Version")}


def session(context: Context) -> dict[str, Any]:
    """Tell who runs this; UAC leaves an administrator a token without the group."""
    who = context.world.data["session"]
    elevated = bool(who.get("elevated")) or who.get("user_sid") == _SYSTEM_SID
    return {
        "user_sid": who.get("user_sid"),
        "elevated": elevated,
        "administrator": elevated or bool(who.get("administrator")),
        "process_64bit": bool(who.get("process_64bit")),
    }


def pending_reboot(context: Context) -> list[dict[str, str]]:
    """List every sign of a pending reboot by its source."""
    context.require_native()
    found = []
    renames = context.value(f"{_CONTROL}\\Session Manager", "PendingFileRenameOperations")
    count = len([item for item in renames or [] if item])
    if count:
        found.append({"source": "PendingFileRenameOperations", "detail": f"{count} entries"})
    client = f"{_MICROSOFT}\\SMS\\Mobile Client\\Reboot Management\\RebootData"
    for source, path in (
        ("ComponentBasedServicing", f"{_WINDOWS}\\Component Based Servicing\\RebootPending"),
        ("WindowsUpdate", f"{_WINDOWS}\\WindowsUpdate\\Auto Update\\RebootRequired"),
        ("CcmClient", client),
    ):
        if context.has_key(path):
            found.append({"source": source, "detail": path})
    flags = context.number(f"{_MICROSOFT}\\Updates\\UpdateExeVolatile", "Flags")
    if flags:
        found.append({"source": "UpdateExeVolatile", "detail": f"Flags={flags}"})
    return found


def disks(context: Context) -> list[dict[str, Any]]:
    """List the drives that matter, each with what it matters for."""
    purposes: dict[str, list[str]] = {}
    temp = context.text(f"{_CONTROL}\\Session Manager\\Environment", "TEMP")
    places = [("system", ENVIRONMENT["systemdrive"]), ("exchange", context.install_path)]
    places += [("temp", expand(temp or ""))]
    places += [("iis-logs", folder) for folder in context.iis_logs.values()]
    for purpose, path in places:
        if not path:
            continue
        if not re.match("[A-Za-z]:", path):
            context.say("disks", f"no drive letter: {path}")
            continue
        known = purposes.setdefault(path[0].upper(), [])
        if purpose not in known:
            known.append(purpose)
    return [_disk(context, letter, purposes[letter]) for letter in sorted(purposes)]


def _disk(context: Context, letter: str, purposes: list[str]) -> dict[str, Any]:
    drives = context.world.data["drives"]
    drive = next((v for k, v in drives.items() if k.upper() == letter), None)
    if drive is None:
        error = PartError(
            "System.Management.Automation.DriveNotFoundException",
            "GetLocationNoMatchingDrive,Microsoft.PowerShell.Commands.GetPSDriveCommand",
            f"Cannot find drive. A drive with the name '{letter}' does not exist.",
        )
        context.report(f"disks.{letter}", error)
        drive = {"free_bytes": None, "total_bytes": None}
    return {
        "root": f"{letter}:\\",
        "purposes": purposes,
        "free_bytes": drive["free_bytes"],
        "total_bytes": drive["total_bytes"],
    }


def clock(context: Context) -> dict[str, Any]:
    return {"utc": stamp(context.world.clock())}


def environment(_context: Context) -> dict[str, Any]:
    return {
        "system_drive": ENVIRONMENT["systemdrive"],
        "program_data": ENVIRONMENT["programdata"],
    }

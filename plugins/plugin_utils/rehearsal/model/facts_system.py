# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about Windows itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .context import ENVIRONMENT, expand, stamp
from .facts_logs import iis_log_roots

if TYPE_CHECKING:
    from .context import Context

_CONTROL = "HKLM\\SYSTEM\\CurrentControlSet\\Control"
_MICROSOFT = "HKLM\\SOFTWARE\\Microsoft"
_WINDOWS = f"{_MICROSOFT}\\Windows\\CurrentVersion"
_NT = f"{_MICROSOFT}\\Windows NT\\CurrentVersion"

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
    name = context.text(f"{_CONTROL}\\ComputerName\\ActiveComputerName", "ComputerName")
    tcpip = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
    return {"name": name, "domain": context.text(tcpip, "Domain") or None}


def operating_system(context: Context) -> dict[str, Any]:
    number = context.text(_NT, "CurrentBuildNumber") or context.text(_NT, "CurrentBuild")
    build = int(number) if number and number.isdigit() else None
    major = context.number(_NT, "CurrentMajorVersionNumber")
    minor = context.number(_NT, "CurrentMinorVersionNumber")
    kernel = context.text(_NT, "CurrentVersion") if major is None else f"{major}.{minor or 0}"
    installed = context.number(_NT, "InstallDate")
    lcid = context.text(f"{_CONTROL}\\Nls\\Language", "Default")
    zone = f"{_CONTROL}\\TimeZoneInformation"
    bias = context.number(zone, "ActiveTimeBias")
    return {
        "version": f"{kernel}.{build}" if kernel and build is not None else kernel,
        "build": build,
        "ubr": context.number(_NT, "UBR"),
        "product_name": context.text(_NT, "ProductName"),
        "installation_type": context.text(_NT, "InstallationType"),
        "install_date": None
        if installed is None
        else stamp(datetime.fromtimestamp(installed, UTC)),
        "locale": _LOCALES.get(int(lcid, 16)) if lcid else None,
        "time_zone": context.text(zone, "TimeZoneKeyName"),
        "utc_offset_minutes": None if bias is None else -bias,
    }


def powershell(context: Context) -> dict[str, Any]:
    engine = context.world.data["powershell"]
    return {name: engine.get(name) for name in ("version", "language_mode", "clr")}


def dotnet(context: Context) -> dict[str, Any]:
    path = f"{_MICROSOFT}\\NET Framework Setup\\NDP\\v4\\Full"
    return {"release": context.number(path, "Release"), "version": context.text(path, "Version")}


def session(context: Context) -> dict[str, Any]:
    who = context.world.data["session"]
    return {n: who.get(n) for n in ("user_sid", "administrator", "elevated", "process_64bit")}


def pending_reboot(context: Context) -> list[dict[str, str]]:
    """List every sign of a pending reboot by its source."""
    world = context.world
    found = []
    renames = context.value(f"{_CONTROL}\\Session Manager", "PendingFileRenameOperations")
    names = [item for item in renames or [] if item]
    if names:
        detail = f"{len(names)} entries, first: {names[0]}"
        found.append({"source": "PendingFileRenameOperations", "detail": detail})
    for source, path in (
        ("ComponentBasedServicing", f"{_WINDOWS}\\Component Based Servicing\\RebootPending"),
        ("WindowsUpdate", f"{_WINDOWS}\\WindowsUpdate\\Auto Update\\RebootRequired"),
    ):
        if world.key(path) is not None:
            found.append({"source": source, "detail": path})
    flags = context.number(f"{_MICROSOFT}\\Updates\\UpdateExeVolatile", "Flags")
    if flags:
        found.append({"source": "UpdateExeVolatile", "detail": f"Flags {flags}"})
    client = f"{_MICROSOFT}\\SMS\\Mobile Client\\Reboot Management\\RebootData"
    if world.key(client) is not None:
        found.append({"source": "CcmClient", "detail": client})
    return found


def disks(context: Context) -> list[dict[str, Any]]:
    """List the drives that matter, each with what it matters for."""
    purposes: dict[str, list[str]] = {}
    for purpose, path in _places(context):
        letter = path[:1].upper()
        if path[1:2] == ":" and purpose not in purposes.setdefault(letter, []):
            purposes[letter].append(purpose)
    drives = context.world.data["drives"]
    return [
        {
            "root": f"{letter}:\\",
            "purposes": purposes[letter],
            "free_bytes": drives.get(letter, {}).get("free_bytes"),
            "total_bytes": drives.get(letter, {}).get("total_bytes"),
        }
        for letter in sorted(purposes)
    ]


def _places(context: Context) -> list[tuple[str, str]]:
    places = [("system", ENVIRONMENT["systemdrive"])]
    for key in ("v15", "v14"):
        path = context.text(f"{_MICROSOFT}\\ExchangeServer\\{key}\\Setup", "MsiInstallPath")
        if path:
            places.append(("exchange", path))
            break
    places.append(("temp", expand("%TEMP%")))
    places += [("iis-logs", root) for root in iis_log_roots(context).values()]
    return places


def clock(context: Context) -> dict[str, Any]:
    return {"utc": stamp(context.world.clock())}


def environment(_context: Context) -> dict[str, Any]:
    return {
        "system_drive": ENVIRONMENT["systemdrive"],
        "program_data": ENVIRONMENT["programdata"],
    }

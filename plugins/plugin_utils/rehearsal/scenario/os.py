# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows part of a simulated host."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from .draft import CONTROL, MICROSOFT, SERVICES, WINDOWS, Draft
from .tables import LCIDS, LOCALE_ZONES, TIME_ZONES

_SESSION_MANAGER = f"{CONTROL}\\Session Manager"
_PREFETCH = f"{_SESSION_MANAGER}\\Memory Management\\PrefetchParameters"
# A fresh server: on in all profiles; the default actions are not written down.
_FIREWALL = f"{SERVICES}\\SharedAccess\\Parameters\\FirewallPolicy"

# Pending reboot by the source's name: what stands in the registry then.
_PENDING: dict[str, tuple[str, dict[str, Any]]] = {
    "PendingFileRenameOperations": (
        _SESSION_MANAGER,
        {
            "PendingFileRenameOperations": [
                "\\??\\C:\\Windows\\Temp\\ExchangeSetup\\Microsoft.Exchange.Data.dll",
                "",
            ]
        },
    ),
    "ComponentBasedServicing": (f"{WINDOWS}\\Component Based Servicing\\RebootPending", {}),
    "WindowsUpdate": (
        f"{WINDOWS}\\WindowsUpdate\\Auto Update\\RebootRequired",
        {"8d3f1b5e-2c1a-4a87-9d36-5f1f3b1c0c11": 1},
    ),
    "UpdateExeVolatile": (f"{MICROSOFT}\\Updates\\UpdateExeVolatile", {"Flags": 3}),
    "CcmClient": (
        f"{MICROSOFT}\\SMS\\Mobile Client\\Reboot Management\\RebootData",
        {"RebootBy": 1614852000},
    ),
}


def add_windows(draft: Draft) -> None:
    """Add version, name, locale, time zone, .NET, boot count and pending reboots."""
    _version(draft)
    _names(draft)
    _locale(draft)
    _environment(draft)
    release, text = draft.product.dotnet if draft.product else (528049, "4.8.03761")
    draft.values(
        f"{MICROSOFT}\\NET Framework Setup\\NDP\\v4\\Full", Install=1, Release=release, Version=text
    )
    draft.value(_PREFETCH, "BootId", boot_id(draft))
    for profile in ("DomainProfile", "StandardProfile", "PublicProfile"):
        draft.values(f"{_FIREWALL}\\{profile}", EnableFirewall=1, DisableNotifications=1)
    for source in draft.spec.get("pending_reboot", []):
        path, values = _PENDING[source]
        draft.values(path, **values)


def boot_id(draft: Draft) -> int:
    """Return the boot counter that the host starts with."""
    return int(draft.spec.get("boot_id", 42))


def _version(draft: Draft) -> None:
    system = draft.os
    installed = draft.at - timedelta(days=int(draft.spec.get("os_age_days", 900)))
    path = f"{MICROSOFT}\\Windows NT\\CurrentVersion"
    modern = system.version == "10.0"
    draft.values(
        path,
        CurrentVersion="6.3" if modern else system.version,
        CurrentBuild=str(system.build),
        CurrentBuildNumber=str(system.build),
        UBR=draft.spec.get("ubr", system.ubr),
        ProductName=system.name,
        InstallationType="Server Core" if draft.spec.get("server_core") else "Server",
        InstallDate=int(installed.timestamp()),
        CurrentMajorVersionNumber=10 if modern else None,
        CurrentMinorVersionNumber=0 if modern else None,
    )


def _names(draft: Draft) -> None:
    computer = draft.name
    draft.values(f"{CONTROL}\\ComputerName\\ActiveComputerName", ComputerName=computer)
    draft.values(f"{CONTROL}\\ComputerName\\ComputerName", ComputerName=computer)
    parameters = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
    domain = draft.spec.get("domain", "rehearsal.example")
    draft.values(parameters, Domain=domain, Hostname=computer.lower())
    guid = uuid.uuid5(uuid.NAMESPACE_DNS, f"{computer}.{domain}".lower())
    draft.values("HKLM\\SOFTWARE\\Microsoft\\Cryptography", MachineGuid=str(guid))


def _locale(draft: Draft) -> None:
    locale = draft.spec.get("locale", "en-US")
    lcid = LCIDS[locale]
    draft.values(f"{CONTROL}\\Nls\\Language", Default=lcid, InstallLanguage=lcid)
    draft.value(f"{CONTROL}\\Nls\\Locale", "(default)", f"0000{lcid}")
    zone = draft.spec.get("time_zone", LOCALE_ZONES.get(locale, "UTC"))
    bias, daylight = TIME_ZONES[zone]
    draft.values(
        f"{CONTROL}\\TimeZoneInformation",
        TimeZoneKeyName=zone,
        Bias=bias,
        ActiveTimeBias=bias,
        StandardBias=0,
        DaylightBias=daylight,
    )


def _environment(draft: Draft) -> None:
    draft.values(
        f"{_SESSION_MANAGER}\\Environment",
        TEMP="%SystemRoot%\\TEMP",
        TMP="%SystemRoot%\\TEMP",
        windir="%SystemRoot%",
    )
    for folder in ("C:\\Windows\\Temp", "C:\\Windows\\System32", "C:\\ProgramData", "C:\\Users"):
        draft.files[folder] = {"directory": True, "owner": "S-1-5-18", "reparse": False}


def session(draft: Draft) -> dict[str, Any]:
    """Return who the remote session is, as the host sees it."""
    administrator = bool(draft.spec.get("administrator", True))
    return {
        "user_sid": draft.spec.get("user_sid", "S-1-5-21-1085031214-1563985344-725345543-500"),
        "administrator": administrator,
        "elevated": bool(draft.spec.get("elevated", administrator)),
        "process_64bit": bool(draft.spec.get("process_64bit", True)),
    }


def powershell(draft: Draft) -> dict[str, str]:
    """Return the engine that the host offers."""
    version = str(draft.spec.get("powershell", draft.os.powershell))
    if version == "5.1":
        version = f"5.1.{draft.os.build}.{draft.os.ubr}"
    mode = draft.spec.get("language_mode", "FullLanguage")
    return {"version": version, "language_mode": mode, "clr": draft.os.clr}


def drives(draft: Draft) -> dict[str, dict[str, int]]:
    """Return the disks: C:, the one that Exchange stands on, and what the scenario adds."""
    gib = 1024**3
    letters = {"C"} | ({draft.install_path[0].upper()} if draft.exchange else set())
    sizes = {
        letter: {"total_bytes": 200 * gib, "free_bytes": 80 * gib} for letter in sorted(letters)
    }
    for letter, free in (draft.spec.get("free_gib") or {}).items():
        sizes[letter] = {"total_bytes": 200 * gib, "free_bytes": int(float(free) * gib)}
    return sizes

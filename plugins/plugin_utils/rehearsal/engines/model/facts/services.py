# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about services and anti-malware."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..context import Context

_SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
_START = {0: "Boot", 1: "System", 2: "Automatic", 3: "Manual", 4: "Disabled"}
_WANTED = re.compile(
    r"(?:MSExchange.*|MSComplianceAudit|HostControllerService|SearchExchangeTracing|FMS"
    r"|ADAM_MSExchange|W3SVC|WAS|IISADMIN|AppHostSvc|WinRM|ClusSvc|WinMgmt|MpsSvc|RpcEptMapper"
    r"|EventLog|BITS|pla)\Z",
    re.IGNORECASE,
)
# Service name -> product; what is not listed is not seen. In the order of the names.
_ANTIMALWARE = {
    "AVP": "Kaspersky",
    "CarbonBlack": "VMware Carbon Black EDR",
    "CbDefense": "VMware Carbon Black Cloud",
    "CSFalconService": "CrowdStrike Falcon",
    "CylanceSvc": "Cylance",
    "cyserver": "Palo Alto Cortex XDR",
    "ds_agent": "Trend Micro Deep Security",
    "ekrn": "ESET",
    "Elastic Endpoint": "Elastic Endpoint",
    "EPSecurityService": "Bitdefender Endpoint Security",
    "fshoster": "WithSecure / F-Secure",
    "klnagent": "Kaspersky Network Agent",
    "MBAMService": "Malwarebytes",
    "McShield": "McAfee / Trellix VirusScan",
    "mfetp": "McAfee / Trellix Endpoint Security",
    "MsMpSvc": "Microsoft System Center Endpoint Protection",
    "ntrtscan": "Trend Micro OfficeScan / Apex One",
    "SAVService": "Sophos Anti-Virus",
    "Sense": "Microsoft Defender for Endpoint",
    "SentinelAgent": "SentinelOne",
    "SepMasterService": "Symantec Endpoint Protection",
    "Sophos Endpoint Defense Service": "Sophos Endpoint Defense",
    "WinDefend": "Microsoft Defender Antivirus",
    "WRSVC": "Webroot",
    "xagt": "FireEye / Trellix Endpoint",
}


def start_type(context: Context, service: str) -> str | None:
    """Return the start type from the registry."""
    code = context.value(f"{_SERVICES}\\{service}", "Start")
    name = _START.get(code) if isinstance(code, int) else None
    delayed = context.value(f"{_SERVICES}\\{service}", "DelayedAutostart") == 1
    return "AutomaticDelayed" if name == "Automatic" and delayed else name


def services(context: Context) -> list[dict[str, Any]]:
    """List what Exchange is and needs, by name."""
    known: dict[str, Any] = context.world.data["services"]
    return [
        {
            "name": name,
            "status": known[name]["status"],
            "start_type": start_type(context, name),
            "image_path": context.text(f"{_SERVICES}\\{name}", "ImagePath"),
        }
        for name in sorted(known, key=str.upper)
        if _WANTED.match(name)
    ]


def antimalware(context: Context) -> list[dict[str, Any]]:
    """List known anti-malware services that are registered."""
    found = []
    for service, product in _ANTIMALWARE.items():
        entry = context.world.service(service)
        if entry is not None:
            found.append(
                {
                    "product": product,
                    "service": service,
                    "status": entry["status"],
                    "start_type": start_type(context, service),
                }
            )
    return found

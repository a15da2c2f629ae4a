# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows firewall in the model: what its profiles are set to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..mitigations.services import read
from ..registry import operation

if TYPE_CHECKING:
    from ..context import Context
    from ..registry import Given, Result

_POLICY = "HKLM\\SOFTWARE\\Policies\\Microsoft\\WindowsFirewall"
_LOCAL = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy"
# Name, key of policies, local key: that of the private profile has its name of before Vista.
_PROFILES = (
    ("domain", "DomainProfile", "DomainProfile"),
    ("private", "PrivateProfile", "StandardProfile"),
    ("public", "PublicProfile", "PublicProfile"),
)
_ACTIONS = ("allow", "block")
_SWITCH = (False, True)


@operation("Get-FirewallProfile")
def get_profile(context: Context, _: Given) -> Result:
    """Read the profiles and the service that enforces them."""
    profiles = [_profile(context, *names) for names in _PROFILES]
    service = read(context, "MpsSvc")
    shown = service and {name: service[name] for name in ("status", "start_type")}
    return {"profiles": profiles, "service": shown}


def _profile(context: Context, name: str, policy_name: str, local_name: str) -> dict[str, Any]:
    policy = {"policy": f"{_POLICY}\\{policy_name}"}
    both = {**policy, "local": f"{_LOCAL}\\{local_name}"}
    return {
        "name": name,
        "enabled": _setting(context, both, "EnableFirewall", _SWITCH),
        "inbound": _setting(context, both, "DefaultInboundAction", _ACTIONS),
        "outbound": _setting(context, both, "DefaultOutboundAction", _ACTIONS),
        "local_rules": _setting(context, policy, "AllowLocalPolicyMerge", _SWITCH),
    }


def _setting(
    context: Context, keys: dict[str, str], name: str, meanings: tuple[Any, Any]
) -> dict[str, Any]:
    """Return the first value that stands; ``meanings`` has what 0 and what 1 say."""
    for source, key in keys.items():
        value = context.value(key, name)
        if isinstance(value, int) and value in (0, 1):
            return {"value": meanings[value], "source": source, "reason": None}
        if value is not None:
            return {"value": None, "source": source, "reason": f"{name} is neither 0 nor 1"}
    return {"value": None, "source": None, "reason": f"{name} is not set"}

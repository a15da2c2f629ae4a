# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitigations as they stand on a host: exact, or spoilt in one of the usual ways.

Rule contents after Microsoft's ExchangeMitigations.ps1 and EOMT.ps1 (March 2021), EOMTv2.ps1
(CVE-2022-41040, five revisions) and EOMT.ps1 for CVE-2026-42897.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError
from .services import set_start

if TYPE_CHECKING:
    from .draft import Draft


@dataclass(frozen=True, slots=True)
class _Inbound:
    """One inbound rule that aborts the request when the condition matches."""

    name: str
    input: str
    pattern: str
    stop: bool
    disabled: bool = False
    syntax: str | None = None


_COOKIE = (
    _Inbound(
        "X-AnonResource-Backend Abort - inbound",
        "{HTTP_COOKIE}",
        "(.*)X-AnonResource-Backend(.*)",
        stop=False,
    ),
    _Inbound(
        "X-BEResource Abort - inbound",
        "{HTTP_COOKIE}",
        "(.*)X-BEResource=(.+)/(.+)~(.+)",
        stop=True,
    ),
)
# Revision -> condition input, pattern, stopProcessing.
_POWERSHELL = {
    "0": ("{REQUEST_URI}", ".*autodiscover\\.json.*\\@.*Powershell.*", False),
    "1": ("{REQUEST_URI}", ".*autodiscover\\.json.*Powershell.*", True),
    "2a": ("{UrlDecode: {REQUEST_URI}}", ".*autodiscover\\.json.*Powershell.*", True),
    "2b": ("{UrlDecode:{REQUEST_URI}}", ".*autodiscover\\.json.*Powershell.*", True),
    "3": ("{UrlDecode:{REQUEST_URI}}", "(?=.*autodiscover)(?=.*powershell)", True),
}
_OWA_URI = "^/owa/?($|\\?|default\\.aspx|projection\\.aspx|readingPane\\.aspx|popout\\.aspx)"
_OWA_URI_EARLY = "^/owa/?($|\\?|default\\.aspx|projection\\.aspx)"
_POOLS = {"ecp-app-pool": "MSExchangeECPAppPool", "oab-app-pool": "MSExchangeOABAppPool"}
_POOL_OFF = {"autoStart": "false", "startMode": "OnDemand"}

INBOUND_VARIANTS = (
    "exact",
    "altered",
    "disabled",
    "partial",
    "duplicate",
    "twice",
    "wildcard",
    "cleared",
)
MITIGATIONS: dict[str, tuple[str, ...]] = {
    "backend-cookie": INBOUND_VARIANTS,
    "um-services": ("exact", "partial"),
    "ecp-app-pool": ("exact", "partial"),
    "oab-app-pool": ("exact", "partial"),
    "powershell-autodiscover": (*INBOUND_VARIANTS, *(f"revision-{r}" for r in _POWERSHELL)),
    "owa-csp-outbound": ("exact", "eems", "altered", "disabled", "weaker"),
}


def _known() -> str:
    return "; ".join(f"{name}: {', '.join(variants)}" for name, variants in MITIGATIONS.items())


def wanted(draft: Draft) -> list[tuple[str, str]]:
    """Return the scenario's mitigations as ``(id, variant)``."""
    found = []
    for item in draft.spec.get("mitigations", []):
        entry: dict[str, Any] = {"id": item} if isinstance(item, str) else item
        pair = (str(entry["id"]), str(entry.get("variant", "exact")))
        if pair[1] not in MITIGATIONS.get(pair[0], ()):
            raise ConfigError(
                f"{draft.name}: mitigation {pair[0]!r} has no variant {pair[1]!r}; "
                f"known: {_known()}"
            )
        found.append(pair)
    return found


def pool_changes(draft: Draft) -> dict[str, dict[str, str]]:
    """Return what the pool mitigations write into applicationHost.config, by pool."""
    changes = {}
    for name, variant in wanted(draft):
        if name in _POOLS:
            # partial: stopped by hand, so it is back after the next boot
            changes[_POOLS[name]] = {} if variant == "partial" else dict(_POOL_OFF)
    return changes


def add_service_mitigations(draft: Draft) -> None:
    """Disable what the mitigations disable: UM, and the health manager that restarts things."""
    for name, variant in wanted(draft):
        if name in (*_POOLS, "um-services"):
            services = ["MSExchangeHM", "MSExchangeHMRecovery"]
            if name == "um-services":
                services += ["MSExchangeUM"] + ([] if variant == "partial" else ["MSExchangeUMCR"])
            for service in services:
                if service in draft.services:
                    set_start(draft, service, "disabled")


def add_rules(draft: Draft, config: ET.Element, place: str) -> None:
    """Add the rewrite rules that belong into this web.config: ``site``, or a vdir's folder."""
    for name, variant in wanted(draft):
        if place == "site" and name in ("backend-cookie", "powershell-autodiscover"):
            rules = _rewrite(config, "rules")
            for rule in _inbound(name, variant):
                _add_inbound(rules, rule)
        if variant == "cleared" and place == "owa":
            ET.SubElement(_rewrite(config, "rules"), "clear")
        if name == "owa-csp-outbound" and place == "owa":
            _add_outbound(_rewrite(config, "outboundRules"), variant)


def _rewrite(config: ET.Element, collection: str) -> ET.Element:
    server = config.find("system.webServer")
    parent = server if server is not None else ET.SubElement(config, "system.webServer")
    for tag in ("rewrite", collection):
        found = parent.find(tag)
        parent = found if found is not None else ET.SubElement(parent, tag)
    return parent


def _inbound(name: str, variant: str) -> list[_Inbound]:
    if name == "backend-cookie":
        rules = list(_COOKIE)
    else:
        revision = variant.removeprefix("revision-") if variant.startswith("revision-") else "3"
        source, pattern, stop = _POWERSHELL[revision]
        rules = [_Inbound("PowerShell - inbound", source, pattern, stop)]
    last = rules[-1]
    if variant == "altered":  # the same name, a pattern that no attack matches
        rules[-1] = replace(last, pattern=last.pattern.replace("(.+)~", "(.+)~~") + "$^")
    elif variant == "disabled":
        rules = [replace(rule, disabled=True) for rule in rules]
    elif variant == "partial":
        rules = rules[:1] if len(rules) > 1 else []
    elif variant == "duplicate":
        rules += [replace(rule, name=f"{rule.name} (copy)") for rule in rules]
    elif variant == "twice":
        rules += rules[:1]  # the same name again: IIS refuses the whole file
    elif variant == "wildcard":
        rules = [replace(rule, syntax="Wildcard") for rule in rules]
    return rules


def _add_inbound(rules: ET.Element, rule: _Inbound) -> None:
    attributes = {"name": rule.name}
    if rule.disabled:
        attributes["enabled"] = "false"
    if rule.syntax:
        attributes["patternSyntax"] = rule.syntax
    if rule.stop:
        attributes["stopProcessing"] = "true"
    element = ET.SubElement(rules, "rule", attributes)
    ET.SubElement(element, "match", {"url": "*" if rule.syntax else ".*"})
    conditions = ET.SubElement(element, "conditions")
    ET.SubElement(conditions, "add", {"input": rule.input, "pattern": rule.pattern})
    ET.SubElement(element, "action", {"type": "AbortRequest"})


def _add_outbound(rules: ET.Element, variant: str) -> None:
    owner = "EEMS M2.1" if variant == "eems" else "EOMT"
    gate = f"{owner} OWA SPA HTML shell - precondition"
    attributes = {"name": f"{owner} OWA CSP - outbound", "preCondition": gate}
    if variant == "disabled":
        attributes["enabled"] = "false"
    element = ET.SubElement(rules, "rule", attributes)
    header = {"serverVariable": "RESPONSE_Content_Security_Policy", "pattern": "(.*)"}
    ET.SubElement(element, "match", header)
    source = "'self'" if variant == "altered" else "'none'"
    ET.SubElement(
        element, "action", {"type": "Rewrite", "value": f"{{R:1}}; script-src-attr {source}"}
    )
    listed = ET.SubElement(ET.SubElement(rules, "preConditions"), "preCondition", {"name": gate})
    uri = _OWA_URI_EARLY if variant == "weaker" else _OWA_URI
    for source, pattern in (("{RESPONSE_CONTENT_TYPE}", "^text/html"), ("{REQUEST_URI}", uri)):
        ET.SubElement(listed, "add", {"input": source, "pattern": pattern})

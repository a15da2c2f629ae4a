# SPDX-License-Identifier: GPL-3.0-or-later
"""What Microsoft's detection tools make of a simulated host: the scenario's ``detection``.

Test-ProxyLogon is known by the launcher that the collection starts it with, the Safety Scanner by its
name. ``programs`` of the scenario come first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .logs import FIRST_DAY, parse_day
from .msert_tool import scan_log, scanner
from .proxylogon_tool import behaviour, entered_object, text_of

if TYPE_CHECKING:
    from .draft import Draft

LAUNCHER = "launch.ps1"
SCANNER = "msert.exe"
_SECONDS = 2
# How a tool may end instead of by itself.
_DIED = 0xC0000005 - (1 << 32)  # an access violation, as Windows reports the status: signed
_ANTIMALWARE = "Operation did not complete successfully because the file contains a virus"


def add_detection(draft: Draft) -> None:
    """Add how the tools behave, where the scenario says what they find."""
    given = draft.spec.get("detection") or {}
    if (script := given.get("test_proxylogon")) is not None:
        rule = _proxylogon({"log_age_days": _age(draft), **script}, draft.name)
        draft.programs.append({"match": LAUNCHER, "behaviour": rule})
    if (scan := given.get("msert")) is not None:
        rules = [("/F", "Full"), ("/N", "Quick")]
        draft.programs += [
            {"match": f"*{SCANNER}*{switch}*", "behaviour": _scan(scan, kind)}
            for switch, kind in rules
        ]


def _age(draft: Draft) -> float | None:
    """How old the logs of the host are; None: there is no Exchange whose logs it would find."""
    if not draft.has_iis:
        return None
    first = parse_day(draft.spec.get("logs_from", FIRST_DAY), draft.at)
    return (draft.at.date() - first).days + 0.5


def _proxylogon(given: dict[str, Any], computer: str) -> dict[str, Any]:
    findings = list(given.get("findings", ()))
    days = given["log_age_days"]
    age = None if days is None else _figure(float(days), given.get("decimal", "."))
    text = text_of(findings, computer, skipped=age is None)
    made = behaviour(
        entered_object(findings, age, computer), text,
        duration_seconds=given.get("seconds", _SECONDS),
    )  # fmt: skip
    return _ended(made, given.get("ends", "by-itself"))


def _scan(given: dict[str, Any], kind: str) -> dict[str, Any]:
    ends = given.get("ends", "by-itself")
    threats = tuple(given.get("threats", ()))
    log = scan_log(kind, threats, None if ends == "by-itself" else -1)
    made = scanner(log, duration_seconds=given.get("seconds", _SECONDS))
    return _ended(made, ends)


def _ended(made: dict[str, Any], ends: str) -> dict[str, Any]:
    """The behaviour of a tool that does not end by itself."""
    if ends == "hangs":
        return {**made, "hang": True, "busy_seconds": 0, "effects": [], "output": ""}
    if ends == "dies":
        return {**made, "exit_code": _DIED, "effects": made["effects"][:1], "output": ""}
    if ends == "refused":
        return {**made, "refused": _ANTIMALWARE}
    if ends == "silent":
        return {**made, "effects": [], "output": ""}
    return made


def _figure(days: float, decimal: str) -> str:
    """A number of days as the script writes it in the culture of the host."""
    return f"{days:.1f}".replace(".", decimal)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The report model: one versioned JSON document from which every format is written.

Shape: ``report/report.schema.json``. All strings are cleaned here (control characters and lone
surrogates become visible escapes), so that a writer only has to know its own format's escaping (I4).
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError
from ..base.json_schema import compiled, place
from ..base.model import (
    OPEN_EXPOSURES,
    SUSPICIOUS,
    CheckStatus,
    CompromiseState,
    HostState,
    Verdict,
)
from ..base.sanitize import clean, is_inert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SCHEMA = Path(__file__).with_name("report.schema.json")

SCHEMA_NAME = "exchange.remediation/report"
SCHEMA_VERSION = 1

NOT_ATTEMPTED = "no result was recorded for this host: the run never got to it, or it lost it"


def build(
    *,
    run: Mapping[str, Any],
    tool: Mapping[str, Any],
    inventory: Iterable[str],
    results: Mapping[str, Mapping[str, Any]],
    missing: Mapping[str, str] | None = None,
    directive: Callable[[Mapping[str, Any]], dict[str, Any] | None] | None = None,
    compromise: Callable[[Mapping[str, Any]], dict[str, Any] | None] | None = None,
) -> dict[str, Any]:
    """Make the report model of one run.

    Every name of ``inventory`` gets exactly one entry, in that order; a name without a result is
    ``not-attempted`` (I3). A result for a name outside the inventory is refused, because it means
    that two runs were mixed up. ``missing``: servers in no inventory, with the reason: they are
    ``not-in-inventory``. ``directive``: entry of a host -> what the campaign's directive wants from it;
    ``compromise``: -> what the detection tools said of it.

    :raises ConfigError: an inventory name appears twice, or a result belongs to no inventory host.
    """
    names = list(inventory)
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ConfigError(
            f"inventory lists {', '.join(twice)} more than once; remove the duplicates"
        )
    strangers = sorted(set(results) - set(names))
    if strangers:
        raise ConfigError(
            f"results for hosts outside the inventory: {', '.join(strangers)}; "
            "pass the inventory that this run was made with"
        )
    hosts = [_host(name, results.get(name)) for name in names]
    hosts += [_missing(name, reason) for name, reason in sorted((missing or {}).items())]
    for host in hosts:
        host["compromise"] = compromise(host) if compromise else None
        host["directive"] = directive(host) if directive else None
    report = {
        "schema": SCHEMA_NAME,
        "version": SCHEMA_VERSION,
        "tool": dict(tool),
        "run": dict(run),
        "totals": totals(hosts),
        "hosts": hosts,
    }
    check(report, "report")
    return _inert(report)


def _inert(report: dict[str, Any]) -> dict[str, Any]:
    """The report with every string cleaned; hosts that are clean already are not walked again."""
    hosts = report["hosts"]
    rest: dict[str, Any] = clean({key: value for key, value in report.items() if key != "hosts"})
    rest["hosts"] = [host if is_inert(json.dumps(host).encode()) else clean(host) for host in hosts]
    return rest


def _host(name: str, result: Mapping[str, Any] | None) -> dict[str, Any]:
    blank: dict[str, Any] = {
        "host": name,
        "address": None,
        "state": HostState.NOT_ATTEMPTED.value,
        "reason": NOT_ATTEMPTED,
        "assessment": None,
        "facts": None,
        "errors": [],
        "clock_offset_seconds": None,
        "timing": {},
        "peer": None,
        "compromise": None,
        "directive": None,
    }
    if result is None:
        return blank
    # The inventory's name is the identity; what the payload calls itself is data (I20).
    return blank | {key: value for key, value in result.items() if key in blank} | {"host": name}


def _missing(name: str, reason: str) -> dict[str, Any]:
    return _host(name, {"state": HostState.NOT_IN_INVENTORY.value, "reason": reason})


def totals(hosts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Count hosts by state, by verdict and by what an operator has to do next."""
    hosts = list(hosts)
    states = Counter(host["state"] for host in hosts)
    verdicts = Counter(
        host["assessment"]["verdict"] for host in hosts if host["assessment"] is not None
    )
    compromised = Counter(compromise_of(host) for host in hosts)
    groups = Counter(group(host) for host in hosts)
    return {
        "inventory": len(hosts),
        "by_state": {state.value: states.get(state.value, 0) for state in HostState},
        "by_verdict": {verdict.value: verdicts.get(verdict.value, 0) for verdict in Verdict},
        "by_compromise": {word: compromised.get(word, 0) for word in COMPROMISE_WORDS},
        "by_group": {name: groups.get(name, 0) for name in GROUPS},
    }


GROUPS = ("findings", "unknown", "unreached", "nothing-found")


NOT_EXAMINED = "not-examined"
COMPROMISE_WORDS = (*(state.value for state in CompromiseState), NOT_EXAMINED)


def compromise_of(host: Mapping[str, Any]) -> str:
    """The verdict on compromise, or ``not-examined`` where no detection tool was run."""
    told = host.get("compromise") or {}
    return str(told.get("state") or NOT_EXAMINED)


_SUSPICIOUS = {state.value for state in SUSPICIOUS}


def is_incident(host: Mapping[str, Any]) -> bool:
    """Whether a detection tool found something, or two of them disagree."""
    return compromise_of(host) in _SUSPICIOUS


def found_elsewhere(report: Mapping[str, Any]) -> dict[str, str]:
    """Servers of no inventory on which something was found: host -> verdict."""
    unlisted = report["run"].get("unlisted", {})
    return {host: state for host, state in unlisted.items() if state in _SUSPICIOUS}


def group(host: Mapping[str, Any]) -> str:
    """The one pile a host belongs to: ``findings``, ``unknown``, ``unreached``, ``nothing-found``.

    A host with findings *and* unknowns is in ``findings``; its unknowns are counted beside them.
    """
    if host["assessment"] is None:
        return "unreached"
    if has_findings(host):
        return "findings"
    return "unknown" if has_unknowns(host) else "nothing-found"


_OPEN = {exposure.value for exposure in OPEN_EXPOSURES}


def has_findings(host: Mapping[str, Any]) -> bool:
    """Whether the host is exposed to any CVE of the campaign or anything on it found something."""
    assessment = host["assessment"]
    return is_incident(host) or (
        assessment is not None
        and (
            assessment["verdict"] in _OPEN
            or any(item["exposure"] in _OPEN for item in assessment["exposures"])
            or any(item["status"] == CheckStatus.FINDING.value for item in assessment["checks"])
        )
    )


def has_unknowns(host: Mapping[str, Any]) -> bool:
    """Whether anything about the host could not be told (I1: that is never a pass)."""
    assessment = host["assessment"]
    return (
        assessment is None
        or compromise_of(host) == CompromiseState.INCONCLUSIVE.value
        or assessment["verdict"] == Verdict.UNKNOWN.value
        or any(item["exposure"] == "unknown" for item in assessment["exposures"])
        or any(item["status"] == CheckStatus.UNKNOWN.value for item in assessment["checks"])
    )


def load(path: Path) -> dict[str, Any]:
    """Read a saved report model.

    :raises ConfigError: not readable, not JSON, of another schema or of a future version.
    """
    try:
        data = json.loads(path.read_bytes())
        check(data, str(path))
        report = _inert(data)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not JSON ({error}); give the report.json of a run") from error
    for verdict in Verdict:  # a report of before a verdict existed has no count of it
        report["totals"]["by_verdict"].setdefault(verdict.value, 0)
    report["totals"].setdefault("by_compromise", totals(report["hosts"])["by_compromise"])
    counted = totals(report["hosts"])
    if counted != report["totals"]:
        raise ConfigError(
            f"{path}: its totals do not match its hosts; the file was changed by hand or damaged"
        )
    return report


def check(report: Any, where: str) -> None:
    """Validate against the schema; raises ConfigError naming the place and the cure."""
    if not isinstance(report, dict) or report.get("schema") != SCHEMA_NAME:
        raise ConfigError(f"{where}: not a report of {SCHEMA_NAME}; give the report.json of a run")
    version = report.get("version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ConfigError(
            f"{where}: report version {version} is newer than {SCHEMA_VERSION}, the newest that this "
            "version reads; upgrade exchange-remediation"
        )
    failure = compiled(SCHEMA)(report)
    if failure is not None:
        raise ConfigError(
            f"{where}: not a valid report: {place('report', failure[0])} {failure[1]}"
        )

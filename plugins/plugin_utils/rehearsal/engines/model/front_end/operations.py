# SPDX-License-Identifier: GPL-3.0-or-later
"""What the web server of a simulated host answers: bindings, pools and rewrite rules decide.

Order as in IIS: no listener, no connection; a stopped pool is 503 before any module runs;
configuration that IIS refuses is 500; then the rules; then the application.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from ..configuration import children, configuration
from ..context import Context
from ..errors import OperationError, PartError
from ..facts.iis import iis
from ..facts.rewrite import places, rule_content
from ..mitigations.text import document, read
from ..registry import operation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from ....world.world import World
    from ..iis_document import Configuration

_MODULE = "HKLM\\SOFTWARE\\Microsoft\\IIS Extensions\\URL Rewrite"
_PORTS = {"http": "80", "https": "443"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SIGN_IN = ("/owa", "/ecp")
_INPUT = re.compile(r"\{(?P<function>\w+):\s*(?P<inner>\{.*\})\}|\{(?P<name>\w+)\}")
_SERVER_ERROR = 500


class _RefusedError(Exception):
    """IIS answers with a status before the application sees the request."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@operation("Test-FrontEnd")
def test_front_end(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Answer all probes, or refuse them together."""
    probes = given["probes"]
    for probe in probes:
        _assert_probe(probe)
    return {"probes": [_row(context.world, probe) for probe in probes]}


def ask(world: World, url: str, cookie: str | None) -> tuple[str, int | None]:
    """Return ``("status", 302)``, ``("aborted", None)`` or ``("failed", None)``."""
    context, address = Context(world), urlsplit(url)
    try:
        found = configuration(context)
        site = _site(context, address) if found is not None else None
        if found is None or site is None:
            return "failed", None
        status = _answer(context, found, site, address, cookie or "")
    except (PartError, OperationError):
        return "status", _SERVER_ERROR  # IIS does not start on it, or answers 500.19
    except _RefusedError as refused:
        status = refused.status
    return ("aborted", None) if status is None else ("status", status)


def _assert_probe(probe: dict[str, Any]) -> None:
    url, expect = str(probe.get("url") or ""), probe.get("expect")
    address = urlsplit(url)
    own = address.scheme in _PORTS and address.hostname in _LOOPBACK
    if not own or expect not in ("abort", "status"):
        raise OperationError(
            "RequestInvalid",
            f"the probe '{probe.get('name') or ''}' needs a URL of https://localhost and expect "
            f"abort or status; it has '{url}' and '{expect or ''}'",
            identity="ProbeInvalid",
        )


def _row(world: World, probe: dict[str, Any]) -> dict[str, Any]:
    outcome, status = ask(world, probe["url"], probe.get("cookie"))
    error = {"aborted": "ReceiveFailure", "failed": "ConnectFailure"}.get(outcome)
    if probe["expect"] == "abort":
        expected = outcome == "aborted"
    else:
        expected = status is not None and status < _SERVER_ERROR
    return {
        "name": probe.get("name"),
        "url": probe["url"],
        "outcome": outcome,
        "status": status,
        "error": error,
        "as_expected": expected,
    }


def _site(context: Context, address: SplitResult) -> dict[str, Any] | None:
    """Return the started site that listens there."""
    service = context.world.service("W3SVC")
    if service is None or service["status"] != "Running":
        return None
    port = str(address.port or _PORTS[address.scheme])
    for site in iis(Context(context.world))["sites"]:
        for binding in site["bindings"]:
            parts = binding["information"].split(":")
            listens = binding["protocol"] == address.scheme and port in parts[-2:-1]
            if listens and site["state"] == "Started" and not parts[-1]:
                return dict(site)
    return None


def _covers(parent: str, path: str) -> bool:
    return f"{path.rstrip('/')}/".lower().startswith(f"{parent.rstrip('/')}/".lower())


def _answer(
    context: Context,
    found: Configuration,
    site: dict[str, Any],
    address: SplitResult,
    cookie: str,
) -> int | None:
    """Return a status; ``None`` for a request that a rule aborts."""
    path = address.path or "/"
    fitting = [app for app in site["applications"] if _covers(app["path"], path)]
    application = max(fitting, key=lambda app: len(app["path"]), default=None)
    if application is None:
        return 404
    pools = context.world.data["iis_runtime"]["app_pools"]
    states = {name.lower(): state for name, state in pools.items()}
    if states.get(application["app_pool"].lower()) != "Started":
        return 503
    uri = f"{path}?{address.query}" if address.query else path
    variables = {"HTTP_COOKIE": cookie, "REQUEST_URI": uri, "URL": path}
    variables["QUERY_STRING"] = address.query
    for rule in _rules(context, found, site["name"], path):
        if rule["enabled"] and _matches(rule, path, variables):
            kind = rule["action"]["type"]
            if kind == "AbortRequest":
                return None
            if kind in ("CustomResponse", "Redirect"):
                return int(rule["action"]["status_code"] or 302)
            if rule["stop_processing"]:
                break
    return _application_status(context, application["path"].lower(), path.lower())


def _application_status(context: Context, application: str, path: str) -> int:
    """Return how Exchange answers nobody in particular."""
    health = path.endswith("/healthcheck.htm")
    if health and application != "/":
        setup = "HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\Setup"
        return 200 if context.has_key(setup) else 404
    if application == "/":
        return 200 if path == "/" else 404
    return 302 if application.startswith(_SIGN_IN) else 401


def _levels(context: Context, found: Configuration, site: str, path: str) -> Iterator[Element]:
    """Yield every configuration that counts for a path, the outermost first."""
    for location in children(found.root, "location"):
        place = location.get("path", "").strip("/")
        if place and _covers(f"/{place}", f"/{site}{path}"):
            yield location
    chain = [p for p in places(found.root) if p[0].lower() == site.lower() and _covers(p[1], path)]
    for _, _, file in sorted(chain, key=lambda place: len(place[1])):
        text = read(context.world, file)
        if text is not None:
            yield document(text, file).root


def _rules(context: Context, found: Configuration, site: str, path: str) -> list[dict[str, Any]]:
    """Return the inbound rules that count; raises where IIS refuses the configuration."""
    lists: dict[str, list[dict[str, Any]]] = {"rules": [], "outboundRules": []}
    for level in _levels(context, found, site, path):
        for rewrite in children(level, "system.webServer/rewrite"):
            if not context.has_key(_MODULE):
                raise _RefusedError(_SERVER_ERROR)
            for section in rewrite:
                if section.tag in lists:
                    _merge(lists[section.tag], section)
    return lists["rules"]


def _merge(rules: list[dict[str, Any]], section: Element) -> None:
    """Add one list to what is inherited: a name may stand there once."""
    direction = "inbound" if section.tag == "rules" else "outbound"
    for entry in section:
        name = entry.get("name", "").lower()
        if entry.tag == "clear":
            rules.clear()
        elif entry.tag == "remove":
            rules[:] = [rule for rule in rules if rule["name"].lower() != name]
        elif entry.tag == "rule":
            if any(rule["name"].lower() == name for rule in rules):
                raise _RefusedError(_SERVER_ERROR)
            rules.append(rule_content(entry, direction))


def _matches(rule: dict[str, Any], path: str, variables: dict[str, str]) -> bool:
    match = rule["match"]
    url = _fits(rule["pattern_syntax"], match["url"], path.lstrip("/"), match)
    checks = [
        _fits(rule["pattern_syntax"], one["pattern"], _expand(one["input"], variables), one)
        for one in rule["conditions"]
        if one["match_type"] == "Pattern"
    ]
    if not checks:
        return url
    return url and (all(checks) if rule["logical_grouping"] == "MatchAll" else any(checks))


def _fits(syntax: str, pattern: str | None, value: str, options: dict[str, Any]) -> bool:
    flags = re.IGNORECASE if options["ignore_case"] else 0
    wanted = pattern or ""
    if syntax == "Wildcard":
        wanted = "^" + re.escape(wanted).replace(r"\*", "(.*)") + "$"
    elif syntax == "ExactMatch":
        wanted = "^" + re.escape(wanted) + "$"
    try:
        found = re.search(wanted, value, flags) is not None
    except re.error as error:
        raise _RefusedError(_SERVER_ERROR) from error
    return found is not bool(options["negate"])


def _expand(text: str, variables: dict[str, str]) -> str:
    """Expand ``{HTTP_COOKIE}`` and ``{UrlDecode:{REQUEST_URI}}``; what is not known is empty."""

    def value(found: re.Match[str]) -> str:
        if found["function"]:
            inner = _expand(found["inner"], variables)
            return unquote(inner) if found["function"].lower() == "urldecode" else inner
        return variables.get(found["name"].upper(), "")

    return _INPUT.sub(value, text)

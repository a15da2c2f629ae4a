# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and traces for the tests of Microsoft's scripts."""

from __future__ import annotations

import base64
import copy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls.microsoft import (
    Trace,
    read_trace,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft import situation

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest
    from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.mitigations.state import (
        JudgedMitigation,
    )

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "cases" / "tools"
BASELINES = ROOT / "tests" / "cases" / "baselines"
AT = datetime(2021, 3, 10, 12, tzinfo=UTC)


@cache
def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def facts(
    product: str = "Exchange2016",
    *,
    rules: bool = False,
    services: Mapping[str, Any] | None = None,
    pools: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A server in good order without the update; ``rules``: both cookie rules stand there."""
    found: dict[str, Any] = copy.deepcopy(_yaml(BASELINES / f"{product.lower()}.yml"))
    if rules:
        snippet = _yaml(BASELINES / "snippets.yml")["cookie-rules"]
        found["url_rewrite"]["rules"] = copy.deepcopy(snippet["url_rewrite"]["rules"])
    for row in found["services"]:
        row.update((services or {}).get(row["name"], {}))
    for row in found["iis"]["app_pools"]:
        row.update((pools or {}).get(row["name"], {}))
    return found


def read_back(found: dict[str, Any] | None, *names: str) -> dict[str, JudgedMitigation]:
    wanted = names or ("backend-cookie",)
    return situation.read_back(found, (), wanted, load(), "proxylogon", AT)


def state(
    values: Mapping[str, str] | None = None,
    log: list[str] | None = None,
    downloads: tuple[str, ...] = (),
) -> dict[str, Any]:
    """What Get-ToolState answers; ``log``: the lines since the offset, None: there is none."""
    text = "".join(f"{line}\r\n" for line in log or ())
    data = text.encode("utf-16-le")
    return {
        "tool": "eomt",
        "registry": {
            "exists": bool(values),
            "values": [{"name": name, "text": value} for name, value in (values or {}).items()],
        },
        "log": {
            "exists": log is not None,
            "size": len(data),
            "from": 0,
            "encoding": None if log is None else "utf-16",
            "data": base64.b64encode(data).decode(),
            "truncated": False,
        },
        "downloads": [{"name": name, "size": 1} for name in downloads],
        "file": None,
    }


def trace(*args: Any, **named: Any) -> Trace:
    return read_trace(state(*args, **named))


class Recorded(NamedTuple):
    tool: str
    version: str
    name: str
    run: dict[str, Any]
    before: dict[str, str]  # values that an earlier run of the same host left


def recorded() -> list[Recorded]:
    found = []
    for path in sorted(CASES.glob("*.yml")):
        document = _yaml(path)
        for name, run in document["runs"].items():
            earlier = document["runs"][run["after"]]["values"] if "after" in run else {}
            found.append(Recorded(document["tool"], document["version"], name, run, earlier))
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "recording" in metafunc.fixturenames:
        every = recorded()
        ids = [f"{item.tool}-{item.version[:2]}-{item.name}" for item in every]
        metafunc.parametrize("recording", every, ids=ids)

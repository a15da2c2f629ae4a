# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of any size from a seed, for benchmarks and load."""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING, Any

from ..engine import Credentials
from .scenario import USERNAME, Scenario, simulate

if TYPE_CHECKING:
    from datetime import datetime

_SU = "KB5000871"
# product, cumulative update, its build, build with the update of March 2021
_KINDS = (
    ("Exchange2016", "CU19", "15.1.2176.2", "15.1.2176.9"),
    ("Exchange2016", "CU18", "15.1.2106.2", "15.1.2106.13"),
    ("Exchange2016", "CU12", "15.1.1713.5", "15.1.1713.10"),
    ("Exchange2019", "CU8", "15.2.792.3", "15.2.792.10"),
    ("Exchange2019", "CU7", "15.2.721.2", "15.2.721.13"),
    ("Exchange2013", "CU23", "15.0.1497.2", "15.0.1497.12"),
)
_LOCALES = ("en-US", "en-US", "en-US", "de-DE", "ja-JP", "tr-TR")
_ODDITIES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {},
    {"pending_reboot": ["WindowsUpdate"]},
    {"services_disabled": ["MSExchangeTransport"]},
    {"mitigations": ["backend-cookie"]},
    {"mitigations": [{"id": "backend-cookie", "variant": "altered"}]},
    {"logs_from": "-9d"},
    {"clock_offset_seconds": 600},
)


def fleet(
    count: int, seed: int, *, at: datetime | None = None, credentials: Credentials | None = None
) -> Scenario:
    """Build ``count`` hosts named ex0001 and so on; the same seed and ``at``, the same fleet."""
    account = credentials or Credentials(USERNAME, secrets.token_urlsafe(18))
    content = document(count, seed)
    hosts = tuple(
        simulate(name, spec, number, account, at=at)
        for number, (name, spec) in enumerate(content["hosts"].items())
    )
    return Scenario(f"fleet-{count}", content["title"], hosts, account)


def document(count: int, seed: int) -> dict[str, Any]:
    """Return the same fleet as a scenario; its JSON is a scenario file for ``rehearse up``."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose, nothing secret
    hosts = {f"ex{number + 1:04}": entry(chance) for number in range(count)}
    return {"schema": 1, "title": f"{count} hosts of seed {seed}", "hosts": hosts}


def entry(chance: random.Random) -> dict[str, Any]:
    """Draw the scenario entry of one host."""
    product, update, base, fixed = chance.choice(_KINDS)
    patched = chance.random() < 0.5  # noqa: PLR2004 - half of them
    spec: dict[str, Any] = {
        "exchange": {"product": product, "cu": update, "build": fixed if patched else base},
        "registry_build": base,
        "locale": chance.choice(_LOCALES),
        "logs_from": "-90d",
    }
    if patched:
        spec["updates"] = [_SU]
    return {**spec, **chance.choice(_ODDITIES)}

# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a fleet as a signed file: what would be done to each host, and on what that rests.

A DSSE envelope as of packages, with another payload type. Every host of the inventory is in it: one
without a plan with the reason why (I3).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base import disk
from ..base.errors import ConfigError, RefusedError
from ..base.json_schema import compiled, place
from ..base.sanitize import clean
from ..base.version import VERSION
from ..catalog.loader import ROOT as CATALOGUE
from ..catalog.loader import load as load_catalogue
from ..trust.signing.envelope import digest_of, seal, unseal
from .serialize import plan_from_dict, plan_to_dict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from securesystemslib.signer import Signer

    from ..trust.signing.keys import TrustedKey
    from .records import HostPlan

SCHEMA = Path(__file__).with_name("plan.schema.json")

KIND = "application/vnd.exchange-remediation.plan+json"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_LONGEST = 4000  # characters of a reason, as the schema says
_SKEW = timedelta(minutes=5)  # between the clocks of two controllers


@dataclass(frozen=True, slots=True)
class CatalogVersion:
    """Which data of ours a plan was made from."""

    as_of: str
    sha256: str


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One host: its plan, or the reason why it has none. ``state`` is how the run ended for it."""

    state: str
    reason: str
    plan: HostPlan | None = None
    code: str | None = None  # of the error that ended it
    directive: tuple[str, ...] = ()  # what the campaign's directive says of the change

    @property
    def has_steps(self) -> bool:
        return self.plan is not None and bool(self.plan.steps)


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """The plan of one intent for every host of an inventory."""

    intent: str
    campaign: str
    run: str
    created: datetime
    expires: datetime | None
    catalogue: CatalogVersion
    inventory: tuple[str, ...]
    hosts: Mapping[str, HostEntry]
    missing: Mapping[str, str] = field(default_factory=dict)  # servers in no inventory -> why said
    tool: str = VERSION
    signed_by: tuple[str, ...] = ()  # names of the trusted keys; empty before it is signed
    digest: str = field(default="", compare=False)  # of the signed document

    def host(self, name: str) -> HostEntry:
        """Return the entry of one host; raises ``RefusedError``."""
        if name not in self.hosts:
            raise RefusedError(
                f"{name}: the plan of {self.run} does not know this host; plan again"
            )
        return self.hosts[name]

    def to_json(self) -> dict[str, Any]:
        """Return the document that is signed."""
        return {
            "schema": 1,
            "intent": self.intent,
            "campaign": self.campaign,
            "run": self.run,
            "created": self.created.strftime(_TIME),
            "expires": self.expires.strftime(_TIME) if self.expires else None,
            "tool": {"name": "exchange.remediation", "version": self.tool},
            "catalogue": {"as_of": self.catalogue.as_of, "sha256": self.catalogue.sha256},
            "inventory": list(self.inventory),
            "hosts": {
                name: {
                    "state": entry.state,
                    "reason": entry.reason[:_LONGEST],
                    "plan": plan_to_dict(entry.plan) if entry.plan else None,
                    **({"code": entry.code} if entry.code else {}),
                    **({"directive": list(entry.directive)} if entry.directive else {}),
                }
                for name, entry in self.hosts.items()
            },
            # An older release reads a plan of an inventory that nothing is missing from.
            **({"missing": dict(self.missing)} if self.missing else {}),
        }


@cache
def knowledge() -> CatalogVersion:
    """Return which data this copy of the collection has: every file of the catalogue counts."""
    found = hashlib.sha256()
    for path in sorted(CATALOGUE.rglob("*.y*ml")):
        name = path.relative_to(CATALOGUE).as_posix()
        found.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n".encode())
    return CatalogVersion(load_catalogue().as_of.isoformat(), found.hexdigest())


def write(path: Path, plan: FleetPlan, signer: Signer) -> None:
    """Sign a plan and put it in place, for the operator alone."""
    document = plan.to_json()
    _check(document, str(path))
    try:
        disk.make_folder(path.absolute().parent)
        disk.replace(path, seal(document, KIND, signer))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error


def read(path: Path, keys: Sequence[TrustedKey]) -> FleetPlan:
    """Return a plan that a trusted key has signed, whole and of this schema."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    document, names = unseal(raw, KIND, keys, where=str(path))
    _check(document, str(path))
    digest = digest_of(document)
    document = clean(document)  # it is shown on terminals (I4)
    expires = document["expires"]
    return FleetPlan(
        intent=document["intent"],
        campaign=document["campaign"],
        run=document["run"],
        created=_moment(document["created"]),
        expires=_moment(expires) if expires else None,
        catalogue=CatalogVersion(**document["catalogue"]),
        inventory=tuple(document["inventory"]),
        hosts={name: _entry(row) for name, row in document["hosts"].items()},
        missing=dict(document.get("missing", {})),
        tool=document["tool"]["version"],
        signed_by=names,
        digest=digest,
    )


def _entry(row: Mapping[str, Any]) -> HostEntry:
    plan = row["plan"]
    known = plan_from_dict(plan) if plan else None
    said = tuple(row.get("directive", ()))
    return HostEntry(row["state"], row["reason"], known, row.get("code"), said)


def _check(document: dict[str, Any], where: str) -> None:
    failure = compiled(SCHEMA)(document)
    if failure is not None:
        at, what = failure
        raise RefusedError(f"{where}: {place('plan', at)} {what}; plan again with this version")
    inventory, hosts = document["inventory"], document["hosts"]
    if len(set(inventory)) != len(inventory) or set(inventory) != set(hosts):
        strange = sorted({*inventory} ^ {*hosts}) or ["a host twice"]
        raise RefusedError(
            f"{where}: inventory and hosts disagree on {', '.join(strange[:5])}; plan again"
        )
    for name, entry in hosts.items():
        plan = entry["plan"] or {}
        same = all(plan.get(key, document[key]) == document[key] for key in ("intent", "campaign"))
        steps = [step["id"] for step in plan.get("steps", ())]
        if not same or len(set(steps)) != len(steps):
            raise RefusedError(
                f"{where}: {place('plan.hosts', (name,))} is of another intent or campaign, or has "
                "a step twice; plan again"
            )


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise RefusedError(f"plan: {text!r} is no date; plan again") from error


def check_usable(plan: FleetPlan, now: datetime, *, where: str) -> None:
    """Refuse a plan that has expired, comes from the future, or rests on other data of ours."""
    if plan.expires is not None and now >= plan.expires:
        raise RefusedError(
            f"{where}: expired at {plan.expires:{_TIME}} (now {now:{_TIME}}); plan again"
        )
    if plan.created > now + _SKEW:
        raise RefusedError(
            f"{where}: made at {plan.created:{_TIME}}, which is after now ({now:{_TIME}}); correct "
            "this machine's clock"
        )
    mine = knowledge()
    if plan.catalogue != mine:
        raise RefusedError(
            f"{where}: made from the catalogue of {plan.catalogue.as_of} "
            f"({plan.catalogue.sha256[:12]}), this one is of {mine.as_of} ({mine.sha256[:12]}); "
            "plan again"
        )


def check_intent(plan: FleetPlan, intent: str, campaign: str, *, where: str) -> None:
    """Refuse a plan that is for something else."""
    for what, planned, wanted in (
        ("intent", plan.intent, intent),
        ("campaign", plan.campaign, campaign),
    ):
        if planned != wanted:
            raise RefusedError(
                f"{where}: its {what} is {planned}, this is {wanted}; use the plan made for it"
            )

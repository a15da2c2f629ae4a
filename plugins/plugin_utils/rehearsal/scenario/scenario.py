# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenario files: fleets of simulated hosts that people write, checked and built."""

from __future__ import annotations

import ipaddress
import json
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from ...base.errors import CatalogError, ConfigError
from ...catalog.documents import Document
from ..engine import ConnectionState, Credentials, SimulatedHost
from .host import build_world

if TYPE_CHECKING:
    from datetime import datetime

FOLDER = Path(__file__).parent / "scenarios"
FIRST_ADDRESS = ipaddress.IPv4Address("127.77.0.1")
USERNAME = "administrator"

_SCHEMA = Path(__file__).with_name("scenario.schema.json")
_SCENARIO_KEYS = ("description", "groups", "connection", "faults")  # not the builder's


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fleet ready to be served."""

    name: str
    title: str
    hosts: tuple[SimulatedHost, ...]
    credentials: Credentials  # what a client should use; hosts with wrong ones accept others


def names() -> tuple[str, ...]:
    """List the scenarios that ship with the collection."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yml")))


def load(
    source: str | Path, *, at: datetime | None = None, credentials: Credentials | None = None
) -> Scenario:
    """Load a shipped scenario by name, or a file by path.

    ``at`` fixes the time that relative days count from; without ``credentials`` a password
    is made up. Raises ``ConfigError``: ``file:line: what; cure``.
    """
    path = _find(source)
    document = read(path)
    account = credentials or Credentials(USERNAME, secrets.token_urlsafe(18))
    defaults = document.data.get("defaults") or {}
    hosts = []
    for index, (name, entry) in enumerate(document.data["hosts"].items()):
        spec = {**defaults, **(entry or {})}
        try:
            hosts.append(simulate(name, spec, index, account, at=at))
        except (ConfigError, KeyError) as error:
            where = document.line(("hosts", name))
            what = f"unknown name {error}" if isinstance(error, KeyError) else str(error)
            raise ConfigError(
                f"{document.name}:{where}: {what}; correct the entry of {name}"
            ) from error
    title = str(document.data.get("title", path.stem))
    return Scenario(path.stem, title, tuple(hosts), account)


def simulate(
    name: str,
    spec: dict[str, Any],
    index: int,
    account: Credentials,
    *,
    at: datetime | None = None,
) -> SimulatedHost:
    """Build one host; ``index`` decides its loopback address."""
    connection = ConnectionState(spec.get("connection", "ok"))
    accepted = account
    if connection is ConnectionState.WRONG_CREDENTIALS:
        accepted = Credentials(account.username, secrets.token_urlsafe(18))
    world = build_world({k: v for k, v in spec.items() if k not in _SCENARIO_KEYS}, name, at=at)
    return SimulatedHost(
        name=name,
        address=str(FIRST_ADDRESS + index),
        world=world,
        credentials=accepted,
        connection=connection,
        faults=list(spec.get("faults", [])),
        groups=tuple(spec.get("groups", ["exchange"])),
    )


def read(path: Path) -> Document:
    """Read and validate a scenario file; ``ConfigError`` names file, line and cure."""
    try:
        document = Document(path.name, path.read_text(encoding="utf-8"))
    except CatalogError as error:
        raise ConfigError(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}:1: cannot be read: {error}; give a UTF-8 file") from error
    errors = list(_validator().iter_errors(document.data))
    if errors:
        worst = best_match(errors)
        line = document.line(worst.absolute_path)
        raise ConfigError(f"{document.name}:{line}: {_explain(worst)}")
    return document


def _find(source: str | Path) -> Path:
    if isinstance(source, str) and source in names():
        return FOLDER / f"{source}.yml"
    path = Path(source)
    if path.is_file():
        return path
    raise ConfigError(
        f"no scenario {str(source)!r}: it is neither a file nor one of {', '.join(names())}; "
        "give a path or one of these names"
    )


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _explain(error: Any) -> str:
    """Say in the words of the file what is wrong and what cures it."""
    where = ".".join(str(part) for part in error.absolute_path) or "the file"
    rule, wanted, found = error.validator, error.validator_value, error.instance
    schema = error.schema if isinstance(error.schema, dict) else {}
    if rule == "additionalProperties" and isinstance(found, dict):
        known = sorted(schema.get("properties", {}))
        extra = sorted(set(found) - set(known))
        return f"{where}: unknown key {', '.join(extra)}; known are {', '.join(known)}"
    if rule == "required":
        missing = [key for key in wanted if key not in found]
        return f"{where}: {', '.join(missing)} is missing; add it"
    if rule == "enum":
        return f"{where}: {found!r} is not known; use one of {', '.join(map(str, wanted))}"
    if rule == "const":
        return f"{where}: {found!r} is not {wanted!r}; this release reads schema {wanted!r} only"
    if rule == "pattern":
        wish = schema.get("description", f"of the form {wanted}")
        examples = schema.get("examples")
        cure = f"write it as {examples[0]}" if examples else "see docs/rehearsal-scenarios.md"
        return f"{where}: {found!r} is not {wish}; {cure}"
    return f"{where}: {error.message}; see docs/rehearsal-scenarios.md"

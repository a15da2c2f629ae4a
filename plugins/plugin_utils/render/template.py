# SPDX-License-Identifier: GPL-3.0-or-later
"""What a template of device configuration says about itself: ``template.yml`` beside its texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError
from ..base.json_schema import compiled, place
from .yaml_text import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parent / "templates"
SCHEMA = Path(__file__).with_name("template.schema.json")
# What a device does with a server, from the least to the most; see docs/templates.md.
LEVELS = MappingProxyType(
    {
        "pages-restricted": "/owa/ and /ecp/ answer the named networks only (alert AA21-062A)",
        "https-blocked": "port 443 is closed to everything but the internal networks (Microsoft, 16 March 2021)",
        "vpn-only": "port 443 answers the VPN's networks only (alert AA21-062A)",
        "drained": "the load balancer sends no new client, those that are there finish",
        "out-of-service": "the load balancer sends nobody; whoever knows the address still reaches it",
        "disconnected": "nothing reaches the server or leaves it, but for the networks that are kept",
        "paused": "the machine stands still, its memory is kept",
        "memory-snapshot": "its memory is copied for the examination; the machine goes on",
    }
)
# remove-snapshot: what a hypervisor copied for the examination is deleted once it is kept elsewhere, by
# a decision of its own; undo never does it, and nothing goes back to it.
PARTS = ("apply", "verify", "undo", "end-sessions", "remove-snapshot", "save")


@dataclass(frozen=True, slots=True)
class TemplateValue:
    """One value that a template needs. ``parts``: those that use it; empty: all of them."""

    name: str
    kind: str  # of kinds.KINDS
    many: bool
    required: bool
    parts: tuple[str, ...]
    levels: tuple[str, ...]
    choices: tuple[str, ...]  # nothing else is taken; empty: anything of the kind
    text: str
    recorded: bool  # what was there before: read off the device and kept
    may_be_empty: bool  # of many: another list can say it all
    names_ours: bool  # a name of ours on the device: no other server's steps may have it
    each_of: str  # of many: the value that it has one entry for each entry of; empty: none


@dataclass(frozen=True, slots=True)
class DeviceTemplate:
    """A template for one platform. ``files``: part -> its Jinja file."""

    id: str
    group: str  # network | load-balancer | hypervisor
    title: str
    follows: tuple[Mapping[str, str], ...]  # document, address, read
    levels: tuple[str, ...]
    ending: str  # of the files
    comment: str  # what begins a comment of its language; empty: it has none
    values: tuple[TemplateValue, ...]
    preconditions: tuple[str, ...]
    does_not: tuple[str, ...]
    timer: str
    sessions: str
    files: Mapping[str, Path]
    part_levels: Mapping[str, tuple[str, ...]]  # parts that only some levels have
    folder: Path
    own: bool  # the operator's, not ours

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in PARTS if part in self.files)

    def files_at(self, level: str) -> dict[str, Path]:
        """The parts that a level has."""
        return {
            part: path
            for part, path in self.files.items()
            if level in self.part_levels.get(part, self.levels)
        }


def templates(own: Path | None = None) -> dict[str, DeviceTemplate]:
    """Return all templates by id; a folder of the operator's own overrides ours by name.

    :raises ConfigError: a template that is not whole, with file and cure.
    """
    found = dict(_ours())
    if own is not None:
        if not own.is_dir():
            raise ConfigError(f"{own}: no folder of templates; correct the path")
        found.update((entry.id, entry) for entry in _folder(own, own=True))
    return dict(sorted(found.items()))


def template(name: str, own: Path | None = None) -> DeviceTemplate:
    """Return the template of a name; raises :class:`ConfigError` with those that there are."""
    known = templates(own)
    if name not in known:
        raise ConfigError(f"there is no template {name!a}; known are {', '.join(known)}")
    return known[name]


@cache
def _ours() -> tuple[tuple[str, DeviceTemplate], ...]:
    return tuple((entry.id, entry) for entry in _folder(ROOT, own=False))


def _folder(root: Path, *, own: bool) -> Iterable[DeviceTemplate]:
    seen: dict[str, Path] = {}
    for path in sorted(root.rglob("template.yml")):
        entry = _read(path, own=own)
        if entry.id in seen:
            raise ConfigError(
                f"{path}: template {entry.id} is in {seen[entry.id]} already; rename one of the two"
            )
        seen[entry.id] = path
        yield entry


def _read(path: Path, *, own: bool) -> DeviceTemplate:
    data = read_yaml(path, "correct the file")
    failure = compiled(SCHEMA)(data)
    if failure is not None:
        raise ConfigError(
            f"{path}: {place('template', failure[0])} {failure[1]}; see docs/templates.md"
        )
    lists = {row["name"] for row in data["values"] if row.get("many")}
    for row in data["values"]:
        if "each_of" in row and not {row["name"], row["each_of"]} <= lists:
            raise ConfigError(
                f"{path}: value {row['name']}: it and {row['each_of']}, which each_of names, have to "
                "be values of this template with many: true; correct the file"
            )
    files = {part: path.with_name(f"{part}.j2") for part in PARTS}
    files = {part: file for part, file in files.items() if file.is_file()}
    missing = [part for part in ("apply", "verify", "undo") if part not in files]
    if missing and not data.get("evidence_only"):
        raise ConfigError(f"{path}: {missing[0]}.j2 is missing beside it; write it")
    _check_names(path, data, files)
    return DeviceTemplate(
        id=data["id"],
        group=data["group"],
        title=data["title"],
        follows=tuple(MappingProxyType(dict(row)) for row in data["follows"]),
        levels=tuple(data["levels"]),
        ending=data["ending"],
        comment=data["comment"],
        values=tuple(_value(row) for row in data["values"]),
        preconditions=tuple(data["preconditions"]),
        does_not=tuple(data["does_not"]),
        timer=data["timer"],
        sessions=data["sessions"],
        files=MappingProxyType(files),
        part_levels=MappingProxyType(
            {part: tuple(levels) for part, levels in data.get("part_levels", {}).items()}
        ),
        folder=path.parent,
        own=own,
    )


def _check_names(path: Path, data: Mapping[str, Any], files: Mapping[str, Path]) -> None:
    """What a template says about its own parts, levels and values is there."""
    lists = {row["name"] for row in data["values"] if row.get("many")}
    for row in data["values"]:
        if "each_of" not in row:
            continue
        if row["each_of"] not in lists:
            raise ConfigError(
                f"{path}: {row['name']} pairs with {row['each_of']}, which is no list of this "
                "template; name a value that is many"
            )
        if not row.get("many"):
            raise ConfigError(
                f"{path}: {row['name']} pairs with a list but is not many; make it one"
            )
    for part, levels in data.get("part_levels", {}).items():
        if part not in files:
            raise ConfigError(
                f"{path}: part_levels names {part}, but there is no {part}.j2; write it"
            )
        for level in levels:
            if level not in data["levels"]:
                raise ConfigError(
                    f"{path}: part_levels of {part} names {level}, which is no level of this "
                    f"template; it has {', '.join(data['levels'])}"
                )


def _value(row: Mapping[str, Any]) -> TemplateValue:
    return TemplateValue(
        name=row["name"],
        kind=row["kind"],
        many=row.get("many", False),
        required=row.get("required", True),
        parts=tuple(row.get("parts", ())),
        levels=tuple(row.get("levels", ())),
        choices=tuple(row.get("choices", ())),
        text=row["text"],
        recorded=row.get("recorded", False),
        may_be_empty=row.get("may_be_empty", False),
        names_ours=row.get("names_ours", False),
        each_of=row.get("each_of", ""),
    )

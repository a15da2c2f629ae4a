# SPDX-License-Identifier: GPL-3.0-or-later
"""From a template and values to the texts for one server. Contacts nobody, and pure but for reading templates."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..base.errors import ConfigError
from ..base.sanitize import clean_text
from .kinds import KINDS
from .policy import policy
from .template import LEVELS

if TYPE_CHECKING:
    import ipaddress
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from .template import DeviceTemplate, TemplateValue

# What an operator's own template can end with; MemoryError and the like are not its place.
_TEMPLATE_FAULTS = (
    jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, OSError, RecursionError,
    TypeError, ValueError,
)  # fmt: skip
_HOST = "server_name"
ABOUT = "about.txt"
_WIDTH = 80
_PURPOSE = {
    "apply": "brings the level about",
    "verify": "shows what the device does now; read it before apply too, and record it",
    "undo": "takes it back to what was recorded",
    "end-sessions": "ends connections that are open, and no others; a step of its own",
    "remove-snapshot": "deletes the snapshot, once the evidence is kept elsewhere; a decision of its own",
    "save": "writes it to the start-up configuration; last, when it is proven",
}


@dataclass(frozen=True, slots=True)
class RenderedPart:
    """One text: one of :data:`.template.PARTS`, or ``about``."""

    part: str
    file: str  # apply.nft
    text: str
    # Of about: what ours is called on the device; no other server's steps may call theirs so.
    names: tuple[str, ...] = ()


def render(
    template: DeviceTemplate,
    level: str,
    given: Mapping[str, Any],
    *,
    where: str = "values",
    basis: str = "no plan",
) -> tuple[RenderedPart, ...]:
    """Return every part of a template for one server and level; the same values give the same bytes.

    ``given``: value -> what an inventory says. ``where``: how messages call its place. ``basis``:
    what the rendering rests on, such as the digest of a plan. A part whose recorded values are
    missing (undo before anything was recorded) is not made; ``about.txt`` says so.

    :raises ConfigError: a level that the template has not, a missing or wrong value, an unknown one.
    """
    if level not in template.levels:
        raise ConfigError(
            f"template {template.id} has no level {level!a}; it has {', '.join(template.levels)}"
        )
    values = checked(template, level, given, where)
    traffic = policy(level, values, where)
    if traffic is not None:
        values["traffic"] = traffic
    values["level"] = level
    values["level_text"] = LEVELS[level]
    parts = []
    notes = []
    for part, path in template.files_at(level).items():
        # of what was given: a list that nobody recorded is not a record of nothing
        lacking = _lacking(template, part, level, given)
        file = f"{part}.{template.ending}"
        if lacking:
            notes.append(f"{file}: not made yet, record {', '.join(lacking)} first (see verify)")
            continue
        parts.append(RenderedPart(part, file, _text(template, part, path, values, where)))
        notes.append(f"{file}: {_PURPOSE[part]}")
    basis = clean_text(basis)
    return (
        RenderedPart(
            "about", ABOUT, _about(template, level, values, notes, basis), _ours(template, values)
        ),
        *parts,
    )


def missing_records(
    template: DeviceTemplate, level: str, given: Mapping[str, Any]
) -> dict[str, tuple[str, ...]]:
    """Parts that cannot be made yet -> the recorded values that they need."""
    return {
        part: lacking
        for part in template.files_at(level)
        if (lacking := _lacking(template, part, level, given))
    }


def _lacking(
    template: DeviceTemplate, part: str, level: str, given: Mapping[str, Any]
) -> tuple[str, ...]:
    return tuple(
        value.name
        for value in template.values
        if value.recorded
        and _needed(value, level, given)
        and (not value.parts or part in value.parts)
        and _missing(value, given)
    )


def _missing(value: TemplateValue, given: Mapping[str, Any]) -> bool:
    """Whether nobody recorded it; of some lists an empty one is a record too."""
    found = given.get(value.name)
    return found is None or (value.many and not value.may_be_empty and not found)


def with_shared(
    template: DeviceTemplate,
    shared: Mapping[str, Any],
    given: Mapping[str, Any],
    known: Iterable[DeviceTemplate],
    where: str,
) -> dict[str, Any]:
    """Return the values of a template: its own, and of those for all templates the ones that it has.

    :raises ConfigError: a value for all templates that none of them has.
    """
    names = {value.name for entry in (template, *known) for value in entry.values}
    stray = sorted(str(name) for name in shared if name not in names)
    if stray:
        raise ConfigError(f"{where}: no template has a value {stray[0]!a}; correct its name")
    mine = {value.name for value in template.values}
    return {**{name: value for name, value in shared.items() if name in mine}, **given}


def checked(
    template: DeviceTemplate, level: str, given: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Return the values that a template may see: of the kinds that it names, and no others."""
    known = {value.name: value for value in template.values}
    unknown = sorted(str(name) for name in given if name not in known)
    if unknown:
        raise ConfigError(
            f"{where}: template {template.id} has no value {unknown[0]!a}; it has "
            f"{', '.join(known)}"
        )
    values: dict[str, Any] = {}
    for value in template.values:
        found = given.get(value.name)
        if found is None:
            if not value.recorded and _needed(value, level, given):
                raise ConfigError(
                    f"{where}: template {template.id} needs {value.name} ({value.text}); set it "
                    "in exchange_render_values of the host, or in the file of values"
                )
            values[value.name] = () if value.many else None
            continue
        values[value.name] = _value(value, found, f"{where}: {value.name}")
    _check_filled(template, level, given, where)
    for value in template.values:
        if value.each_of and given.get(value.name) is not None:
            _in_step(value, values, where)
    return values


def _check_filled(
    template: DeviceTemplate, level: str, given: Mapping[str, Any], where: str
) -> None:
    """A list that is needed has entries: of nothing a text is made that does nothing, or else what."""
    for value in template.values:
        filled = value.many and not value.may_be_empty and not value.recorded
        if filled and _needed(value, level, given) and not given.get(value.name):
            raise ConfigError(f"{where}: {value.name} is empty; name at least one ({value.text})")


def _in_step(value: TemplateValue, values: Mapping[str, Any], where: str) -> None:
    """An entry for each: a shorter list would leave one out of the undo, a longer one hide a slip."""
    entries, wanted = len(values[value.name]), len(values[value.each_of])
    if entries != wanted:
        raise ConfigError(
            f"{where}: {value.name} has {entries} entries and {value.each_of} has {wanted}; name one "
            "beside each, in the same order"
        )


def _needed(value: TemplateValue, level: str, given: Mapping[str, Any]) -> bool:
    """Whether it has to be there at a level; for each entry of an empty list there is nothing to give."""
    return (
        value.required
        and (not value.levels or level in value.levels)
        and (not value.each_of or given.get(value.each_of) is None or bool(given[value.each_of]))
    )


def _value(value: TemplateValue, found: Any, where: str) -> Any:
    read = KINDS[value.kind]
    if not value.many:
        return _chosen(value, read(found, where), where)
    if not isinstance(found, list | tuple):
        raise ConfigError(f"{where}: {found!a:.120} is not a list")
    return tuple(
        _chosen(value, read(entry, f"{where}[{index}]"), f"{where}[{index}]")
        for index, entry in enumerate(found)
    )


def _chosen(value: TemplateValue, found: Any, where: str) -> Any:
    if value.choices and found not in value.choices:
        raise ConfigError(f"{where}: {found} is none of {', '.join(value.choices)}")
    return found


def _text(
    template: DeviceTemplate, part: str, path: Path, values: Mapping[str, Any], where: str
) -> str:
    try:
        body = _environment(path.parent).get_template(path.name).render(values)
    except _TEMPLATE_FAULTS as error:
        raise ConfigError(
            f"{where}: template {template.id}, {path.name}: {clean_text(str(error))}; set the value "
            "in exchange_render_values of the host, or correct the template"
        ) from None
    if not body.strip():
        empty = [
            v.name for v in template.values if v.many and not v.recorded and not values[v.name]
        ]
        raise ConfigError(
            f"{where}: template {template.id}, {path.name} would have no command in it: name at least "
            f"one entry in {' or '.join(empty) or 'the values'}, or correct the template"
        )
    mark = template.comment
    head = f"{mark} {part} for {values[_HOST]}: {values['level']}; see {ABOUT}\n" if mark else ""
    return f"{head}{body.strip()}\n"


def _about(
    template: DeviceTemplate, level: str, values: Mapping[str, Any], made: list[str], basis: str
) -> str:
    """What a person reads before entering anything."""
    lines = [
        f"{values[_HOST]}: {level}",
        "",
        *textwrap.wrap(LEVELS[level], _WIDTH),
        *textwrap.wrap(
            f"{template.title}. Made for a person to read and to enter; nothing was contacted. "
            f"It rests on {basis}.",
            _WIDTH,
        ),
        "",
        *_section("Files, in this order", made),
        *_section("Ours on the device, and of no other server", _ours(template, values)),
        *_section("Before", (*template.preconditions, *_one_level(template))),
        *_section("It does not", template.does_not),
        *_section("Way back by itself", [template.timer]),
        *_section("Sessions that are open", [template.sessions]),
        *_section(
            "Syntax after",
            [
                f"{row['document']}, {row['address']}, read {row['read']}"
                for row in template.follows
            ],
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _ours(template: DeviceTemplate, values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{value.name} {values[value.name]}"
        for value in template.values
        if value.names_ours and values[value.name] is not None
    )


def _one_level(template: DeviceTemplate) -> tuple[str, ...]:
    if len(template.levels) == 1:
        return ()
    return (
        "no other level of this template is in force for this server: enter the undo of that level first",
    )


def _section(title: str, texts: Iterable[str]) -> list[str]:
    if not (texts := tuple(texts)):
        return []
    lines = [title]
    for text in texts:
        lines += textwrap.wrap(
            text, _WIDTH, initial_indent="  - ", subsequent_indent="    ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    return [*lines, ""]


@cache
def _environment(folder: Path) -> ImmutableSandboxedEnvironment:
    """Strict: what is not given is an error; values are data and never templates."""
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # device languages; no value has a character to escape
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_final,
    )
    environment.filters["wildcard"] = _wildcard
    environment.filters["mask"] = lambda network: str(network.netmask)
    environment.filters["base"] = lambda network: str(network.network_address)
    environment.globals["single"] = _single
    environment.globals["refuse"] = _refuse
    return environment


def _final(value: Any) -> Any:
    """What may stand in a text: a missing value or a list as Python writes it never does."""
    if value is None or isinstance(value, bool | tuple | list | dict):
        raise jinja2.UndefinedError("a value is missing, or is a list where one is expected")
    return value


def _refuse(reason: str) -> None:
    """For a template: what these values ask for, this platform cannot do."""
    raise jinja2.TemplateRuntimeError(reason)


def _wildcard(network: ipaddress.IPv4Network) -> str:
    """The inverted mask of Cisco's access lists."""
    return str(network.hostmask)


def _single(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return network.num_addresses == 1

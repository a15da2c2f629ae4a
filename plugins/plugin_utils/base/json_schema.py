# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile a JSON Schema of ours into plain functions.

For the documents that come by the thousand (facts of hosts, reports): a general validator takes
milliseconds for each, these a fraction of one. Only the keywords that our schemas use are known;
any other one is refused when the schema is compiled, so the two cannot drift apart silently.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    # A check returns None where the value fits, else where (below itself) and what is wrong.
    Failure = tuple[tuple[str | int, ...], str]
    Check = Callable[[Any], Failure | None]

_ANNOTATIONS = frozenset(("$schema", "$id", "$comment", "$defs", "title", "description"))
_SHOWN = 80  # characters of a wrong value in a message
_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def schema(path: Path) -> dict[str, Any]:
    """The JSON Schema in a file; each lies beside the code that owns the document."""
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@cache
def compiled(path: Path) -> Check:
    """The check of one of our schemas, compiled once a process."""
    document = schema(path)
    return compile_schema(document, document.get("$defs", {}))


def compile_schema(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Check:
    """Turn one schema into a function; raises ``ValueError`` for a keyword that is not known."""
    checks: list[Check] = []
    rest = {key: value for key, value in node.items() if key not in _ANNOTATIONS}
    if "$ref" in rest:
        name = rest.pop("$ref").removeprefix("#/$defs/")
        checks.append(compile_schema(definitions[name], definitions))
    if "type" in rest:
        checks.append(_type(rest.pop("type")))
    bounds = [keyword for keyword in rest if keyword in _BOUNDS]
    checks.extend(_BOUNDS[keyword](rest.pop(keyword)) for keyword in bounds)
    if "items" in rest:
        checks.append(_items(compile_schema(rest.pop("items"), definitions)))
    if "properties" in rest or "additionalProperties" in rest:
        others = rest.pop("additionalProperties", True)
        members = {k: compile_schema(v, definitions) for k, v in rest.pop("properties", {}).items()}
        required = tuple(rest.pop("required", ()))
        other = compile_schema(others, definitions) if isinstance(others, dict) else None
        checks.append(_object(members, required, other, closed=others is False))
    if "anyOf" in rest:
        checks.append(_any_of([compile_schema(item, definitions) for item in rest.pop("anyOf")]))
    if "if" in rest:
        condition = compile_schema(rest.pop("if"), definitions)
        checks.append(_implies(condition, compile_schema(rest.pop("then"), definitions)))
        if "else" in rest:
            checks.append(_unless(condition, compile_schema(rest.pop("else"), definitions)))
    if rest:
        raise ValueError(f"the schema uses {sorted(rest)}, which json_schema.py does not know")
    return checks[0] if len(checks) == 1 else _all_of(checks)


def place(root: str, where: tuple[str | int, ...]) -> str:
    """Write a failure's place as ``facts.iis.sites[2].name``; hostile keys as ASCII only."""
    parts = [root]
    for step in where:
        if isinstance(step, str) and _KEY.match(step):
            parts.append(f".{step}")
        else:
            parts.append(f"[{_show(step)}]")
    return "".join(parts)


def _show(value: Any) -> str:
    """Return a short ASCII form: what the host sent never reaches a terminal raw."""
    text = ascii(value) if not isinstance(value, dict | list) else type(value).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _all_of(checks: list[Check]) -> Check:
    def check(value: Any) -> Failure | None:
        for each in checks:
            failure = each(value)
            if failure is not None:
                return failure
        return None

    return check


def _type(names: str | list[str]) -> Check:
    listed = [names] if isinstance(names, str) else list(names)
    wanted = tuple(kind for name in listed for kind in _TYPES[name])
    booleans = "boolean" in listed
    words = " or ".join(listed)

    def check(value: Any) -> Failure | None:
        # In Python True is an int, in JSON it is no number.
        if isinstance(value, wanted) and (booleans or not isinstance(value, bool)):
            return None
        return (), f"is {_show(value)}, not {words}"

    return check


def _enum(values: list[Any]) -> Check:
    def check(value: Any) -> Failure | None:
        for known in values:
            if value == known and isinstance(value, bool) == isinstance(known, bool):
                return None
        return (), f"is {_show(value)}, none of {', '.join(map(str, values))}"

    return check


def _max_length(limit: int) -> Check:
    def check(value: Any) -> Failure | None:
        if isinstance(value, str) and len(value) > limit:
            return (), f"has {len(value)} characters, more than {limit}"
        return None

    return check


def _min_length(limit: int) -> Check:
    def check(value: Any) -> Failure | None:
        if isinstance(value, str | list) and len(value) < limit:
            return (), f"has a length of {len(value)}, less than {limit}"
        return None

    return check


def _pattern(text: str) -> Check:
    search = re.compile(text).search

    def check(value: Any) -> Failure | None:
        if isinstance(value, str) and search(value) is None:
            return (), f"is {_show(value)}, which does not look like {text}"
        return None

    return check


def _minimum(limit: int) -> Check:
    def check(value: Any) -> Failure | None:
        if isinstance(value, int) and value < limit:
            return (), f"is {_show(value)}, less than {limit}"
        return None

    return check


def _maximum(limit: int) -> Check:
    def check(value: Any) -> Failure | None:
        if isinstance(value, int) and value > limit:
            return (), f"is {_show(value)}, more than {limit}"
        return None

    return check


def _max_items(limit: int) -> Check:
    def check(value: Any) -> Failure | None:
        if isinstance(value, list) and len(value) > limit:
            return (), f"has {len(value)} entries, more than {limit}"
        return None

    return check


def _items(each: Check) -> Check:
    def check(value: Any) -> Failure | None:
        if isinstance(value, list):
            for position, item in enumerate(value):
                failure = each(item)
                if failure is not None:
                    return (position, *failure[0]), failure[1]
        return None

    return check


def _object(
    members: Mapping[str, Check], required: tuple[str, ...], other: Check | None, *, closed: bool
) -> Check:
    def check(value: Any) -> Failure | None:
        if not isinstance(value, dict):
            return None
        for name in required:
            if name not in value:
                return (), f"has no {name!r}"
        for name, item in value.items():
            member = members.get(name, other)
            if member is not None:
                failure = member(item)
                if failure is not None:
                    return (name, *failure[0]), failure[1]
            elif closed:
                return (), f"has {_show(name)}, which does not belong there"
        return None

    return check


def _any_of(choices: list[Check]) -> Check:
    def check(value: Any) -> Failure | None:
        failures = []
        for choice in choices:
            failure = choice(value)
            if failure is None:
                return None
            failures.append(failure)
        return failures[0]

    return check


def _implies(condition: Check, consequence: Check) -> Check:
    def check(value: Any) -> Failure | None:
        return consequence(value) if condition(value) is None else None

    return check


def _unless(condition: Check, consequence: Check) -> Check:
    def check(value: Any) -> Failure | None:
        return consequence(value) if condition(value) is not None else None

    return check


_BOUNDS: dict[str, Callable[[Any], Check]] = {
    "enum": _enum,
    "const": lambda value: _enum([value]),
    "maxLength": _max_length,
    "minLength": _min_length,
    "minItems": _min_length,
    "pattern": _pattern,
    "minimum": _minimum,
    "maximum": _maximum,
    "maxItems": _max_items,
}

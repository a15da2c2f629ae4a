# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading catalogue files: YAML with line numbers, checked against a JSON Schema.

The parser composes nodes (with their marks) and builds plain values from them; the
line of a value is looked up only when something is wrong with it. Unlike YAML's own
rules a date stays text, because builds and dates are read by us, with our messages.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from ..base.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is five times faster
_SCHEMAS = Path(__file__).parent / "schemas"
_SCHEMA_VERSION = 1
_PLAIN: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:bool": lambda text: text.lower() in ("true", "yes", "on"),
    "tag:yaml.org,2002:null": lambda _text: None,
}

type_names = {"object": "a mapping", "array": "a list", "string": "text", "integer": "a number"}

Where = tuple[str | int, ...]
_TOO_DEEP = "nested too deep; no data file needs that"


class Document:
    """One catalogue file: its ``data``, and the line of everything in it."""

    def __init__(self, name: str, text: str) -> None:
        """Parse ``text``; ``name`` is how messages call the file (``data/builds/exchangese.yml``)."""
        self.name = name
        try:
            node = yaml.compose(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            if "nesting depth" in str(error.problem):  # PyYAML 6.0.4 has a limit of its own
                raise CatalogError(f"{name}:{line}: {_TOO_DEEP}") from error
            raise CatalogError(
                f"{name}:{line}: not valid YAML: {error.problem or error.context}; "
                "check indentation, quotes and brackets on this line and the one above"
            ) from error
        except yaml.YAMLError as error:
            raise CatalogError(f"{name}:1: not valid YAML: {error}; save it as UTF-8") from error
        if node is None:
            raise CatalogError(f"{name}:1: the file is empty; write its content or remove it")
        self._node: yaml.Node = node
        self._built: set[int] = set()
        try:
            self.data: Any = self._value(node)
        except RecursionError as error:
            raise CatalogError(f"{name}:1: {_TOO_DEEP}") from error

    def line(self, where: Iterable[str | int]) -> int:
        """The line (from 1) of the value at a path of keys and indexes, or of its nearest parent."""
        node = self._node
        for part in where:
            child = _child(node, part)
            if child is None:
                break
            node = child
        return int(node.start_mark.line) + 1

    def fail(self, where: Iterable[str | int], what: str, cure: str) -> NoReturn:
        """Raise a :class:`CatalogError` that names file, line, fault and cure."""
        raise CatalogError(f"{self.name}:{self.line(where)}: {what}; {cure}")

    def _value(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            plain = _PLAIN.get(node.tag)
            if plain is None:
                return node.value
            try:
                return plain(node.value)
            except ValueError:  # 0x1f, 1_000, 0o17 ... : keep what was written
                return node.value
        # An alias may lead to itself, or a few of them to a billion values.
        if id(node) in self._built:
            raise CatalogError(
                f"{self.name}:{node.start_mark.line + 1}: what stands here is repeated with an "
                "alias (*name) elsewhere in the file; write it out there"
            )
        self._built.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item) for item in node.value]
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if key in result:
                raise CatalogError(
                    f"{self.name}:{key_node.start_mark.line + 1}: the key {key!r} stands twice "
                    "in the same mapping; keep one of them"
                )
            result[key] = self._value(value_node)
        return result


def _child(node: Any, part: str | int) -> Any:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return node.value[part] if part < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None


def read(root: Path, path: Path, schema: str) -> Document:
    """Read and validate one file; raises :class:`CatalogError` with file, line and cure."""
    name = path.relative_to(root.parent).as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogError(f"{name}:1: cannot be read: {error.strerror}; check the file") from error
    except UnicodeDecodeError as error:
        raise CatalogError(f"{name}:1: is not UTF-8: {error.reason}; save it as UTF-8") from error
    document = Document(name, text)
    _check_version(document)
    _check_schema(document, schema)
    return document


def _check_version(document: Document) -> None:
    data = document.data
    if not isinstance(data, dict):
        document.fail((), "the file is not a mapping", "start it with 'schema: 1'")
    version = data.get("schema")
    number = version if isinstance(version, int) and not isinstance(version, bool) else 0
    if number == _SCHEMA_VERSION:
        return
    if number > _SCHEMA_VERSION:
        document.fail(
            ("schema",),
            f"schema version {version} is from the future, this release reads {_SCHEMA_VERSION}",
            "upgrade the collection, or use the file of this release",
        )
    document.fail(
        ("schema",) if "schema" in data else (),
        f"schema version is {version!r}",
        f"write 'schema: {_SCHEMA_VERSION}'",
    )


@cache
def validator(schema: str) -> Draft202012Validator:
    """The validator of ``schemas/catalog-<schema>.schema.json``."""
    path = _SCHEMAS / f"catalog-{schema}.schema.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(content)
    return Draft202012Validator(_inline(content, content.get("$defs", {})))


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    """Put definitions where they are referred to: resolving them anew halves the speed."""
    if isinstance(schema, list):
        return [_inline(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    return {key: _inline(value, definitions) for key, value in schema.items() if key != "$defs"}


def _check_schema(document: Document, schema: str) -> None:
    errors = list(validator(schema).iter_errors(document.data))
    if not errors:
        return
    error = best_match(errors)
    where: Where = tuple(error.absolute_path)
    what, cure = _explain(error)
    document.fail(where, what, cure)


def _explain(error: Any) -> tuple[str, str]:
    """Say in the words of the file what a schema error means and what cures it."""
    field = str(error.absolute_path[-1]) if error.absolute_path else "the file"
    rule, wanted, found = error.validator, error.validator_value, error.instance
    hint = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    if rule == "pattern":
        return f"{field} {found!r} is not {hint or f'of the form {wanted}'}", _cure(error)
    if rule == "enum":
        return f"{field} {found!r} is not one of {', '.join(map(str, wanted))}", "use one of those"
    if rule == "required":
        missing = [key for key in wanted if key not in found]
        return f"{', '.join(missing)} is missing", "add it, as the neighbouring entries do"
    if rule == "additionalProperties":
        known = error.schema.get("properties", {})
        extra = [key for key in found if key not in known]
        return f"unknown key {', '.join(map(repr, extra))}", f"known are {', '.join(known)}"
    if rule == "type":
        return f"{field} is {found!r}, not {type_names.get(str(wanted), wanted)}", _cure(error)
    return f"{field}: {error.message}", _cure(error)


def _cure(error: Any) -> str:
    examples = error.schema.get("examples") if isinstance(error.schema, dict) else None
    return f"write it as {examples[0]}" if examples else "see the schema beside the catalogue"

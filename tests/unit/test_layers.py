# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of data as a test: arrows never turn back, and whoever decides touches nothing.

``plan -> judge -> model <- catalog`` on one side, ``transport -> powershell`` on the other;
the entry points (``cli*``, Ansible's plugins) see all of them, and none of them sees those.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2] / "plugins" / "plugin_utils"

# A room imports only rooms with a smaller number.
_LAYERS = {
    "base": 0,
    "catalog": 1,
    "facts": 1,
    "case": 1,
    "report": 1,
    "judge": 2,
    "host": 2,
    "trust": 3,
    "rehearsal": 3,
    "plan": 4,
    "render": 4,
    "change": 5,
    "install": 6,
    "iis_module": 6,
    "microsoft": 6,
    "phases": 7,
    "fleet": 8,
    "tasks": 8,
    "cli": 9,
}
# Inside a room, where its parts have an order too; a part that is not named is the last one.
_INSIDE = {
    "host": (("operations",), ("transport",), ("calls", "jobs", "transfer")),
    "rehearsal": (("world",), ("engine",), ("scenario", "engines", "wsman"), ("fleet",)),
}

# These decide. The standard library's modules in the list neither read nor wait for anything.
_DECIDES = ("catalog", "judge", "plan")
_HARMLESS = {
    "__future__",
    "base64",
    "binascii",
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "fnmatch",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "rfc8785",
    "string",
    "textwrap",
    "types",
    "typing",
}
# The catalogue reads its own files; a plan of a fleet is read, signed and written in one file.
_READS_ITS_DATA = {"catalog": {"pathlib", "yaml", "jsonschema"}}
_TOUCHES = ("plan/fleet.py",)
_FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
_FORBIDDEN_METHODS = {
    "now",
    "utcnow",
    "today",
    "write_text",
    "write_bytes",
    "mkdir",
    "unlink",
    "rename",
    "replace_file",
    "touch",
    "rmdir",
    "chmod",
    "home",
    "cwd",
    "expanduser",
}


class Import(NamedTuple):
    where: str
    room: str
    target: str  # a room of plugin_utils, or the top package of somebody else
    ours: bool


def _room(path: Path) -> str:
    return path.relative_to(_ROOT).parts[0].removesuffix(".py")


def _sources(room: str | None = None) -> list[Path]:
    return sorted(path for path in _ROOT.rglob("*.py") if room in (None, _room(path)))


def _deciding(room: str) -> list[Path]:
    return [p for p in _sources(room) if p.relative_to(_ROOT).as_posix() not in _TOUCHES]


def _targets(node: ast.AST, folder: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name.partition(".")[0], False) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield (node.module or "").partition(".")[0], False
    elif isinstance(node, ast.ImportFrom):
        above = node.level - 1
        if above > len(folder):
            yield "(outside plugin_utils)", True
            return
        base = folder[: len(folder) - above]
        inside = (*base, *(node.module.split(".") if node.module else ()))
        yield from ((inside[0] if inside else alias.name, True) for alias in node.names)


@cache
def _tree(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def _imports(path: Path) -> tuple[Import, ...]:
    folder = path.relative_to(_ROOT).parts[:-1]
    return tuple(
        Import(f"{path.relative_to(_ROOT)}:{getattr(node, 'lineno', 0)}", _room(path), target, ours)
        for node in _tree(path)
        for target, ours in _targets(node, folder)
    )


def _module(path: Path) -> str:
    return ".".join(path.relative_to(_ROOT).with_suffix("").parts)


def _files_imported(path: Path) -> set[str]:
    """The files of the toolkit that a file takes names from."""
    folder = path.relative_to(_ROOT).parts[:-1]
    found = set()
    for node in _tree(path):
        if not isinstance(node, ast.ImportFrom) or node.level == 0:
            continue
        base = ".".join((*folder[: len(folder) - node.level + 1], *filter(None, [node.module])))
        for name in (base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)):
            if (_ROOT / f"{name.replace('.', '/')}.py").is_file():
                found.add(name)
    return found - {_module(path)}


def _strongly_connected(arrows: dict[str, set[str]]) -> list[set[str]]:
    """Tarjan's groups of nodes that reach each other."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in arrows[node]:
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            place = stack.index(node)
            groups.append(set(stack[place:]))
            del stack[place:]

    for node in arrows:
        if node not in order:
            visit(node)
    return groups


def _all_imports() -> list[Import]:
    return [found for path in _sources() for found in _imports(path)]


def test_the_root_holds_rooms_only() -> None:
    assert not sorted(path.name for path in _ROOT.iterdir() if path.is_file())
    assert {path.name for path in _ROOT.iterdir() if any(path.rglob("*.py"))} == set(_LAYERS)


def test_arrows_never_turn_back() -> None:
    wrong = []
    for found in _all_imports():
        if not found.ours or found.target == found.room:
            continue
        if _LAYERS.get(found.target, 99) >= _LAYERS[found.room]:
            wrong.append(f"{found.where}: {found.room} imports {found.target}")

    assert not wrong, "\n".join(wrong)


def _part(room: str, module: str) -> int:
    inside = module.removeprefix(f"{room}.").partition(".")[0]
    order = _INSIDE[room]
    return next((place for place, names in enumerate(order) if inside in names), len(order))


@pytest.mark.parametrize("room", _INSIDE)
def test_the_parts_of_a_room_have_an_order(room: str) -> None:
    wrong = [
        f"{_module(path)} imports {target}"
        for path in _sources(room)
        for target in _files_imported(path)
        if target.startswith(f"{room}.") and _part(room, target) > _part(room, _module(path))
    ]

    assert not wrong, "\n".join(wrong)


def test_no_files_import_each_other_in_a_circle() -> None:
    """Types included: whoever names the type of another file cannot be read without it."""
    arrows = {_module(path): _files_imported(path) for path in _sources()}

    circles = [circle for circle in _strongly_connected(arrows) if len(circle) > 1]

    assert not circles, "\n".join(f"circle: {', '.join(sorted(circle))}" for circle in circles)


def test_a_circle_is_found() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"d"}}

    assert [c for c in _strongly_connected(arrows) if len(c) > 1] == [{"a", "b", "c"}]


def test_the_toolkit_imports_no_ansible() -> None:
    wrong = [
        found.where
        for found in _all_imports()
        if not found.ours and found.target in ("ansible", "ansible_collections")
    ]

    assert not wrong


def test_no_import_leaves_the_toolkit() -> None:
    wrong = [found.where for found in _all_imports() if found.target.startswith("(outside")]

    assert not wrong


@pytest.mark.parametrize("room", _DECIDES)
def test_whoever_decides_imports_nothing_that_touches_the_world(room: str) -> None:
    allowed = _HARMLESS | _READS_ITS_DATA.get(room, set())
    wrong = [
        f"{found.where}: {found.target}"
        for path in _deciding(room)
        for found in _imports(path)
        if not found.ours and found.target not in allowed
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", _DECIDES)
def test_whoever_decides_opens_nothing_and_asks_no_clock(room: str) -> None:
    wrong = []
    for path in _deciding(room):
        for node in _tree(path):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", None)
            method = getattr(node.func, "attr", None)
            if name in _FORBIDDEN_CALLS or method in _FORBIDDEN_METHODS:
                wrong.append(f"{path.relative_to(_ROOT)}:{node.lineno}: {name or method}()")

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "target", "ours"),
    [
        ("from ..model import Build", "model", True),
        ("from .. import model", "model", True),
        ("from . import checks", "judge", True),
        ("from .facts import text", "judge", True),
        ("from ...action import report", "(outside plugin_utils)", True),
        ("import os.path", "os", False),
        ("from urllib.request import urlopen", "urllib", False),
        ("def f():\n    import socket", "socket", False),
    ],
)
def test_the_walk_sees_imports_of_every_form(source: str, target: str, ours: bool) -> None:  # noqa: FBT001
    found = [item for node in ast.walk(ast.parse(source)) for item in _targets(node, ("judge",))]

    assert (target, ours) in found

# SPDX-License-Identifier: GPL-3.0-or-later
"""Only ``host/calls`` speaks to the scripts: nobody else names one in a call or checks its reply."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(loader.__file__).parents[2]
# The host's own rooms, the simulated one, and the reader of facts, which is below the host.
_MAY = ("host", "rehearsal", "facts")
_SESSIONS = ("change/session.py", "install/host.py")  # they carry what a call sends
_DATA = ("Step",)  # a plan names its operations as data
_REPLIES = ("result", "reply", "answer", "found")


def _files() -> list[Path]:
    files = [path for path in _ROOT.rglob("*.py") if path.relative_to(_ROOT).parts[0] not in _MAY]
    return sorted(files)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _operations_in_calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) not in _DATA:
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            for argument in arguments:
                if isinstance(argument, ast.Constant) and argument.value in loader.operations():
                    yield f"line {node.lineno}: {argument.value}"


def _asks(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _name(node.func)
            asked = name == "ask" and isinstance(node.func, ast.Attribute)
            if asked or name == "Operation":
                yield f"line {node.lineno}: {name}"


def _reply_checks(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and _name(node.func) == "isinstance"):
            continue
        what, kind = node.args
        if _name(kind) == "dict" and _name(what) in _REPLIES:
            yield f"line {node.lineno}: isinstance({ast.unparse(what)}, dict)"


@pytest.mark.parametrize("path", _files(), ids=lambda path: path.relative_to(_ROOT).as_posix())
def test_nobody_else_speaks_to_a_script(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    carries = path.relative_to(_ROOT).as_posix() in _SESSIONS

    assert not list(_operations_in_calls(tree))
    assert not list(_reply_checks(tree))
    assert carries or not list(_asks(tree))


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ('session.change("Undo-Mitigation", {}, "s")', _operations_in_calls),
        ('session.change(operation="Undo-Mitigation")', _operations_in_calls),
        ("host.ask(NAME, {})", _asks),
        ("transport.run(Operation(NAME))", _asks),
        ("x = reply.result if isinstance(reply.result, dict) else {}", _reply_checks),
    ],
)
def test_the_rules_see_what_they_forbid(code: str, rule: object) -> None:
    assert callable(rule)
    assert list(rule(ast.parse(code)))

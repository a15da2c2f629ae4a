# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever follows the guides of docs/contributing.md finds what they name, and what they add works."""

from __future__ import annotations

import ast
import re
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import loader as catalog

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import mutants

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = mutants.ROOT
PLUGINS = "plugins/plugin_utils"
PAGES = ("docs/contributing.md", "docs/architecture.md")
OPERATION, INDICATOR = "Adding an operation of a host", "Adding an indicator"

# What checks a new operation, by the file without which the check knows nothing of it.
CHECKS = {
    "host/operations/loader.py": "tests/unit/host/operations/test_loader.py",
    "host/operations/contract.py": "tests/unit/host/operations/test_contract.py",
    "rehearsal/engines/model/registry.py": "tests/unit/rehearsal/engines/model/test_engine.py",
    "host/calls/core.py": "tests/unit/test_layers.py",
}
_BLOCK = re.compile(
    r"(New file|At the end of) `([^`]+)`:\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE
)
_PATH = re.compile(r"`([\w.-]+/(?:[\w.-]+/)*[\w.-]*)`")
_NAME = re.compile(r"`(\w+)`\s+\(`([^`]+\.py)`\)")


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _section(title: str) -> str:
    return _page(PAGES[0]).partition(f"## {title}\n")[2].partition("\n## ")[0]


def _place(path: str) -> Path:
    """A path of the guides: below the root where it starts with a folder of the root."""
    inside = f"{PLUGINS}/{path}"
    return Path(path if (ROOT / path.partition("/")[0]).is_dir() else inside)


def _blocks(title: str) -> list[tuple[str, str, str]]:
    """How, where and what: the blocks of a guide that are to be written into a file."""
    return [(how, path, text) for how, path, text in _BLOCK.findall(_section(title))]


def _paths() -> set[str]:
    """Every path of the pages; folders that the row of a room names lie in that room."""
    new = {path for path in (block[1] for block in _blocks(OPERATION)) if "Get-HostName" in path}
    prose = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
    found = set()
    for line in (line for page in PAGES for line in prose.sub("", _page(page)).splitlines()):
        paths = _PATH.findall(line)
        room = paths[0] if re.match(r"\| \d \| ", line) else ""
        found |= {path if path == room else f"{room}{path}" for path in paths}
    return found - new


@cache
def _top_level(path: Path) -> set[str]:
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("path", sorted(_paths()))
def test_a_path_of_the_guides_exists(path: str) -> None:
    assert (ROOT / _place(path)).exists()


@pytest.mark.parametrize(("name", "path"), sorted(set(_NAME.findall(_page(PAGES[0])))))
def test_a_name_of_the_guides_exists(name: str, path: str) -> None:
    assert name in _top_level(ROOT / _place(path))


def _write(root: Path, block: tuple[str, str, str]) -> None:
    how, path, text = block
    file = root / _place(path)
    if how == "New file":
        assert file.parent.is_dir(), f"there is no area {file.parent.name}"
        assert not file.exists()
        file.write_text(text, encoding="utf-8")
    else:
        file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.fixture
def copy() -> Iterator[Path]:
    with mutants.copied(ROOT) as checkout:
        yield checkout


def test_an_operation_is_added_as_the_guide_says(copy: Path) -> None:
    blocks = _blocks(OPERATION)
    assert len(blocks) == 3
    for block in blocks:
        _write(copy, block)
    tests = list(CHECKS.values())

    code, output = mutants.run_tests(copy, tests, 120)

    assert code == 0, output
    assert "Get-HostName" in mutants.run_tests(copy, [tests[0], "--collect-only"], 60)[1]


def test_an_operation_that_only_has_its_script_is_found(copy: Path) -> None:
    """Whoever forgets the model hears it from the check that the guide relies on."""
    _write(copy, _blocks(OPERATION)[0])

    code, output = mutants.run_tests(copy, [CHECKS["rehearsal/engines/model/registry.py"]], 120)

    assert code == 1, output
    assert "Get-HostName" in output


def test_an_indicator_is_added_as_the_guide_says(tmp_path: Path) -> None:
    ((how, path, text),) = _blocks(INDICATOR)
    root = tmp_path / "data"
    shutil.copytree(catalog.ROOT, root)
    file = root / path.removeprefix("catalog/data/")
    assert how == "At the end of"
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")

    before, after = (load.indicators(file.stem) for load in (catalog.load(), catalog.load(root)))

    assert before
    assert after
    assert len(after.indicators) == len(before.indicators) + 1
    assert after.indicators[:-1] == before.indicators
    assert after.indicators[-1].value in text

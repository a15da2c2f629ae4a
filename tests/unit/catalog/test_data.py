# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts lie in one place, every file of it is read, and names that code uses are there."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.failures import failure

if TYPE_CHECKING:
    from pathlib import Path

ROOT = loader.ROOT
TOOLKIT = ROOT.parents[1]
SCENARIOS = TOOLKIT / "rehearsal" / "scenario" / "scenarios"
DEVICES = TOOLKIT / "render" / "templates"  # what their templates want, beside them
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file())


def test_every_data_file_is_of_the_catalogue_a_scenario_or_a_device() -> None:
    elsewhere = [
        path.relative_to(TOOLKIT).as_posix()
        for path in TOOLKIT.rglob("*.y*ml")
        if not {ROOT, SCENARIOS, DEVICES} & set(path.parents)
    ]
    assert not elsewhere


def test_the_catalogue_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    real = loader.read

    def read(root: Path, path: Path, schema: str) -> loader.Document:
        names.append(path.relative_to(root).as_posix())
        return real(root, path, schema)

    monkeypatch.setattr(loader, "read", read)
    loader.load(ROOT)
    assert sorted(names) == FILES


def test_every_schema_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    used = set()
    real = loader.read

    def read(root: Path, path: Path, schema: str) -> loader.Document:
        used.add(f"catalog-{schema}.schema.json")
        return real(root, path, schema)

    monkeypatch.setattr(loader, "read", read)
    loader.load(ROOT)
    assert used == {path.name for path in (ROOT.parent / "schemas").iterdir()}


@pytest.mark.parametrize("file", FILES)
def test_a_key_that_no_schema_knows_is_found_in_every_file(copied: Path, file: str) -> None:
    path = copied / file
    text = path.read_text(encoding="utf-8").replace("schema: 1\n", "schema: 1\ncolour: red\n", 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as error:
        loader.load(copied)
    assert str(error.value).startswith(f"catalog/{file}:")
    assert "unknown key 'colour'; known are " in str(error.value)


def test_only_the_reader_of_documents_opens_files() -> None:
    reading = {
        path.relative_to(ROOT.parent).as_posix()
        for path in ROOT.parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"read_text", "read_bytes", "open"}
    }
    assert reading == {"documents.py"}


def _texts(folder: str) -> set[str]:
    return {
        node.value
        for path in (TOOLKIT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _names_given_to_failure() -> set[str]:
    calls = (
        node
        for path in TOOLKIT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "failure" and node.args
    )
    first = (call.args[0] for call in calls)
    return {arg.value for arg in first if isinstance(arg, ast.Constant)}


def test_every_failure_that_code_names_is_in_the_catalogue() -> None:
    names = _names_given_to_failure()
    assert {"half-patch", "setup-broke-off", "front-end-broken"} <= names
    assert names <= set(loader.load().failures())


def test_every_failure_of_the_catalogue_is_named_by_code() -> None:
    assert set(loader.load().failures()) <= _texts("install") | _texts("phases")


def test_a_failure_carries_what_was_seen() -> None:
    found = failure("half-patch", "OWA is old")
    assert (found.failure, found.detail) == ("half-patch", "OWA is old")
    assert found.source == "Microsoft KB5000871, known issues"
    with pytest.raises(KeyError):
        failure("no-such-name")

# SPDX-License-Identifier: GPL-3.0-or-later
"""One version, one checkout, no copy that shadows it, nothing unfinished."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import version
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import main as cli

ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_the_checkout_is_what_is_imported() -> None:
    assert Path(cli.__file__).resolve() == ROOT / "plugins/plugin_utils/cli/main.py"


def test_there_is_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert project["version"] == galaxy["version"] == version.VERSION
    newest = re.search(r"^## v(\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == version.VERSION


def test_built_collection_leaves_out_what_git_ignores() -> None:
    """Caches and case folders (evidence!) must not travel with the collection."""
    ignored = {
        line.strip("/")
        for line in (ROOT / ".gitignore").read_text().splitlines()
        if "*" not in line[:2]
    } - {"__pycache__"}  # ansible-galaxy leaves byte code out by itself
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert ignored <= set(galaxy["build_ignore"])


def test_licence_and_name_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert project["license"] == galaxy["license"][0] == "GPL-3.0-or-later"
    assert (galaxy["namespace"], galaxy["name"]) == ("exchange", "remediation")


def test_ansible_floor_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())
    (core,) = [item for item in project["dependencies"] if item.startswith("ansible-core")]
    assert runtime["requires_ansible"].startswith(core.removeprefix("ansible-core").split()[0])


def test_every_dependency_and_floor_has_its_reason() -> None:
    block = re.search(
        r"^dependencies = \[\n(.*?)^\]",
        (ROOT / "pyproject.toml").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert block
    without = [line for line in block[1].splitlines() if "#" not in line]
    assert not without


def test_sources_carry_their_licence_line() -> None:
    # What templates make for an operator is no source; the template carries the line.
    made = ROOT / "tests" / "unit" / "render" / "golden"
    without = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix in {".py", ".ps1", ".psm1", ".cs", ".sh", ".j2"}
        and not path.is_relative_to(made)
        and "SPDX-License-Identifier: GPL-3.0-or-later"
        not in path.read_text(encoding="utf-8")[:400]
    ]
    assert not without


def test_collection_folders_are_namespace_packages() -> None:
    assert not [path for path in tracked() if path.name == "__init__.py"]


def test_nothing_unfinished_is_checked_in() -> None:
    # Written apart, so that this file does not find itself.
    marks = ("NotImplemented" + "Error", "TO" + "DO", "FIX" + "ME", "assert Tr" + "ue$")
    words = re.compile("|".join(rf"\b{mark}" for mark in marks), re.MULTILINE)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if path.suffix in {".py", ".ps1", ".psm1", ".cs", ".sh", ".yml", ".md", ".j2"}
        for match in words.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_no_unused_development_link() -> None:
    link = ROOT / ".dev/ansible_collections/exchange/remediation"
    assert link.is_symlink()
    assert link.resolve() == ROOT

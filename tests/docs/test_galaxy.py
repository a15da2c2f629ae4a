# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball beside a bare ansible-core: a clear message, then with its requirements a whole run."""

from __future__ import annotations

import re
import shutil
import venv
from pathlib import Path

import pytest
import yaml
from other_environment import run

# Packages are installed, on a machine that may have other things to do.
pytestmark = pytest.mark.timeout(1200)
ROOT = Path(__file__).resolve().parents[2]
NAME = "exchange.remediation"
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
DOCUMENTED = {
    "module": sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py")),
    "connection": sorted(path.stem for path in (ROOT / "plugins/connection").glob("*.py")),
    "inventory": sorted(path.stem for path in (ROOT / "plugins/inventory").glob("*.py")),
    "role": sorted(path.name for path in (ROOT / "roles").iterdir()),
}
HOST = "ex01 ansible_host=127.0.0.1 ansible_user=u ansible_password=p ansible_connection=exchange.remediation.winrm"
CLI = "ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main"
PIP = ("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")


class Galaxy:
    """A folder with an inventory, a virtual environment, and the collections that were installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "venv"
        self.collections = folder / "collections"
        self.root = self.collections / "ansible_collections/exchange/remediation"

    def run(self, *command: str | Path, codes: tuple[int, ...] = (0,)) -> str:
        return run(
            *command, cwd=self.folder, path=self.path, codes=codes,
            ANSIBLE_COLLECTIONS_PATH=str(self.collections), PYTHONPATH=str(self.collections),
            COLUMNS="500",
        )  # fmt: skip


def assert_told(said: str, galaxy: Galaxy) -> None:
    assert "missing: " in said, said
    assert "jsonschema>=" in said
    assert f"-m pip install -r {galaxy.root}/requirements.txt" in said
    assert str(galaxy.path / "bin/python") in said, "which interpreter"
    assert "python3 -m venv" in said
    assert "ansible-builder" in said
    # Ansible's words for what it takes for a bug; it ends with status 250 then.
    for word in ("Traceback", "probably a bug", "unexpected", "Unexpected"):
        assert word not in said


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, clone: Path) -> Galaxy:
    """Nothing but ansible-core, and the tarball as Galaxy would install it."""
    galaxy = Galaxy(tmp_path_factory.mktemp("galaxy"))
    venv.create(galaxy.path, with_pip=True)
    galaxy.run(*PIP, "ansible-core")
    galaxy.run("ansible-galaxy", "collection", "build", clone, "--output-path", galaxy.folder)
    (built,) = galaxy.folder.glob("*.tar.gz")
    galaxy.run("ansible-galaxy", "collection", "install", built, "-p", galaxy.collections)
    (galaxy.folder / "hosts").write_text(f"[exchange]\n{HOST}\n")
    (galaxy.folder / "rehearsal.yml").write_text(f"plugin: {NAME}.rehearsal\n")
    return galaxy


@pytest.fixture(scope="module")
def complete(bare: Galaxy, tmp_path_factory: pytest.TempPathFactory) -> Galaxy:
    """The same with ``pip install -r requirements.txt`` of the installed collection."""
    galaxy = Galaxy(tmp_path_factory.mktemp("complete"))
    venv.create(galaxy.path, with_pip=True)
    shutil.copytree(bare.collections, galaxy.collections)
    galaxy.run(*PIP, "-r", galaxy.root / "requirements.txt")
    return galaxy


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_bare_playbook_names_what_is_missing_and_the_cure(bare: Galaxy, playbook: str) -> None:
    said = bare.run("ansible-playbook", "-i", "hosts", f"{NAME}.{playbook}", codes=(1, 2))
    assert_told(said, bare)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_bare_playbook_can_be_read(bare: Galaxy, playbook: str) -> None:
    bare.run("ansible-playbook", "-i", "hosts", "--syntax-check", f"{NAME}.{playbook}")
    bare.run("ansible-playbook", "-i", "hosts", "--list-tasks", f"{NAME}.{playbook}")


@pytest.mark.parametrize("action", DOCUMENTED["module"])
def test_bare_action_names_what_is_missing_and_the_cure(bare: Galaxy, action: str) -> None:
    said = bare.run("ansible", "-i", "hosts", "all", "-m", f"{NAME}.{action}", codes=(1, 2))
    assert_told(said, bare)


def test_bare_connection_names_what_is_missing_and_the_cure(bare: Galaxy) -> None:
    command = ("ansible", "-i", "hosts", "all", "-m", "ansible.builtin.raw", "-a", "whoami")
    assert_told(bare.run(*command, codes=(2,)), bare)


def test_bare_inventory_names_what_is_missing_and_the_cure(bare: Galaxy) -> None:
    said = bare.run("ansible-inventory", "-i", "rehearsal.yml", "--list")
    assert_told(said, bare)
    strict = "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=1"  # as the command has it
    assert_told(
        bare.run("env", strict, "ansible-inventory", "-i", "rehearsal.yml", "--list", codes=(1,)),
        bare,
    )


def test_bare_command_names_what_is_missing_and_the_cure(bare: Galaxy) -> None:
    assert_told(bare.run("python", "-m", CLI, "catalog", "campaigns", codes=(2,)), bare)


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_documentation_is_shown_whatever_is_missing(bare: Galaxy, kind: str) -> None:
    for name in DOCUMENTED[kind]:
        shown = bare.run("ansible-doc", "-t", kind, f"{NAME}.{name}")
        assert f"{NAME}.{name}".upper() in shown.upper()
        assert "[ERROR]" not in shown


def test_library_that_is_too_old_is_named(complete: Galaxy) -> None:
    packages = next(complete.path.glob("lib/python*/site-packages"))
    (info,) = packages.glob("filelock-*.dist-info")
    metadata = info / "METADATA"
    before = metadata.read_text()
    metadata.write_text(re.sub(r"(?m)^Version: .*$", "Version: 3.0.12", before))
    try:
        said = complete.run("python", "-m", CLI, "catalog", "campaigns", codes=(2,))
    finally:
        metadata.write_text(before)
    assert "too old: filelock 3.0.12 (>=" in said
    assert "missing: " not in said


def test_complete_installation_assesses_a_rehearsal(complete: Galaxy) -> None:
    state = complete.folder / "state"
    listed = complete.run("ansible-galaxy", "collection", "list", NAME)
    assert str(complete.collections) in listed
    command = ("python", "-m", CLI)
    complete.run(
        *command, "rehearse", "up", "--scenario", "small", "--state", state, "--port", "0", "--stop-after", "5"
    )  # fmt: skip
    try:
        played = complete.run(
            "ansible-playbook", "-i", state / "inventory.yml", f"{NAME}.assess",
            "-e", f"report_cases={complete.folder / 'played'}",
        )  # fmt: skip
        shown = complete.run(
            *command, "assess", "--inventory", state / "inventory.yml",
            "--cases", complete.folder / "cases", codes=(3,),
        )  # fmt: skip
        for playbook in PLAYBOOKS:
            complete.run(
                "ansible-playbook", "-i", state / "inventory.yml", f"{NAME}.{playbook}", "--check",
                codes=(0, 2),
            )  # fmt: skip
    finally:
        complete.run(*command, "rehearse", "down", "--state", state)
    assert "failed=0" in played
    assert "ex01" in shown
    assert list(complete.folder.glob("played/*/report/report.html"))
    assert list(complete.folder.glob("cases/*/report/report.html"))


def test_links_of_the_shipped_pages_lead_to_shipped_files(bare: Galaxy) -> None:
    missing = [
        f"{page.name}: {target}"
        for page in [bare.root / "README.md", *(bare.root / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not missing


def test_shipped_inventory_is_one(complete: Galaxy) -> None:
    place = complete.root / "inventories/production.example"
    shown = complete.run("ansible-inventory", "-i", place, "--list", "--yaml")
    assert "exchange" in yaml.safe_load(shown.partition("[WARNING]")[0])["all"]["children"]

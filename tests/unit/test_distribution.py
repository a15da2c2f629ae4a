# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shipped, and what it says it needs: for pip, for Galaxy, for execution environments."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import requirements
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
# For people, or written by ansible-galaxy; what runs is in the wheel too.
ONLY_GALAXY = {"FILES.json", "MANIFEST.json", "changelogs", "docs"}
ONLY_WHEEL = {"galaxy.yml"}
HERE = "ansible_collections/exchange/remediation/"


def run(*command: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)], cwd=ROOT, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as ``ansible-galaxy collection build`` packs it, unpacked."""
    folder = tmp_path_factory.mktemp("galaxy")
    run("ansible", "galaxy", "collection", "build", "--output-path", folder, ROOT)
    (built,) = folder.glob("*.tar.gz")
    # The program and not the function: Debian 12's Python 3.11.2 has no filters yet, later ones warn without.
    run("tarfile", "--extract", built, folder / HERE)
    return folder / HERE


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of the wheel below the folder of the collection."""
    folder = tmp_path_factory.mktemp("wheel")
    run("build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    names = zipfile.ZipFile(built).namelist()
    return {name.removeprefix(HERE) for name in names if name.startswith(HERE)}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def tops(names: Iterable[str]) -> set[str]:
    return {name.partition("/")[0] for name in names}


def listed(name: str) -> list[str]:
    """The requirements in a file, without its comments and references."""
    lines = (ROOT / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r "))]


def test_requirements_are_those_of_the_project() -> None:
    project = PROJECT["project"]
    assert listed(requirements.ALL) == project["dependencies"]
    assert listed(requirements.KERBEROS) == project["optional-dependencies"]["kerberos"]
    assert f"-r {requirements.ALL}\n" in (ROOT / requirements.KERBEROS).read_text()


def test_generator_writes_what_is_checked_in(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    for name in ("pyproject.toml", "scripts/requirements.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run([sys.executable, tmp_path / "scripts/requirements.py"], check=True, timeout=60)
    for name in (requirements.ALL, requirements.KERBEROS):
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), "run `make docs`"


def test_oldest_python_is_the_same_everywhere() -> None:
    oldest = ".".join(map(str, requirements.PYTHON))
    assert PROJECT["project"]["requires-python"] == f">={oldest}"


def test_tarball_holds_what_the_wheel_holds_and_documentation(
    tarball: Path, wheel: set[str]
) -> None:
    shipped = files(tarball)
    assert tops(shipped) - ONLY_GALAXY == tops(wheel) - ONLY_WHEEL
    assert {name for name in shipped if tops([name]) <= tops(wheel)} == wheel - ONLY_WHEEL


def test_wheel_holds_what_the_project_names_and_nothing_else(wheel: set[str]) -> None:
    assert tops(wheel) == set(PROJECT["tool"]["hatch"]["build"]["only-include"])


def test_nothing_is_shipped_that_only_a_checkout_can_run(tarball: Path, wheel: set[str]) -> None:
    shipped = files(tarball) | wheel
    assert not {name for name in shipped if name.endswith((".sh", ".pyc")) or "__pycache__" in name}
    assert not {name for name in shipped if Path(name).name.startswith(".")}
    assert not [path for path in tarball.rglob("*") if path.is_symlink()]


def test_playbooks_and_roles_name_nothing_by_a_path_of_the_checkout(tarball: Path) -> None:
    named = [
        f"{path.relative_to(tarball)}: {role}"
        for path in (tarball / "playbooks").glob("*.yml")
        for play in yaml.safe_load(path.read_text())
        for task in play.get("tasks", [])
        for key in ("ansible.builtin.import_role", "ansible.builtin.include_role")
        if key in task
        and not (role := task[key]["name"]).startswith("exchange.remediation.")
    ]  # fmt: skip
    assert not named


def test_execution_environment_finds_python_and_system_requirements(tarball: Path) -> None:
    """What ansible-builder reads from the collection, as it lies in an execution environment."""
    said = yaml.safe_load(run("ansible_builder", "introspect", tarball.parents[2]))
    python = {Requirement(line.partition("#")[0]) for line in said["python"]}
    project = PROJECT["project"]
    named = project["dependencies"] + project["optional-dependencies"]["kerberos"]
    wanted = {Requirement(line) for line in named}
    # These come with the image, and ansible-builder lets no collection choose them.
    assert python == {w for w in wanted if w.name.lower() not in {"ansible-core", "pyyaml"}}
    system = "\n".join(said["system"])
    for package in ("gcc", "libkrb5-dev", "krb5-user", "krb5-devel", "krb5-workstation"):
        assert package in system

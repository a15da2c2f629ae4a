# SPDX-License-Identifier: GPL-3.0-or-later
"""Every ``console`` block of the README and the documentation is run, in order, in a fresh clone.

A block in another language (``sh``, ``yaml``, ``text``) is for a real fleet and is only checked for
syntax. ``$ command`` lines are run; ``# exit 3`` behind a command is its expected exit status.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ (.*?)(?:\s+# exit ([0-9|]+))?$", re.MULTILINE)
# `make test` runs these tests, so it cannot be run by them; `.ci/run` is its proof.
_NOT_FROM_HERE = {"make test", "make bench"}


@dataclass(frozen=True)
class Block:
    page: Path
    language: str
    text: str


def blocks(*languages: str) -> list[Block]:
    return [
        Block(page, match[1], match[2])
        for page in PAGES
        for match in _FENCE.finditer(page.read_text())
        if match[1] in languages
    ]


def commands(page: Path) -> list[tuple[str, set[int]]]:
    found = []
    for block in blocks("console"):
        if block.page == page:
            for match in _COMMAND.finditer(block.text):
                codes = {int(code) for code in (match[2] or "0").split("|")}
                if match[1] not in _NOT_FROM_HERE:
                    found.append((match[1], codes))
    return found


def run_page(page: Path, clone: Path) -> None:
    environment = {
        key: value
        for key, value in os.environ.items()
        # As a stranger: nothing of the developer's virtual environment or Ansible settings.
        if key
        not in {
            "VIRTUAL_ENV",
            "ANSIBLE_CONFIG",
            "ANSIBLE_COLLECTIONS_PATH",
            "MAKEFLAGS",
            "MAKELEVEL",
        }
    }
    environment["PATH"] = os.pathsep.join(
        [str(clone / ".venv/bin")]
        + [part for part in os.environ["PATH"].split(os.pathsep) if not part.startswith(str(ROOT))]
    )
    for command, codes in commands(page):
        done = subprocess.run(
            ["bash", "-c", command], cwd=clone, env=environment, capture_output=True, text=True,
            timeout=600, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode in codes, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


@pytest.mark.timeout(1200)  # packages are installed
def test_readme_commands_work_in_a_fresh_clone(clone: Path) -> None:
    assert ("make rehearse", {0}) in commands(ROOT / "README.md")
    run_page(ROOT / "README.md", clone)
    reports = list((clone / "cases").glob("*/report/report.html"))
    assert reports, "the README's `make rehearse` left no HTML report"
    for page in PAGES[1:]:
        run_page(page, clone)


@pytest.mark.parametrize("block", blocks("sh", "bash"), ids=lambda block: block.page.name)
def test_shell_for_a_real_fleet_has_no_syntax_error(block: Block) -> None:
    subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)


@pytest.mark.parametrize("block", blocks("yaml", "yml"), ids=lambda block: block.page.name)
def test_yaml_in_the_documentation_is_yaml(block: Block) -> None:
    assert yaml.safe_load(block.text) is not None


def links() -> list[tuple[Path, str]]:
    return [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target
    ]


@pytest.mark.parametrize(
    ("page", "target"), links(), ids=lambda value: str(value).rsplit("/", 1)[-1]
)
def test_links_lead_to_files(page: Path, target: str) -> None:
    assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"

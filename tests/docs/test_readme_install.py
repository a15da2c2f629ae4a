# SPDX-License-Identifier: GPL-3.0-or-later
"""Each way of the README's chapter "Install", to the letter, in an empty home folder."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from other_environment import run

# Packages are installed and compiled, on a machine that may have other things to do.
pytestmark = pytest.mark.timeout(1200)
ROOT = Path(__file__).resolve().parents[2]
CHAPTER = (ROOT / "README.md").read_text().partition("\n## Install\n")[2].partition("\n## ")[0]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
NAME = "exchange.remediation"


def way(title: str) -> str:
    """All commands of one way."""
    _, found, rest = CHAPTER.partition(f"**{title}**")
    assert found, f"the README has no way {title}"
    return "\n".join(["set -e", *_BLOCK.findall(rest.partition("\n**")[0])])


def shell(script: str, folder: Path, home: Path) -> str:
    # What is python3 on the path is what runs these tests. What pip compiles, it compiles once a machine.
    cache = os.environ.get("PIP_CACHE_DIR") or Path("~/.cache/pip").expanduser()
    return run(
        "bash", "-c", script, cwd=folder, path=Path(sys.prefix), seconds=1100,
        HOME=str(home), ANSIBLE_HOME=str(home / ".ansible"), PIP_CACHE_DIR=str(cache),
    )  # fmt: skip


def test_with_pip(clone: Path, tmp_path: Path) -> None:
    assert "exchange-remediation 0." in shell(way("With pip"), clone, tmp_path)
    shell("~/exchange/bin/python -c 'import gssapi, kerberos, krb5'", clone, tmp_path)


def test_from_galaxy(clone: Path, tmp_path: Path) -> None:
    """It is not on Galaxy from here: the tarball that would be there is installed."""
    shell(f"ansible-galaxy collection build . --output-path {tmp_path}", clone, tmp_path)
    (built,) = tmp_path.glob("*.tar.gz")
    script = way("From Galaxy")
    install = f"collection install {NAME}\n"
    assert script.count(install) == 1
    work = tmp_path / "work"
    work.mkdir()
    said = shell(script.replace(install, f"collection install {built}\n"), work, tmp_path)
    assert "playbook: " in said
    assert "Exchange Server 2016 CU19" in said
    shell("~/exchange/bin/python -c 'import gssapi, kerberos, krb5'", work, tmp_path)


def test_packages_of_debian_are_those_of_bindep() -> None:
    named = set(CHAPTER.partition("apt-get install ")[2].partition("\n")[0].split())
    listed = {
        line.split()[0]
        for line in (ROOT / "bindep.txt").read_text().splitlines()
        if line and line[0] != "#" and "platform:rpm" not in line
    }
    assert named - {"python3-venv"} == listed

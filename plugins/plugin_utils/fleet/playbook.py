# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook of this collection with real Ansible, safely set up, and read what it says.

No import of ansible: it runs in a process of its own, as an operator would start it.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError
from ..base.sanitize import clean_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_LINES = 15
# What the project's ansible.cfg says, for a run from anywhere. Set in the environment, an
# operator's own value wins where he has one, except for those that keep the controller safe and
# the report whole: a file of the inventory that cannot be read, or a name in --limit that no host
# has, is but a warning to Ansible, and the hosts behind it would be missing without a word (I3).
_DEFAULTS = {"ANSIBLE_FORKS": "50", "ANSIBLE_TASK_TIMEOUT": "900", "ANSIBLE_NOCOLOR": "1"}
_FIXED = {
    "ANSIBLE_INJECT_FACT_VARS": "False",
    "ANSIBLE_DUPLICATE_YAML_DICT_KEY": "error",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
    "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
}
_HOSTS = re.compile(r"^    hosts \((\d+)\):\n((?:      \S+\n)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Playbook:
    """One run of a playbook; ``variables`` win over those of the operator in ``extra``."""

    name: str  # with the collection's name: exchange.remediation.assess
    inventories: tuple[Path, ...]
    variables: Mapping[str, Any] = field(default_factory=dict)
    extra: tuple[str, ...] = ()  # as given to --extra-vars
    limit: str | None = None
    options: tuple[str, ...] = ()

    def command(self) -> list[str]:
        """Return the whole command line."""
        command = [sys.executable, "-m", "ansible", "playbook", self.name]
        for given in (*self.extra, json.dumps(dict(self.variables))):
            command += ["--extra-vars", given]
        for inventory in self.inventories:
            command += ["--inventory", str(inventory)]
        command += ["--limit", self.limit] if self.limit else []
        return command + list(self.options)

    def limited(self, pattern: str | None) -> Playbook:
        """Return the same for some of the hosts."""
        return replace(self, limit=pattern)

    def run(self, log: Path, *, show: bool) -> int:
        """Run it with its output in ``log`` (0600, new) or on stderr; returns its exit status."""
        self.check()
        try:
            log.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise ConfigError(f"--cases: {log} cannot be made: {error.strerror}") from None
        with os.fdopen(descriptor, "wb") as output:
            done = subprocess.run(  # noqa: S603 - our own interpreter, arguments as a list
                self.command(),
                stdout=sys.stderr if show else output,
                stderr=subprocess.STDOUT,
                env=environment(os.environ),
                check=False,
            )
        return done.returncode

    def hosts(self) -> tuple[str, ...]:
        """Return the hosts that it would run on, by name; asks none of them."""
        self.check()
        done = subprocess.run(  # noqa: S603 - our own interpreter, arguments as a list
            replace(self, options=(*self.options, "--list-hosts")).command(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(os.environ) | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
            check=False,
        )
        text = done.stdout.decode("utf-8", errors="replace")
        plays = [(int(count), names.split()) for count, names in _HOSTS.findall(text)]
        if done.returncode or not plays or any(count != len(names) for count, names in plays):
            say(text.splitlines())
            raise ConfigError(
                f"Ansible ended with status {done.returncode} and no list of hosts, see above"
            )
        found = tuple(sorted({name for _, names in plays for name in names}))
        if not found:
            raise ConfigError(
                "no host to run on: is there a group exchange with hosts in the inventory, and does "
                "--limit name hosts of it?"
            )
        return found

    def check(self) -> None:
        """Refuse an inventory that is not there: to Ansible that is but a warning."""
        for inventory in self.inventories:
            if not inventory.exists():
                raise ConfigError(f"--inventory {inventory}: no such file or folder")


def environment(known: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for Ansible: this copy of the collection first, safe settings."""
    # Not resolved: in a checkout the way here leads through .dev.
    home = str(Path(__file__).absolute().parents[6])
    paths = [home, *filter(None, [known.get("ANSIBLE_COLLECTIONS_PATH")])]
    return {**_DEFAULTS, **known, **_FIXED, "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(paths)}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the options of every command that runs a playbook; ``ansible`` is what follows ``--``."""
    command.add_argument(
        "-i", "--inventory", action="append", type=Path, required=True,
        help="inventory file or folder; may be given several times",
    )  # fmt: skip
    command.add_argument(
        "--cases", type=Path, default=Path("cases"), help="folder of case folders (default: %(default)s)"
    )  # fmt: skip
    command.add_argument("--show", action="store_true", help="show what Ansible prints, on stderr")


def say(lines: list[str]) -> None:
    """Print why a run failed: what stands before the first play, else the end."""
    said = [line for line in lines if line.strip()]
    before = list(itertools.takewhile(lambda line: not line.startswith("PLAY "), said))
    for line in before[:_LINES] or said[-_LINES:]:
        sys.stderr.write(f"{clean_text(line)}\n")


def say_log(log: Path) -> None:
    """Print why a run failed, from its log."""
    say(log.read_text(encoding="utf-8", errors="replace").splitlines())

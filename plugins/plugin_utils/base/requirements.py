# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be installed beside this collection, and what to tell whoever lacks it.

``ansible-galaxy`` installs no Python package, so whoever imports the toolkit does it inside of
:func:`required`: an entry point then ends with the names of what is missing and the cure, and not
with "No module named", which Ansible reports as a bug. This file must be readable for interpreters
that are too old for the rest, and imports nothing but the standard library before it has looked.
"""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PYTHON = (3, 11)
ALL = "requirements.txt"
KERBEROS = "requirements-kerberos.txt"
_COLLECTION = Path(__file__).absolute().parents[3]


@contextmanager
def required(error: Callable[[str], Exception]) -> Iterator[None]:
    """Guard the imports of an entry point.

    :raises error: with names and cure, if something is missing, too old or cannot be loaded. It is
        the error of the caller, so that Ansible shows it as such.
    """
    problems = unmet()
    if problems:
        raise error(explain(problems))
    try:
        yield
    except ImportError as broken:
        raise error(explain((f"cannot be loaded: {broken}",))) from broken


def unmet() -> tuple[str, ...]:
    """Return what is missing and what is too old, by name (measured: 5 ms)."""
    if sys.version_info < PYTHON:
        running, needed = (".".join(map(str, number)) for number in (sys.version_info[:3], PYTHON))
        return (f"too old: Python {running} (>={needed} is needed)",)
    try:
        from packaging import requirements  # noqa: PLC0415 - may be what is missing
    except ImportError:
        return ("missing: packaging",)
    try:
        lines = (_COLLECTION / ALL).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        return (f"{_COLLECTION / ALL} cannot be read ({error.strerror}): install it again",)
    missing, old = [], []
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        wanted = requirements.Requirement(line)
        found = _version(wanted.name)
        if not found:
            missing.append(str(wanted))
        elif not wanted.specifier.contains(found, prereleases=True):
            old.append(f"{wanted.name} {found} ({wanted.specifier} is needed)")
    named = (("missing", missing), ("too old", old))
    return tuple(f"{word}: {', '.join(names)}" for word, names in named if names)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def explain(problems: tuple[str, ...]) -> str:
    """Return one paragraph: what is wrong with which interpreter, and the cure."""
    said = f"exchange.remediation cannot run with {_interpreter()}: {'; '.join(problems)}."
    return f"{said} {cure()}"


def cure(file: str = ALL) -> str:
    """Return how to install what a file of requirements names, wherever Ansible may run."""
    path = shlex.quote(str(_COLLECTION / file))
    outdated = sys.version_info < PYTHON
    pip = f"with pip, for the interpreter that runs Ansible: {_interpreter()} -m pip install -r {path}"
    newest = f"python{PYTHON[0]}.{PYTHON[1]}" if outdated else "python3"
    venv = (
        "in a virtual environment of its own, as Debian 12 and newer want it (externally managed): "
        f"{newest} -m venv ~/exchange && ~/exchange/bin/pip install -r {path}, then ~/exchange/bin/ansible-playbook"
    )
    image = "in an execution environment: build it with ansible-builder, this collection among its dependencies"
    ways = (venv, image) if outdated else (pip, venv, image)
    return f"Install what it needs - {' - or '.join(ways)}."


def _interpreter() -> str:
    return shlex.quote(sys.executable or "python3")

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

    from packaging.requirements import Requirement

PYTHON = (3, 11)
ALL = "requirements.txt"
KERBEROS = "requirements-kerberos.txt"
_COLLECTION = Path(__file__).absolute().parents[3]
_OURS = __name__.partition("plugins.")[0]  # ansible_collections.exchange.remediation.


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
    except Exception as broken:
        package = _broken_package(broken)
        if package is None:
            raise  # of our own making
        raise error(explain((f"cannot be loaded: {package} ({_said(broken)})",))) from broken


def unmet() -> tuple[str, ...]:
    """Return what is missing and what is too old, by name (measured: 5 ms)."""
    if sys.version_info < PYTHON:
        running, needed = (".".join(map(str, number)) for number in (sys.version_info[:3], PYTHON))
        return (f"too old: Python {running} (>={needed} is needed)",)
    try:
        from packaging import requirements  # noqa: PLC0415 - may be what is missing
    except ModuleNotFoundError:
        return ("missing: packaging",)
    except Exception as broken:  # noqa: BLE001 - a damaged library raises whatever it likes
        return (f"cannot be loaded: packaging ({_said(broken)})",)
    path = _COLLECTION / ALL
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        return (f"{path} cannot be read ({why}): install it again",)
    wanted = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            try:
                wanted.append(requirements.Requirement(line))
            except ValueError as error:
                return (f"{path}, line {number}, is no requirement ({error}): install it again",)
    return _unmet(wanted)


def _unmet(wanted: list[Requirement]) -> tuple[str, ...]:
    named: dict[str, list[str]] = {"missing": [], "too old": [], "damaged": []}
    for one in wanted:
        try:
            found = metadata.version(one.name)
            fits = one.specifier.contains(found, prereleases=True)
        except metadata.PackageNotFoundError:
            named["missing"].append(str(one))
        except Exception as error:  # noqa: BLE001 - what a damaged package says of itself
            named["damaged"].append(f"{one.name} ({_said(error)})")
        else:
            if not fits:
                named["too old"].append(f"{one.name} {found} ({one.specifier} is needed)")
    return tuple(f"{word}: {', '.join(names)}" for word, names in named.items() if names)


def _broken_package(error: BaseException) -> str | None:
    """Return whose import raised this, or ``None`` where only our own code took part.

    Python leaves the frames of its import machinery out of a traceback only where a module was
    executed; a file that could not be read or compiled is known by those or by its own error.
    """
    found = None
    trace = error.__traceback__
    # The first frames are this file and whatever stands inside of ``required``.
    trace = trace.tb_next.tb_next if trace and trace.tb_next else None
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        if frame.f_code.co_name == "<module>":
            name = frame.f_globals.get("__name__")
        elif frame.f_code.co_filename.startswith("<frozen importlib"):
            name = frame.f_locals.get("fullname") or frame.f_locals.get("name")
        else:
            continue
        if isinstance(name, str) and not f"{name}.".startswith(_OURS):
            found = name
    if isinstance(error, SyntaxError) and error.filename:
        file = Path(error.filename)
        if not file.is_relative_to(_COLLECTION):
            return str(file)
    return found


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


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

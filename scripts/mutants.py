#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show the power of the tests: deliberate bugs, each of which a test must catch.

The bugs stand in ``tests/mutants/<room>.yml``. ``check`` is fast and looks whether each one still
applies. ``run`` copies the checkout, puts one bug after the other into the copy and expects that
the tests named beside it fail. The checkout itself is never changed, whoever is killed.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("tests/mutants")
LAYERS = ("cases", "unit", "powershell", "integration", "roles")
MOST_PER_FILE = 4
_FIELDS = ("id", "file", "old", "new", "layer", "tests", "breaks")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SECONDS = 180.0  # for the tests of one mutant
_FIRST = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
# The bug must be one of behaviour: what cannot even be loaded is caught by anything.
_NO_BEHAVIOUR = re.compile(
    r"^E\s+(SyntaxError|IndentationError|ImportError|ModuleNotFoundError|NameError)\b", re.MULTILINE
)
_PASSED = re.compile(r"\b[1-9]\d* passed\b")
_FAILED_TESTS = 1  # pytest: all were collected and run, some failed


class MutantError(Exception):
    """The list of mutants is wrong."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One deliberate bug: ``old`` becomes ``new`` in ``file``; one of ``tests`` must fail."""

    room: str
    id: str
    file: str
    old: str
    new: str
    layer: str
    tests: tuple[str, ...]
    breaks: str

    def applied_to(self, text: str) -> str:
        """Return the text with the bug in it."""
        return text.replace(self.old, self.new, 1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one mutant: ``killed``, ``hung``, ``survived``, ``invalid``, ``not judged``."""

    word: str
    seconds: float = 0.0
    detail: str = ""

    @property
    def good(self) -> bool:
        """Whether a test has caught it; one that never ends is noticed as well."""
        return self.word in ("killed", "hung")


def load(root: Path) -> list[Mutant]:
    """Read every room; raises :class:`MutantError` for a wrong shape."""
    found = []
    for path in sorted((root / FOLDER).glob("*.yml")):
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(rows, list):
            raise MutantError(f"{path}: it is no list of mutants; begin each with '- id:'")
        found += [_mutant(path, row) for row in rows]
    if not found:
        raise MutantError(f"{root / FOLDER}: there is no mutant; write one into <room>.yml")
    return found


def _mutant(path: Path, row: Any) -> Mutant:
    if not isinstance(row, dict) or set(row) != set(_FIELDS):
        name = row.get("id") if isinstance(row, dict) else row
        raise MutantError(f"{name}: {path}: it must have exactly {', '.join(_FIELDS)}")
    texts = [name for name in _FIELDS if name != "tests" and not isinstance(row[name], str)]
    tests = row["tests"]
    if not isinstance(tests, list) or not all(isinstance(test, str) for test in tests):
        texts.append("tests")
    if texts or not tests:
        wrong = ", ".join(texts) or "tests"
        raise MutantError(f"{row['id']}: {path}: {wrong} must be text (tests: a list of it)")
    return Mutant(path.stem, **{**row, "tests": tuple(tests)})


def check(root: Path) -> list[str]:
    """Say what is wrong with the list: one line each, with id, file and cure."""
    try:
        mutants = load(root)
    except (MutantError, yaml.YAMLError) as error:
        return [str(error)]
    problems = [line for mutant in mutants for line in _problems(root, mutant)]
    for name, count in Counter(mutant.id for mutant in mutants).items():
        if count > 1:
            problems.append(f"{name}: {FOLDER}: {count} mutants have this id; rename one")
    for file, count in Counter(mutant.file for mutant in mutants).items():
        if count > MOST_PER_FILE:
            names = ", ".join(mutant.id for mutant in mutants if mutant.file == file)
            problems.append(
                f"{names}: {file}: {count} mutants in one file, more than {MOST_PER_FILE}; "
                "spread them"
            )
    return problems


def _problems(root: Path, mutant: Mutant) -> Iterator[str]:
    about = f"{mutant.id}: {mutant.file}"
    if not _ID.fullmatch(mutant.id):
        yield f"{about}: the id is not kebab-case; use small letters, digits and single dashes"
    if mutant.layer not in LAYERS:
        yield f"{about}: layer {mutant.layer} is none of {', '.join(LAYERS)}; name one of them"
    if mutant.old == mutant.new:
        yield f"{about}: old and new are the same; change one thing"
    path = root / mutant.file
    count = path.read_text(encoding="utf-8").count(mutant.old) if path.is_file() else None
    if count is None:
        yield f"{about}: there is no such file; write where it is now"
    elif count != 1:
        yield f"{about}: old occurs {count} times there; make it a text that occurs exactly once"
    for test in mutant.tests:
        if not (root / test.partition("::")[0]).exists():
            yield f"{about}: there is no test {test}; write where it is now"


# Running -----------------------------------------------------------------------------------


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """Make a copy of everything that git knows or would add; it is gone afterwards."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, check=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as name:
        copy = Path(name) / "checkout"
        for file in filter(None, listed.stdout.decode().split("\0")):
            source, target = root / file, copy / file
            if source.is_symlink() or source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        yield copy


def environment(copy: Path) -> dict[str, str]:
    """Return the environment in which the copy is imported, by the tests and by what they start."""
    return os.environ | {
        "ANSIBLE_CONFIG": str(copy / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(copy / ".dev"),
        "PYTHONPATH": str(copy / ".dev"),
        # A bug must not get through because its command was not drawn today.
        "SWEEP_SEED": "all",
        # A mutant may have size and time stamp of the original: no bytecode is kept of either.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run_tests(copy: Path, tests: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """Run some tests of a copy; returns pytest's exit status (``None``: too long) and output."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=short", "-p", "no:cacheprovider"]
    with subprocess.Popen(
        [*command, *tests], cwd=copy, env=environment(copy), text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            _end(process.pid)
    return process.returncode, output


def _end(group: int) -> None:
    """End what the tests have left running."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def judge(code: int | None, output: str, seconds: float) -> Verdict:
    """Say what the tests made of a mutant."""
    if code is None:
        return Verdict("hung", seconds, "no end in time")
    first = _FIRST.search(output)
    detail = first[1] if first else ""
    if code == _FAILED_TESTS:
        found = _NO_BEHAVIOUR.search(output)
        return (
            Verdict("invalid", seconds, found[1]) if found else Verdict("killed", seconds, detail)
        )
    if code == 0:
        return Verdict("survived", seconds)
    return Verdict("invalid", seconds, f"pytest ended with {code} {detail}".rstrip())


class Runner:
    """Runs mutants, each in a copy that no other one uses at that time."""

    def __init__(self, copies: Sequence[Path], seconds: float, say: Callable[[str], None]) -> None:
        self._copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for copy in copies:
            self._copies.put(copy)
        self._workers = len(copies)
        self._seconds = seconds
        self._say = say
        self._told = threading.Lock()

    def run(self, mutants: Sequence[Mutant]) -> list[Verdict]:
        """Run the tests as they are, then with each mutant."""
        lists = list(dict.fromkeys(mutant.tests for mutant in mutants))
        with ThreadPoolExecutor(self._workers) as pool:
            # All of these are begun before the first mutant waits for one.
            plain = {tests: pool.submit(self._without, tests) for tests in lists}
            return list(pool.map(lambda one: self._with(one, *plain[one.tests].result()), mutants))

    @contextmanager
    def _copy(self) -> Iterator[Path]:
        copy = self._copies.get()
        try:
            yield copy
        finally:
            self._copies.put(copy)

    def _without(self, tests: tuple[str, ...]) -> tuple[str, float]:
        """Say why tests judge nothing, empty where they pass, and how long they may take.

        Skipped ones judge nothing; slow ones must not be taken for tests that never end.
        """
        began = time.monotonic()
        with self._copy() as copy:
            code, output = run_tests(copy, tests, 2 * self._seconds)
        limit = max(self._seconds, 2 * (time.monotonic() - began))
        first = _FIRST.search(output)
        if code == 0:
            return "" if _PASSED.search(output) else "its tests are skipped here", limit
        return f"its tests fail without it ({first[1] if first else code})", limit

    def _with(self, mutant: Mutant, objection: str, limit: float) -> Verdict:
        found = None if objection else self._try(mutant, limit)
        verdict = found or Verdict("not judged", detail=objection)
        with self._told:
            line = f"{verdict.word:10} {verdict.seconds:6.1f} s  {mutant.room}/{mutant.id}"
            self._say(f"{line}  {verdict.detail}".rstrip())
        return verdict

    def _try(self, mutant: Mutant, limit: float) -> Verdict:
        with self._copy() as copy:
            path = copy / mutant.file
            text = path.read_text(encoding="utf-8")
            began = time.monotonic()
            try:
                path.write_text(mutant.applied_to(text), encoding="utf-8")
                code, output = run_tests(copy, mutant.tests, limit)
            finally:
                path.write_text(text, encoding="utf-8")
        return judge(code, output, time.monotonic() - began)


def summary(verdicts: Sequence[Verdict]) -> str:
    """Count them in one line."""
    words = Counter(verdict.word for verdict in verdicts)
    killed = f"{words['killed'] + words['hung']} killed"
    hung = f" ({words['hung']} of them hung)" if words["hung"] else ""
    rest = f", {words['not judged']} not judged" if words["not judged"] else ""
    return (
        f"{len(verdicts)} mutants: {killed}{hung}, {words['survived']} survived, "
        f"{words['invalid']} invalid{rest}"
    )


def chosen(mutants: Sequence[Mutant], only: Sequence[str]) -> list[Mutant]:
    """Return those of the named ids and rooms, in their order; all of them for no name."""
    known = {name for mutant in mutants for name in (mutant.id, mutant.room)}
    if strange := sorted(set(only) - known):
        raise MutantError(f"{', '.join(strange)}: neither a mutant nor a room of {FOLDER}")
    return [m for m in mutants if not only or m.id in only or m.room in only]


def _say(line: str) -> None:
    print(line, flush=True)


def _check(_args: argparse.Namespace) -> int:
    problems = check(ROOT)
    for line in problems:
        _say(line)
    if not problems:
        _say(f"{len(load(ROOT))} mutants apply")
    return int(bool(problems))


def _run(args: argparse.Namespace) -> int:
    if _check(args):
        return 1
    mutants = chosen(load(ROOT), args.only)
    workers = max(1, min(args.workers, len(mutants)))
    with copied(ROOT) as first, tempfile.TemporaryDirectory(prefix="mutants-") as more:
        copies = [first, *(Path(more) / str(number) for number in range(1, workers))]
        for copy in copies[1:]:
            shutil.copytree(first, copy, symlinks=True)
        verdicts = Runner(copies, args.seconds, _say).run(mutants)
    _say(summary(verdicts))
    return int(not all(verdict.good for verdict in verdicts))


def main() -> int:
    """Check or run; 1 if something is wrong or not caught."""
    parser = argparse.ArgumentParser(description="Deliberate bugs that the tests must catch.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("check", help="look whether each still applies").set_defaults(act=_check)
    run = commands.add_parser("run", help="put in one after the other and run its tests")
    run.add_argument("--only", nargs="+", default=[], metavar="ID|ROOM", help="default: all")
    run.add_argument("--workers", type=int, default=1, help="default: %(default)s")
    run.add_argument("--seconds", type=float, default=_SECONDS, help="for the tests of a mutant")
    run.set_defaults(act=_run)
    args = parser.parse_args()
    try:
        return int(args.act(args))
    except MutantError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())

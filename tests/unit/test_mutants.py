# SPDX-License-Identifier: GPL-3.0-or-later
"""The deliberate bugs of tests/mutants still apply, and what looks after them sees what is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import mutants

ROOT = mutants.ROOT

BUG: dict[str, Any] = {
    "id": "limit-off", "file": "room.py", "old": "< 3", "new": "<= 3", "layer": "unit",
    "tests": ["test_room.py"], "breaks": "One too many is let in.",
}  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one file, one test that looks at its limit, and no mutant yet."""
    (tmp_path / "room.py").write_text("def fits(n):\n    return n < 3\n")
    (tmp_path / "test_room.py").write_text(
        "from room import fits\n\n\ndef test_limit():\n    assert not fits(3)\n"
    )
    (tmp_path / "conftest.py").write_text("import sys\nsys.path.insert(0, '.')\n")
    (tmp_path / mutants.FOLDER).mkdir(parents=True)
    return tmp_path


def write(checkout: Path, *bugs: dict[str, Any]) -> None:
    (checkout / mutants.FOLDER / "room.yml").write_text(yaml.safe_dump(list(bugs)))


def test_every_mutant_applies() -> None:
    assert mutants.check(ROOT) == []


def test_there_are_some_for_every_room_and_many_on_the_host() -> None:
    known = mutants.load(ROOT)
    assert len(known) >= 66
    assert min(Counter(mutant.room for mutant in known).values()) >= 2
    assert sum(mutant.file.endswith((".ps1", ".yml")) for mutant in known) >= 12


def test_a_good_list_has_no_problem(checkout: Path) -> None:
    write(checkout, BUG)
    assert mutants.check(checkout) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"old": "> 3"}, "limit-off: room.py: old occurs 0 times there; make it a text that"),
        ({"old": "n"}, "limit-off: room.py: old occurs 3 times there; make it a text that"),
        ({"new": "< 3"}, "limit-off: room.py: old and new are the same; change one thing"),
        ({"file": "gone.py"}, "limit-off: gone.py: there is no such file; write where it is now"),
        ({"tests": ["test_gone.py::test_x"]}, "limit-off: room.py: there is no test test_gone.py"),
        ({"layer": "hope"}, "limit-off: room.py: layer hope is none of cases, unit"),
        ({"id": "Limit_Off"}, "Limit_Off: room.py: the id is not kebab-case; use small letters"),
        ({"tests": []}, "tests must be text"),
        ({"why": "x"}, "it must have exactly id, file, old"),
    ],
)
def test_what_is_wrong_is_said_with_id_file_and_cure(
    change: dict[str, Any], said: str, checkout: Path
) -> None:
    write(checkout, BUG | change)
    (problem,) = mutants.check(checkout)
    assert said in problem


def test_an_id_is_used_once(checkout: Path) -> None:
    write(checkout, BUG, BUG)
    (problem,) = mutants.check(checkout)
    assert "limit-off" in problem
    assert "2 mutants have this id; rename one" in problem


def test_a_file_has_no_more_than_the_limit(checkout: Path) -> None:
    count = mutants.MOST_PER_FILE + 1
    write(checkout, *(BUG | {"id": f"limit-{number}"} for number in range(count)))
    (problem,) = mutants.check(checkout)
    assert problem.startswith("limit-0, limit-1, ")
    assert f"room.py: {count} mutants in one file, more than {mutants.MOST_PER_FILE}" in problem


@pytest.mark.parametrize("text", ["", "{}", "- a\n- b", "[:"])
def test_a_list_that_is_none_is_a_problem_and_no_traceback(text: str, checkout: Path) -> None:
    (checkout / mutants.FOLDER / "room.yml").write_text(text)
    assert len(mutants.check(checkout)) == 1


@pytest.mark.parametrize(
    ("code", "output", "word"),
    [
        (0, "1 passed", "survived"),
        (1, "FAILED tests/test_a.py::test_b - assert 1 == 2", "killed"),
        (1, "E   NameError: name 'x' is not defined\nFAILED tests/test_a.py::test_b", "invalid"),
        (2, "ERROR tests/test_a.py", "invalid"),
        (5, "no tests ran", "invalid"),
        (None, "", "hung"),
    ],
)
def test_exit_status_of_the_tests_decides(code: int | None, output: str, word: str) -> None:
    assert mutants.judge(code, output, 1.0).word == word


def test_the_summary_counts_every_end() -> None:
    words = ("killed", "killed", "hung", "survived", "invalid", "not judged")
    assert mutants.summary([mutants.Verdict(word) for word in words]) == (
        "6 mutants: 3 killed (1 of them hung), 1 survived, 1 invalid, 1 not judged"
    )


def test_only_takes_ids_and_rooms_and_refuses_others(checkout: Path) -> None:
    write(checkout, BUG, BUG | {"id": "other"})
    known = mutants.load(checkout)
    assert [m.id for m in mutants.chosen(known, ["other"])] == ["other"]
    assert mutants.chosen(known, ["room"]) == mutants.chosen(known, []) == known
    with pytest.raises(mutants.MutantError, match="nobody: neither a mutant nor a room"):
        mutants.chosen(known, ["nobody"])


def test_mutants_run_in_a_copy_that_leaves_the_checkout_alone(checkout: Path) -> None:
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=checkout, check=True)
    bugs = (
        BUG,
        BUG | {"id": "same-limit", "new": "< 4 - 1"},
        BUG | {"id": "no-judge", "tests": ["test_skipped.py"]},
    )
    (checkout / "test_skipped.py").write_text(
        "import pytest\n\n\n@pytest.mark.skip\ndef test_nothing(): ...\n"
    )
    write(checkout, *bugs)
    before = (checkout / "room.py").read_text()
    said: list[str] = []
    with mutants.copied(checkout) as copy:
        verdicts = mutants.Runner([copy], 60.0, said.append).run(mutants.load(checkout))
        assert (copy / "room.py").read_text() == before
    assert [v.word for v in verdicts] == ["killed", "survived", "not judged"]
    assert "room/limit-off  test_room.py::test_limit" in said[0]
    assert (checkout / "room.py").read_text() == before
    assert not copy.exists()

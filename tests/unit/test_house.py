# SPDX-License-Identifier: GPL-3.0-or-later
"""The house is as its documents say: rooms have a sentence, names are unique, paths exist."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
TOOLKIT = PLUGINS / "plugin_utils"
ARCHITECTURE = ROOT / "docs" / "architecture.md"

# Classes that share their name with another one, and why that is still so. The list only shrinks:
# whoever gives one a name of its own strikes it here.
_SEVERAL_MEANINGS = "named before there were so many rooms; each gets the name of its own thing"
_EACH_PHASE = "each phase, and each protocol, calls what it is asked for by this word"
DOUBLES = {"_Run": "the order of work of one room, which nobody else names"}
OTHER_NAMES = {"options.py", "models.py", "prechecks.py", "postconditions.py", "kind.py"}


@cache
def _classes() -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(TOOLKIT.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(path.relative_to(TOOLKIT).as_posix())
    return dict(found)


def _rooms_with_a_sentence() -> dict[str, str]:
    """Room -> its sentence: ``| 1 | `facts/` | ... |`` and ``| `plugins/action/` | ... |``."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    row = re.compile(r"^\| (?:\d \| )?`([a-z_/]+)/` \| ([^|]+) \|", re.MULTILINE)
    return dict(row.findall(text))


def _folders(place: Path) -> set[str]:
    return {path.name for path in place.iterdir() if path.is_dir() and path.name != "__pycache__"}


def test_the_root_of_the_toolkit_holds_rooms_only() -> None:
    assert not [path.name for path in TOOLKIT.iterdir() if path.is_file()]


def test_every_room_has_its_sentence() -> None:
    rooms = _folders(TOOLKIT)
    rooms |= {f"plugins/{name}" for name in _folders(PLUGINS) - {"plugin_utils"}}
    assert set(_rooms_with_a_sentence()) == rooms


def test_a_sentence_is_one() -> None:
    wrong = [
        room
        for room, sentence in _rooms_with_a_sentence().items()
        if not re.fullmatch(r"[^.]+(?:\.[a-z/][^.]*)*\.", sentence)
    ]
    assert not wrong


def test_the_layers_of_the_table_are_those_of_the_test() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    documented = re.findall(r"^\| (\d) \| `([a-z_]+)/` \|", text, re.MULTILINE)
    tree = ast.parse((ROOT / "tests/unit/test_layers.py").read_text(encoding="utf-8"))
    layers = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_LAYERS"
    )
    assert {room: int(layer) for layer, room in documented} == layers


def test_a_class_has_a_name_of_its_own() -> None:
    doubles = {name: files for name, files in _classes().items() if len(files) > 1}
    new = {name: files for name, files in doubles.items() if name not in DOUBLES}
    assert not new, "give it the name of its thing"


@pytest.mark.parametrize("name", DOUBLES)
def test_a_name_that_is_unique_by_now_is_struck_from_the_list(name: str) -> None:
    assert len(_classes().get(name, ())) > 1, f"strike {name} from DOUBLES"


def test_files_of_a_phase_have_the_names_of_the_document() -> None:
    phases = TOOLKIT / "phases"
    otherwise = {
        path.relative_to(phases).as_posix()
        for path in phases.glob("*/*.py")
        if path.name in OTHER_NAMES
    }
    assert not otherwise


def test_no_phase_imports_another() -> None:
    phases = _folders(TOOLKIT / "phases")
    wrong = [
        f"{path.relative_to(TOOLKIT)} imports {node.module}"
        for path in (TOOLKIT / "phases").glob("*/**/*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.level == len(path.relative_to(TOOLKIT / "phases").parts)
        and (node.module or "").partition(".")[0] in phases
    ]
    assert not wrong


def _paths_of_readme() -> list[str]:
    rows = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [cell for row in rows if row.startswith("| ") for cell in row.split(" | ")[1:]]
    return [path for cell in cells for path in re.findall(r"`([^`\s]+/[^`\s]*)`", cell)]


def test_the_table_of_the_readme_names_what_exists() -> None:
    """A path there is below the root, or below plugin_utils."""
    paths = _paths_of_readme()
    missing = [p for p in paths if not any(place.exists() for place in (ROOT / p, TOOLKIT / p))]
    assert paths
    assert not missing


def test_every_room_can_be_found_from_the_readme() -> None:
    firsts = {path.partition("/")[0] for path in _paths_of_readme()}
    assert _folders(TOOLKIT) <= firsts


# Files that documents, docstrings and comments name: `host/jobs/driver.py`, ``plan/fleet.py``.
_NAMED_FILE = re.compile(r"`((?:[\w.-]+/)+[\w.*-]+\.(?:py|ps1|yml|schema\.json))`")
_FOLLOWED = {"architecture.md", "contributing.md"}
# The page of host operations counts from the room of hosts, the catalogue from its data.
_BASES = {"docs/host-operations.md": TOOLKIT / "host"}
_DATA = TOOLKIT / "catalog" / "data"


def _pages() -> list[Path]:
    """All but the two that test_guide.py follows."""
    docs = [path for path in (ROOT / "docs").glob("*.md") if path.name not in _FOLLOWED]
    pages = [ROOT / "README.md", *docs, *ROOT.glob("tests/*/README.md")]
    return [*pages, *PLUGINS.rglob("*.md"), *PLUGINS.rglob("*.py")]


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    name = page.relative_to(ROOT).as_posix()
    bases = (ROOT, TOOLKIT, page.parent, page.parent.parent, _BASES.get(name, _DATA))
    missing = [
        path
        for path in _NAMED_FILE.findall(page.read_text(encoding="utf-8"))
        if not any(list(base.glob(path)) for base in bases)
    ]
    assert not missing

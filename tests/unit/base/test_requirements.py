# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever lacks a package is told which one and how to get it, wherever the toolkit is entered."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible.errors import AnsibleError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import requirements
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ROOT / "plugins"
GUARD = "plugin_utils.base.requirements"
# Documentation alone, which ansible-doc must show whatever is missing.
DOCUMENTS = ("modules", "doc_fragments", "module_utils")
ENTRIES = sorted(
    path
    for folder in PLUGINS.iterdir()
    if folder.name not in (*DOCUMENTS, "plugin_utils")
    for path in folder.rglob("*.py")
)
COMMAND = PLUGINS / "plugin_utils/cli/main.py"
BEFORE_THE_GUARD = [*ENTRIES, COMMAND, *(PLUGINS / f"plugin_utils/base/{n}.py" for n in ("requirements", "errors"))]  # fmt: skip


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is installed besides, or instead of, what is: a name with an empty version is not."""
    real, other = metadata.version, dict[str, str]()

    def version(name: str) -> str:
        if other.get(name) == "":
            raise metadata.PackageNotFoundError(name)
        return other.get(name) or real(name)

    monkeypatch.setattr(metadata, "version", version)
    return other


def test_nothing_is_missing_here() -> None:
    assert requirements.unmet() == ()


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("jsonschema", "", r"missing: jsonschema>=4\.21"),
        ("rfc8785", "", r"missing: rfc8785>="),
        ("cryptography", "41.0.7", r"too old: cryptography 41\.0\.7 \(>=42 is needed\)"),
        ("ansible-core", "2.18.9", r"too old: ansible-core 2\.18\.9 \(>=2\.19 is needed\)"),
    ],
)
def test_whoever_lacks_a_package_is_told_its_name_and_the_cure(
    installed: dict[str, str], name: str, version: str, words: str
) -> None:
    installed[name] = version
    with pytest.raises(AnsibleError, match=words) as told, requirements.required(AnsibleError):
        pytest.fail("what stands inside must not be imported")
    file = ROOT / ".dev/ansible_collections/exchange/remediation/requirements.txt"
    assert f"{sys.executable} -m pip install -r {file}" in str(told.value)
    assert "python3 -m venv" in str(told.value)
    assert "ansible-builder" in str(told.value)


def test_all_that_is_wrong_is_told_at_once(installed: dict[str, str]) -> None:
    installed |= {"jsonschema": "", "olefile": "", "pywinrm": "0.4.3"}
    assert requirements.unmet() == (
        "missing: jsonschema>=4.21, olefile>=0.47",
        "too old: pywinrm 0.4.3 (>=0.5 is needed)",
    )


@pytest.mark.parametrize("version", ["2.19", "2.19.14", "2.20.0rc1", "2.21.3.dev0", "3.0"])
def test_the_oldest_and_newer_ones_are_accepted(installed: dict[str, str], version: str) -> None:
    installed["ansible-core"] = version
    assert requirements.unmet() == ()


def test_old_python_is_named_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    with pytest.raises(ConfigError, match=r"too old: Python 3\.9\.2 \(>=3\.11 is needed\)") as told:
        requirements.required(ConfigError).__enter__()
    assert "python3.11 -m venv" in str(told.value)
    assert f"{sys.executable} -m pip" not in str(told.value), "its pip cannot help"


def test_missing_packaging_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "packaging", None)
    assert requirements.unmet() == ("missing: packaging",)


def test_collection_without_its_list_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(requirements, "_COLLECTION", tmp_path)
    (said,) = requirements.unmet()
    assert f"{tmp_path}/requirements.txt cannot be read" in said
    assert "install it again" in said


def test_package_that_cannot_be_loaded_is_told_with_the_cure() -> None:
    with (
        pytest.raises(ConfigError, match="cannot be loaded: No module named 'no_such") as told,
        requirements.required(ConfigError),
    ):
        import no_such_package  # noqa: F401, PLC0415
    assert "pip install -r" in str(told.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"raise AttributeError('no such thing')", "AttributeError: no such thing"),
        (b"1 / 0", "ZeroDivisionError"),
        (b"def broken(:", "SyntaxError"),
        (b"raise OSError('library')", "OSError: library"),
    ],
)
def test_package_that_is_there_and_broken_is_named_with_the_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "broken_package.py").write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    with (
        pytest.raises(ConfigError, match=r"cannot be loaded: .*broken_package") as told,
        requirements.required(ConfigError),
    ):
        import broken_package  # noqa: F401, PLC0415
    assert words in str(told.value)
    assert "pip install -r" in str(told.value)


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("Version"), TypeError("None")])
def test_package_that_cannot_say_its_version_is_named(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "olefile":
            raise error
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    (said,) = requirements.unmet()
    assert said.startswith(f"damaged: olefile ({type(error).__name__}: ")


def test_senseless_version_is_named(installed: dict[str, str]) -> None:
    installed["olefile"] = "not a version"
    (said,) = requirements.unmet()
    assert "olefile" in said


@pytest.mark.parametrize("text", [b"olefile>=0.47\n<<<<<<< HEAD\n", b"olefile>=0.47\n>>>\n"])
def test_damaged_list_is_named_with_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: bytes
) -> None:
    (tmp_path / "requirements.txt").write_bytes(text)
    monkeypatch.setattr(requirements, "_COLLECTION", tmp_path)
    (said,) = requirements.unmet()
    assert f"{tmp_path}/requirements.txt, line 2, is no requirement" in said


def test_list_that_is_no_text_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"\xff\xfe")
    monkeypatch.setattr(requirements, "_COLLECTION", tmp_path)
    (said,) = requirements.unmet()
    assert "requirements.txt cannot be read" in said


def test_other_errors_are_not_taken_for_a_missing_package() -> None:
    with pytest.raises(ZeroDivisionError), requirements.required(ConfigError):
        _ = 1 / 0


def test_paths_and_interpreters_with_blanks_can_be_pasted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/my tools/python")
    monkeypatch.setattr(requirements, "_COLLECTION", tmp_path / "a b")
    said = requirements.cure()
    assert f"'/opt/my tools/python' -m pip install -r '{tmp_path}/a b/requirements.txt'" in said


def test_command_ends_with_two_and_names_what_is_missing(tmp_path: Path) -> None:
    """2 is wrong usage; 1 would be a finding."""
    (tmp_path / "jsonschema.py").write_text("raise ImportError('broken by hand')\n")
    name = "ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main"
    done = subprocess.run(
        [sys.executable, "-m", name, "catalog", "campaigns"], capture_output=True, text=True,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT / '.dev'}"}, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "exchange-remediation: exchange.remediation cannot run with" in done.stderr
    assert "cannot be loaded: broken by hand" in done.stderr
    assert "Traceback" not in done.stderr


def imports(node: ast.AST, *, guarded: bool = False) -> Iterator[tuple[str, bool]]:
    """Every module that is imported when the file is, and whether that is guarded."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        inside = guarded or (
            isinstance(child, ast.With) and "required(" in ast.unparse(child.items[0])
        )
        if isinstance(child, ast.Import):
            yield from ((alias.name, guarded) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield "." * child.level + (child.module or ""), guarded
        yield from imports(child, guarded=inside)


def foreign(name: str) -> bool:
    """Whether it may be missing where only ansible-core is."""
    top = name.partition(".")[0]
    if name.startswith("."):
        return not name.endswith(("base.requirements", "base.errors"))
    return top not in {*sys.stdlib_module_names, "ansible", "yaml"}


@pytest.mark.parametrize("path", [*ENTRIES, COMMAND], ids=lambda path: path.stem)
def test_every_entry_point_guards_its_imports(path: Path) -> None:
    found = list(imports(ast.parse(path.read_text())))
    bare = [name for name, guarded in found if foreign(name) and not guarded]
    assert not bare, "import it inside of `with required(...)`"
    assert any(guarded for _, guarded in found)


def test_unguarded_import_is_found() -> None:
    text = "import jsonschema\nfrom ..plugin_utils.plan import x\nwith required(E):\n    import olefile\n"
    assert [name for name, guarded in imports(ast.parse(text)) if foreign(name) and not guarded] == [
        "jsonschema",
        "..plugin_utils.plan",
    ]  # fmt: skip


def test_documentation_imports_nothing_that_may_be_missing() -> None:
    found = [
        f"{path.name}: {name}"
        for folder in DOCUMENTS
        for path in (PLUGINS / folder).rglob("*.py")
        for name, _ in imports(ast.parse(path.read_text()))
        if foreign(name)
    ]
    assert not found


@pytest.mark.parametrize("path", BEFORE_THE_GUARD, ids=lambda path: path.stem)
def test_what_is_read_before_the_guard_is_understood_by_old_interpreters(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 8))

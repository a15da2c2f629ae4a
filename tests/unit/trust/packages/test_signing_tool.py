# SPDX-License-Identifier: GPL-3.0-or-later
"""osslsigncode of every distribution: what it cannot do is never a verdict on a file."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages import (
    authenticode,
    signing_tool,
)
from signing import Authorities, patch, program, sign

if TYPE_CHECKING:
    from collections.abc import Callable

HELP = "".join(f"{name:<24}= something\n" for name in ("-c, -catalog", "-CAfile", "-TSA-CAfile"))
OLD = HELP + "-in                     = input file\n"
NEW = OLD + "-ignore-cdp             = no list\n-ignore-crl             = no list\n"


@pytest.fixture(scope="session")
def signed_once(tmp_path_factory: pytest.TempPathFactory, authorities: Authorities) -> Path:
    path = program(tmp_path_factory.mktemp("signed") / "update.exe", b"text")
    return sign(path, authorities.signer, authorities.stamper)


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A tool of another version on the PATH; ``verify`` prints a file and notes how it was called."""

    def make(version: str, options: str, report: str = "", end: str = "exit 1") -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "help").write_text(options)
        (folder / "report").write_text(report)
        path = folder / "osslsigncode"
        path.write_text(
            "#!/bin/sh\n"
            f'[ "$1" = --version ] && echo "{version}" && exit 0\n'
            f'[ "$2" = --help ] && cat {folder}/help && exit 1\n'
            f'echo "$@" >> {folder}/called\n'
            f"env >> {folder}/environment\n"
            f"cat {folder}/report\n{end}\n"
        )
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
        return folder

    return make


@pytest.fixture
def report(signed_once: Path, policy: authenticode.SignaturePolicy) -> str:
    """What the installed tool says of the good file."""
    found = signing_tool.installed()
    said: list[str] = []
    real = signing_tool._run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing_tool, "_run", lambda words: said.append(real(words)) or said[-1])
        signing_tool.reports(found, signed_once, policy.roots)
    return said[-1]


@pytest.mark.parametrize(
    ("version", "options", "words"),
    [
        ("osslsigncode 2.4, using:", OLD, "is osslsigncode 2.4, which is too old"),
        ("osslsigncode 1.7.1, using:", OLD, "is osslsigncode 1.7, which is too old"),
        ("unknown command", OLD, r"does not say its version \(unknown command\)"),
        ("", OLD, r"does not say its version \(it says nothing\)"),
        ("osslsigncode 2.5, using:", HELP, r"\(osslsigncode 2.5\) has no option -in"),
        ("osslsigncode 2.5, using:", "", r"\(osslsigncode 2.5\) has no option -CAfile"),
    ],
)
def test_tool_that_cannot_be_used_is_named_with_its_version_and_the_cure(
    version: str, options: str, words: str, tool: Callable[..., Path], signed_once: Path,
    policy: authenticode.SignaturePolicy,
) -> None:  # fmt: skip
    folder = tool(version, options)
    with pytest.raises(ConfigError, match=words) as caught:
        authenticode.verify(signed_once, policy)
    assert str(folder / "osslsigncode") in str(caught.value)
    assert "install the package osslsigncode, 2.5 or newer" in str(caught.value)
    assert not (folder / "called").exists()


@pytest.mark.parametrize(
    ("said", "end"),
    [
        ("Unknown option: -CAfile\nFailed\n", "exit 255"),
        ("Corrupt MSI file\nFailed\n", "exit 1"),
        ("", "exit 0"),
        ("Succeeded\n", "exit 0"),
        ("", "kill -SEGV $$"),
    ],
)
def test_tool_that_says_nothing_of_a_signature_is_no_verdict(
    said: str, end: str, tool: Callable[..., Path], signed_once: Path,
    policy: authenticode.SignaturePolicy,
) -> None:  # fmt: skip
    tool("osslsigncode 2.5, using:", OLD, said, end)
    with pytest.raises(ConfigError, match="osslsigncode"):
        authenticode.verify(signed_once, policy)


def test_only_options_that_the_tool_has_are_passed(
    tool: Callable[..., Path], report: str, signed_once: Path, policy: authenticode.SignaturePolicy
) -> None:
    folder = tool("osslsigncode 2.5, using:", OLD, report, "exit 0")
    assert authenticode.verify(signed_once, policy).tool == "osslsigncode 2.5"
    assert "-ignore" not in (folder / "called").read_text()


def test_no_version_fetches_revocation_lists(
    tool: Callable[..., Path], report: str, signed_once: Path, policy: authenticode.SignaturePolicy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tool("osslsigncode 2.9, using:", NEW, report, "exit 0")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    authenticode.verify(signed_once, policy)
    assert "-ignore-cdp -ignore-crl" in (folder / "called").read_text()
    environment = (folder / "environment").read_text().splitlines()
    proxies = {line for line in environment if "_proxy=" in line.lower()}
    assert proxies == {f"{name}=http://127.0.0.1:9" for name in signing_tool._PROXIES}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Signature verification: ok", "Signature verification: failed"),
        ("Timestamp Server Signature verification: ok", "Timestamp is not available"),
        ("Signature Index: 0", "Signature Index: 1"),
        ("Serial : ", "Serial : 1"),
        ("\tMessage digest: ", "\tMessage digest: 00"),
        ("Calculated message digest : ", "Calculated message digest : 00"),
        ("Current message digest    : ", "Current message digest    : 00"),
        ("Message digest algorithm  : SHA256", "Message digest algorithm  : SHA1"),
    ],
)
def test_tool_that_says_otherwise_than_our_own_check_refuses_the_file(
    old: str, new: str, tool: Callable[..., Path], report: str, signed_once: Path,
    policy: authenticode.SignaturePolicy,
) -> None:  # fmt: skip
    assert old in report
    tool("osslsigncode 2.9, using:", NEW, report.replace(old, new), "exit 0")
    with pytest.raises(RefusedError, match=r"osslsigncode 2\.9 (says otherwise|finds)"):
        authenticode.verify(signed_once, policy)


@pytest.mark.parametrize(
    "more",
    [
        "Signature verification: ok\n",
        "Timestamp Server Signature verification: ok\n",
        "\nSignature Index: 1\n\nSignature verification: ok\n",
    ],
)
def test_report_that_says_a_thing_twice_is_refused(
    more: str, tool: Callable[..., Path], report: str, signed_once: Path,
    policy: authenticode.SignaturePolicy,
) -> None:  # fmt: skip
    tool("osslsigncode 2.9, using:", NEW, report + more, "exit 0")
    with pytest.raises(RefusedError, match=r"osslsigncode 2\.9 (says otherwise|finds)"):
        authenticode.verify(signed_once, policy)


@pytest.mark.parametrize(("options", "refused"), [(OLD, ""), (NEW, "says otherwise of its value")])
def test_missing_revocation_list_counts_only_for_those_that_always_want_one(
    options: str, refused: str, tool: Callable[..., Path], report: str, signed_once: Path,
    policy: authenticode.SignaturePolicy,
) -> None:  # fmt: skip
    """2.6 and 2.7 look for it when everything else was good, and cannot be told not to."""
    missing = (
        'Use the "-CRLfile" option to add one or more CRLs in PEM format.\n'
        "Signature verification: failed"
    )
    text = report.replace("\nSignature verification: ok", f"\n{missing}")
    tool("osslsigncode 2.7, using:", options, text)
    if not refused:
        assert authenticode.verify(signed_once, policy).tool == "osslsigncode 2.7"
        return
    with pytest.raises(RefusedError, match=refused):
        authenticode.verify(signed_once, policy)


def test_file_that_we_refuse_is_never_shown_to_the_tool(
    tool: Callable[..., Path], tmp_path: Path, policy: authenticode.SignaturePolicy
) -> None:
    """Versions before 2.12 can be made to run code by the file that they verify."""
    folder = tool("osslsigncode 2.5, using:", OLD)
    with pytest.raises(RefusedError, match="not signed at all"):
        authenticode.verify(program(tmp_path / "plain.exe"), policy)
    assert not (folder / "called").exists()


# -- the versions that distributions have -------------------------------------------------

TOOLS = Path(__file__).parents[4] / ".cache" / "signing-tools"


@pytest.mark.parametrize("version", ["2.5", "2.9"])
@pytest.mark.parametrize("name", ["update.exe", "update.msp"])
def test_version_of_a_distribution_signs_and_verifies(
    name: str, version: str, tmp_path: Path, authorities: Authorities,
    policy: authenticode.SignaturePolicy, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Debian 12 has 2.5, its backports and Debian 13 have 2.9."""
    folder = TOOLS / version / "usr" / "bin"
    if not (folder / "osslsigncode").exists():
        pytest.skip(f"osslsigncode {version} is not here; scripts/signing_tools.sh fetches it")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    make = program if name.endswith(".exe") else partial(patch, title="a title")
    path = sign(make(tmp_path / name), authorities.signer, authorities.stamper)
    assert authenticode.verify(path, policy).tool == f"osslsigncode {version}"
    stranger = Authorities.create()
    sign(path, stranger.signer, stranger.stamper, extra=["-nest"])
    with pytest.raises(RefusedError, match="of the signature nested in its first one"):
        authenticode.verify(path, policy)

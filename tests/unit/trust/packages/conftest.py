# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import package_files
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import main as cli
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import package as cli_package
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.authenticode import (
    SignaturePolicy,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )
    from signing import Authorities


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """Their absence is a failure: nothing here may pass without having been checked."""
    for tool in ("osslsigncode", "msibuild"):
        if not shutil.which(tool):
            pytest.fail(f"{tool} is not installed; scripts/ci.sh installs it")


@pytest.fixture(scope="session")
def authorities() -> Authorities:
    return package_files.authorities()


@pytest.fixture(scope="session")
def policy(authorities: Authorities) -> SignaturePolicy:
    return SignaturePolicy(roots=authorities.root.pem)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()


@pytest.fixture
def run(
    tmp_path: Path,
    policy: SignaturePolicy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str, str]]:
    """The command with folders of its own and the test's authority in the place of Microsoft's."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv(keys.PASSPHRASE_VARIABLE, raising=False)
    monkeypatch.setattr(cli_package, "microsoft_policy", lambda: policy)
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> tuple[int, str, str]:
        code = cli.main(["package", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def ready(run: Any) -> Any:
    assert run("keys", "init")[0] == 0
    return run

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says about the module is checked before anything rests on it."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ReplySchemaError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls.iis_module import (
    ModuleState,
    read_module_state,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.iis_module.decision import (
    Need,
    decide,
    not_ours,
)
from moduled_host import KNOWN, msi

if TYPE_CHECKING:
    from collections.abc import Callable

NOTED = {
    "product_code": msi().product_code,
    "version": "7.2.1993",
    "sha256": msi().sha256,
    "job": "rewrite-module-12345678-1",
    "run": "run-1",
}
PRODUCT = {
    "product_code": msi().product_code,
    "name": "IIS URL Rewrite Module 2",
    "version": "7.2.1993",
    "language": 1033,
    "install_source": f"C:\\ProgramData\\ExchangeRemediation\\packages\\{msi().sha256}\\",
}
RESULT: dict[str, Any] = {
    "iis": {"version": "10.0", "configuration": "x", "shared": False},
    "presence": {
        "registered": True,
        "registry_version": "7.1.1993.2351",
        "library": {"path": "x", "file_version": "7.1.1993.2351"},
        "products": [PRODUCT],
    },
    "ucrt": {"path": "x", "file_version": "10.0.14393.4225"},
    "language": "en-US",
    "uses": [],
    "exchange_needs_it": False,
    "record": NOTED,
}


def state(edit: Callable[[Any], object] = lambda _result: None, *errors: str) -> ModuleState:
    result = deepcopy(RESULT)
    edit(result)
    listed = [SimpleNamespace(source=name, message=f"{name} is broken") for name in errors]
    return read_module_state(SimpleNamespace(result=result, errors=listed))  # type: ignore[arg-type]


def test_whole_answer_is_read() -> None:
    seen = state()
    assert (seen.present, seen.iis, seen.language, seen.uses) == (True, "10.0", "en-US", ())
    assert decide(seen, KNOWN, ()).need is Need.NOTHING
    assert not_ours(seen) is None


@pytest.mark.parametrize(
    "edit",
    [
        lambda r: r["presence"].pop("registered"),
        lambda r: r["presence"].update(registered="yes"),
        lambda r: r["presence"].update(products="none"),
        lambda r: r["presence"].update(products=[{"product_code": 7}]),
        lambda r: r["presence"].update(products=[None] * 10_001),
        lambda r: r["presence"].update(library="rewrite.dll"),
        lambda r: r.update(iis="10.0"),
        lambda r: r["iis"].update(version=10),
        lambda r: r.update(uses="web.config"),
        lambda r: r.update(uses=[1]),
        lambda r: r.update(language=1033),
        lambda r: r.update(record={**NOTED, "sha256": ""}),
        lambda r: r.update(record={"job": "x"}),
        lambda r: r.update(ucrt=[]),
        lambda r: r.update(exchange_needs_it="no"),
    ],
)
def test_answers_that_make_no_sense_are_refused(edit: Callable[[Any], object]) -> None:
    with pytest.raises(ReplySchemaError, match="URL Rewrite module"):
        state(edit)
    with pytest.raises(ReplySchemaError):
        read_module_state(SimpleNamespace(result=None, errors=[]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "said"),
    [("presence", "presence is broken"), ("iis", "iis is broken"), ("ucrt", "ucrt is broken")],
)
def test_what_could_not_be_read_is_a_stop(part: str, said: str) -> None:
    """I19; the C runtime counts only where IIS is older than 10."""

    def edit(result: Any) -> None:
        result["presence"] |= {"registered": False, "library": None, "products": []}
        if part == "ucrt":
            result["iis"]["version"] = "8.5"
        result[part] = None

    decision = decide(state(edit, part), KNOWN, (msi(),))
    assert decision.need is Need.REFUSED
    assert said in decision.reason


def test_library_of_unknown_version_is_a_stop() -> None:
    def edit(result: Any) -> None:
        result["presence"]["library"]["file_version"] = None
        result["presence"]["registry_version"] = "?"

    decision = decide(state(edit), KNOWN, (msi(),))
    assert (decision.need, "version ?" in decision.reason) == (Need.REFUSED, True)


def test_unknown_iis_is_a_stop() -> None:
    def edit(result: Any) -> None:
        result["presence"] |= {"registered": False, "library": None, "products": []}
        result["iis"]["version"] = "7.0"

    assert "no release" in decide(state(edit), KNOWN, (msi(),)).reason


@pytest.mark.parametrize(
    "source",
    [
        None,
        "",
        "C:\\Users\\x\\Downloads\\",
        f"C:\\x{msi().sha256}\\",
        f"C:\\packages\\{msi().sha256}",
    ],
)
def test_module_from_elsewhere_is_not_ours(source: str | None) -> None:
    edit = {**PRODUCT, "install_source": source}
    assert not_ours(state(lambda r: r["presence"].update(products=[edit]))) is not None


def test_module_beside_another_is_not_ours() -> None:
    other = {**PRODUCT, "product_code": "{00000000-0000-0000-0000-000000000000}"}
    assert not_ours(state(lambda r: r["presence"].update(products=[PRODUCT, other]))) is not None


def test_product_of_windows_installer_alone_is_half_a_module() -> None:
    def edit(result: Any) -> None:
        result["presence"] |= {"registered": False, "registry_version": None, "library": None}

    found = state(edit)
    assert found.present is True
    decision = decide(found, KNOWN, [msi()])
    assert decision.need is Need.REFUSED
    assert "half of the" in decision.reason

# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server needs the URL Rewrite module, which MSI fits it, and whose module it is. Pure.

==============================  ===================================================================
found                           decision
==============================  ===================================================================
key and library, new enough     ``nothing``: it may be used, whoever installed it
key, library or product alone   ``refused``: half of a module, which IIS may fail on
nothing, a fitting MSI          ``install``: the one in the language of Windows, else en-US
nothing, no fitting MSI         ``refused``, and what has to be brought
nothing, Windows lacks the C    ``refused``: release 2.1 needs KB2999226 before Windows 10
runtime
anything that cannot be read    ``refused`` (I19)
==============================  ===================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ..catalog.records.iis_modules import not_older

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..catalog.records.iis_modules import ModuleKnowledge
    from ..host.calls.iis_module import ModuleState
    from ..trust.packages.iis_module_records import ModuleRecord


class Need(Enum):
    """What is to be done so that rules can be written."""

    NOTHING = "nothing"  # it is there and good enough
    INSTALL = "install"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """``module`` is the MSI to install; ``reason`` has thing, place and cure."""

    need: Need
    reason: str
    module: ModuleRecord | None = None


def decide(state: ModuleState, known: ModuleKnowledge, modules: Iterable[ModuleRecord]) -> Decision:
    """Decide from what a host says and what the signed catalogue holds."""
    if state.present is None:
        return _refused(
            f"whether the {known.title} is there cannot be read: {state.why('presence')}; "
            "rules without it make IIS answer 500.19"
        )
    if state.present:
        return _judge_present(state, known)
    if objection := _unfit(state, known):
        return _refused(objection)
    rule = known.install_on(state.iis)
    assert rule is not None  # noqa: S101 - _unfit has looked
    mine = [m for m in modules if m.module == known.id and not_older(m.version, rule.minimum)]
    tags = tuple(dict.fromkeys((_wanted_language(state, known), known.default_language)))
    fitting = [module for tag in tags for module in mine if module.language == tag]
    if not fitting:
        names = " or ".join(f"rewrite_amd64_{tag}.msi" for tag in tags)
        there = ", ".join(sorted(m.language for m in mine)) or "none"
        return _refused(
            f"the {known.title} is not installed, and the package catalogue has no MSI for "
            f"{state.language or 'this language'} (it has {there}); bring {names}, version "
            f"{rule.minimum} or newer, with 'exchange-remediation package add'"
        )
    return Decision(
        Need.INSTALL,
        f"the {known.title} is not installed, and rules without it make IIS answer 500.19",
        fitting[0],
    )


def _refused(reason: str) -> Decision:
    return Decision(Need.REFUSED, reason)


def _judge_present(state: ModuleState, known: ModuleKnowledge) -> Decision:
    if not (state.registered and state.library):
        parts = {
            "its registry key": state.registered,
            known.file: state.library,
            "its entry in Windows Installer": bool(state.products),
        }
        there = ", ".join(name for name, found in parts.items() if found)
        gone = ", ".join(name for name, found in parts.items() if not found)
        return _refused(
            f"half of the {known.title} is there ({there}; missing: {gone}); repair or remove it "
            "by hand before rules are written"
        )
    version = state.library_version or state.registry_version
    if not not_older(version, known.installed_minimum):
        return _refused(
            f"{known.file} is version {version or 'unknown'}, older than {known.installed_minimum} "
            f"(the {known.title}); update it by hand, nothing is installed over it"
        )
    return Decision(Need.NOTHING, f"the {known.title} is there, {known.file} {version}")


def _unfit(state: ModuleState, known: ModuleKnowledge) -> str | None:
    """Why nothing can be installed here, whatever MSI there is."""
    if state.iis is None:
        problem = dict(state.problems).get("iis")
        return f"IIS cannot be read: {problem}" if problem else "there is no IIS on this server"
    rule = known.install_on(state.iis)
    if rule is None:
        return f"no release of the {known.title} is known for IIS {state.iis}"
    if state.shared:
        # learn.microsoft.com, TechNet wiki 25762: installing changes applicationHost.config and
        # administration.config, so shared configuration has to be off meanwhile.
        return (
            "IIS takes its configuration from a shared folder; Microsoft wants that off while the "
            f"{known.title} is installed, so install it by hand"
        )
    if rule.ucrt and not not_older(state.ucrt, rule.ucrt):
        problem = dict(state.problems).get("ucrt")
        found = problem or state.ucrt or "missing"
        return (
            f"ucrtbase.dll is {found}, {rule.ucrt} or newer is needed; install KB2999226 (Universal "
            f"C Runtime) first: without it the {known.title} does not load on IIS {state.iis}"
        )
    return None


def _wanted_language(state: ModuleState, known: ModuleKnowledge) -> str:
    """The language of Windows where the MSI exists in it, else the default."""
    tags = {row.tag for row in known.languages}
    return state.language if state.language in tags else known.default_language


def not_ours(state: ModuleState) -> str | None:
    """Why the installed module is not ours to remove; ``None``: we installed it.

    Three things must agree: our record says that nothing was there before, the one product is the
    one that we noted, and Windows Installer says that it came from our package folder.
    """
    noted = state.noted
    if noted is None:
        return "nothing was noted before it came: it was there, or somebody else installed it"
    codes = [product.code for product in state.products]
    if codes != [noted.product_code]:
        listed = ", ".join(codes) or "no product of Windows Installer"
        return f"installed is {listed}, we wanted to install {noted.product_code}"
    source = state.products[0].source
    if source is None:
        return "Windows Installer does not say from where it was installed"
    ours = f"\\exchangeremediation\\packages\\{noted.sha256}"
    if not source.rstrip("\\").lower().endswith(ours):
        return f"it was installed from {source}, not by us"
    return None

# SPDX-License-Identifier: GPL-3.0-or-later
"""What one CVE means for one server.

*Vulnerable* takes one witness: the file's version. *Fixed* and *not affected* take every
witness there is - file, registry, list of updates, path of the running service - because two
sources that disagree are never read as the nicer of the two, and a source that could not be
read might have disagreed. Where the catalogue's own sources disagree about the build, the CVE
is *disputed* and counts as open, whatever the host lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.model import CveVerdict, Exposure
from ..catalog.records.builds import OPEN
from .checks.presence import absence_doubt, path_doubt, registry_doubt
from .checks.updates import proves
from .mitigations.state import MitigationState
from .role import EDGE, SERVER, TOOLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..catalog.records.builds import CveFix
    from .checks.updates import Listed
    from .mitigations.state import JudgedMitigation
    from .subject import Subject

_NO_CHANGE = "No change will be made to this server; find out what it is first."
_ROLE_NOTES = {
    SERVER: "",
    EDGE: (
        " The server has the Edge role only, without client access; whether the CVE can be "
        "reached there could not be confirmed, so it counts as on any server."
    ),
    TOOLS: (
        " Only the management tools are installed; whether the CVE can be reached there could "
        "not be confirmed, so it counts as on any server."
    ),
}


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the verdicts of one server rest on, worked out once for all CVEs."""

    subject: Subject
    updates: Listed
    mitigations: Mapping[str, JudgedMitigation]
    doubt: str | None  # why no nice reading can be believed, in one sentence

    def campaign_of(self, cve: str) -> str | None:
        """The campaign that a CVE belongs to; the one that is judged first."""
        campaign = self.subject.campaign
        return campaign.id if campaign.cve(cve) else self.subject.knowledge.campaign_of(cve)


def grounds(
    subject: Subject, updates: Listed, mitigations: Mapping[str, JudgedMitigation]
) -> Grounds:
    """Collect the doubts about a server that hold for every CVE."""
    found = [doubt.reason for doubt in (registry_doubt(subject), path_doubt(subject)) if doubt]
    found += [subject.role.conflict] if subject.role.conflict else []
    return Grounds(subject, updates, mitigations, " and ".join(found) or None)


def judge_cve(cve: str, on: Grounds) -> CveVerdict:
    """The verdict on one CVE."""
    subject = on.subject
    if subject.installed is False:
        return _absent(cve, on)
    if subject.installed is None or subject.build is None:
        source = "exchange" if subject.installed is None else "exchange.exsetup"
        return _unknown(cve, on, f"The build could not be read: {subject.facts.why(source)}.")
    fix = subject.knowledge.exposure(cve, subject.build)
    return _BY_STATUS[fix.status](cve, on, fix)


def _absent(cve: str, on: Grounds) -> CveVerdict:
    doubt = absence_doubt(on.subject)
    if doubt:
        return _unknown(cve, on, f"Exchange was not found, but {doubt}.")
    reason = (
        "The inventory has it as an Exchange server, and neither Exchange's registry key nor a "
        "service of it exists."
    )
    return _unknown(
        cve, on, reason, action="Find out what it is, or take it out of the inventory's group."
    )


def _not_affected(cve: str, on: Grounds, fix: CveFix) -> CveVerdict:
    if on.doubt:
        return _unknown(cve, on, f"{_sentence(fix.note)} But {on.doubt}.", fix)
    return _verdict(cve, on, Exposure.NOT_AFFECTED, _sentence(fix.note), fix)


def _needs_state(cve: str, on: Grounds, fix: CveFix) -> CveVerdict:
    reason = f"The build alone does not decide: {_sentence(fix.note)}"
    return _unknown(cve, on, reason, fix, "Check this state on the server.")


def _undecided(cve: str, on: Grounds, fix: CveFix) -> CveVerdict:
    return _unknown(cve, on, _sentence(fix.note), fix)


def _fixed(cve: str, on: Grounds, fix: CveFix) -> CveVerdict:
    doubt = on.doubt or _update_doubt(cve, on, fix)
    reason = _sentence(f"ExSetup.exe is {on.subject.build}: {fix.note}")
    if doubt:
        action = "Settle the disagreement: install the update again, elevated, and assess again."
        return _unknown(cve, on, f"{reason} But {doubt}.", fix, action)
    return _verdict(cve, on, Exposure.FIXED, reason, fix)


def _update_doubt(cve: str, on: Grounds, fix: CveFix) -> str | None:
    """Why the list of updates does not bear out that a security update is in."""
    subject, updates = on.subject, on.updates
    rollup = subject.info is not None and subject.info.kind == "RU"
    if subject.cu is None or fix.fixed_build is None:
        return None
    if not rollup and subject.knowledge.exposure(cve, subject.cu.build).status == "fixed":
        return None  # the cumulative update itself carries the fix: there is no entry to look for
    if proves(subject, updates, fix.fixed_build):
        return None
    if not updates.whole:
        return f"the list of installed updates could not be read: {subject.facts.why('updates')}"
    return "no installed update in the list makes such a build: the installation did not finish"


def _open(cve: str, on: Grounds, fix: CveFix) -> CveVerdict:
    subject = on.subject
    reason = _sentence(f"ExSetup.exe is {subject.build}: {fix.note}")
    exposure = Exposure.UNSUPPORTED_AND_VULNERABLE if subject.outdated else Exposure.VULNERABLE
    holding = _mitigated(cve, on)
    if fix.status == "disputed":
        exposure = Exposure.DISPUTED
        reason += " It counts as open."
    elif holding:
        exposure = Exposure.VULNERABLE_MITIGATED
    if holding:
        reason += f" Mitigated for now by {', '.join(holding)}: an interim measure, not a fix."
    if subject.outdated:
        reason += f" {subject.what} is out of support."
    return _verdict(cve, on, exposure, reason + _ROLE_NOTES[subject.kind], fix)


_BY_STATUS = {
    "open": _open,
    "disputed": _open,
    "change-cu": _open,
    "fixed": _fixed,
    "not-affected": _not_affected,
    "needs-state": _needs_state,
    "unknown": _undecided,
    "unconfirmed": _undecided,
}


def _mitigated(cve: str, on: Grounds) -> tuple[str, ...]:
    """The mitigations that hold, if all that the campaign names for the CVE do."""
    entry = on.subject.campaign.cve(cve)
    wanted = entry.mitigations if entry else ()
    states = [on.mitigations.get(name) for name in wanted]
    if wanted and all(
        state is not None and state.state is MitigationState.HOLDS for state in states
    ):
        return wanted
    return ()


def _closing(subject: Subject, fix: CveFix) -> str:
    """What closes an open CVE."""
    target = fix.fixed_build or "a supported build"
    if fix.status == "change-cu":
        where = f" ({fix.fixed_cu})" if fix.fixed_cu else ""
        return (
            f"No update exists for {subject.what}: move to a supported cumulative update and its "
            f"newest security update; the first that carries the fix is {target}{where}."
        )
    kb = f"{fix.kb}, " if fix.kb else "the update "
    action = f"Install {kb}which makes {target}, or a newer one for the same cumulative update."
    made = subject.knowledge.find_build(fix.fixed_build) if fix.fixed_build else None
    if made is None or made.entitlement == "public":
        return action
    return f"{action} Only customers of Extended Security Updates get it ({made.entitlement})."


def _sentence(note: str) -> str:
    return note if note.endswith(".") else f"{note}."


def _verdict(cve: str, on: Grounds, exposure: Exposure, reason: str, fix: CveFix) -> CveVerdict:
    still_open = fix.status in OPEN
    return CveVerdict(
        cve=cve,
        exposure=exposure,
        reason=reason,
        source=fix.source,
        fixed_build=str(fix.fixed_build) if fix.fixed_build else None,
        update=fix.kb,
        action=_closing(on.subject, fix) if still_open else None,
        campaign=on.campaign_of(cve),
    )


def _unknown(
    cve: str, on: Grounds, reason: str, fix: CveFix | None = None, action: str = _NO_CHANGE
) -> CveVerdict:
    return CveVerdict(
        cve=cve,
        exposure=Exposure.UNKNOWN,
        reason=reason,
        source=fix.source if fix else "facts: exchange",
        fixed_build=str(fix.fixed_build) if fix and fix.fixed_build else None,
        update=fix.kb if fix else None,
        action=action,
        campaign=on.campaign_of(cve),
    )

# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host may be changed: only as the approved plan says, on the facts that it rests on.

A run that was admitted and broke off is admitted again for what is left of its plan, although the
facts are others by now (it changed them itself). That it was admitted stands in the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base.errors import RefusedError
from ..case.masking import writable
from ..case.verify import events
from ..case.vocabulary import PLAN
from ..plan.expected import beyond, stale
from ..plan.serialize import plan_from_dict, plan_to_dict

if TYPE_CHECKING:
    from ..case.journal import Journal
    from ..plan.records import HostPlan

ADMITTED = "admitted"


class StalePlan(RefusedError):  # noqa: N818 - what is refused, not what went wrong
    """The host is not any more what the plan was made for; nothing was changed."""

    code = "stale-plan"


@dataclass(frozen=True, slots=True)
class ApprovedPlan:
    """The plan of one host in a signed file; ``digest`` is that of the file's document."""

    plan: HostPlan | None
    digest: str
    reason: str = ""  # why there is no plan

    def admit(self, found: HostPlan, journal: Journal, *, check: bool) -> None:
        """Return if ``found`` may be carried out, and note it; raises :class:`StalePlan`."""
        if not found.steps:
            return  # nothing to do any more: whatever the plan says, nothing is changed
        if self.plan is None or not self.plan.steps:
            raise _refusal([f"it has no steps for this host ({self.reason})"])
        # As it was written into the plan: masked, and with numbers that JSON has.
        shown = plan_from_dict(writable(plan_to_dict(found), journal.secrets, PLAN))
        why = stale(self.plan, shown)
        if why and self._was_admitted(journal):
            why = beyond(self.plan, shown)
        if why:
            raise _refusal(why)
        if not check:
            journal.record(ADMITTED, {"plan": self.digest})

    def _was_admitted(self, journal: Journal) -> bool:
        if not journal.path.exists():
            return False
        mine: dict[str, Any] = {"host": journal.host, "run": journal.run, "event": ADMITTED}
        return any(
            mine.items() <= {k: v for k, v in line.content.items() if k in mine}.items()
            and line.content["data"].get("plan") == self.digest
            for line in events(journal.path)
        )


def _refusal(why: tuple[str, ...] | list[str]) -> StalePlan:
    shown = "; ".join(why[:5]) + (f"; and {len(why) - 5} more" if len(why) > 5 else "")  # noqa: PLR2004 - fits a message
    return StalePlan(f"the plan does not fit this server any more: {shown}. Plan again")

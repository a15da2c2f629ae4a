# SPDX-License-Identifier: GPL-3.0-or-later
"""What every action that changes a host does around the change: journal and signed plan.

Options of such an action: ``case`` (folder of the journal), ``plan`` (signed file) and
``plan_keys`` (folder of trusted keys, default ``keys``, default the operator's own).

====================  =============================================================================
event                 when, and what it holds
====================  =============================================================================
begin                 before the host is asked: intent, campaign, approvals, note, plan, who, version,
                      and the safety rules that the operator waived for the host
plan                  the plan was made from fresh facts: all of it
admitted              it is the approved one (only with ``plan``, never in check mode)
lock intent done      each change, before it is sent and after it was answered
unlock                the lock was given back
end                   how it ended, and with whom we spoke
====================  =============================================================================
"""

from __future__ import annotations

import getpass
import os
import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.clock import utc_now
from ..base.errors import ConfigError, RefusedError
from ..base.version import VERSION
from ..case.journal import Journal
from ..plan.fleet import check_intent, check_usable, knowledge, read
from ..plan.serialize import plan_to_dict
from ..trust.signing import keys
from . import machines
from .admission import ApprovedPlan, StalePlan
from .controller import forget_invocations, invocation_folder, state_folder
from .exclusive import alone
from .life import Life, alive, ended

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..plan.fleet import FleetPlan
    from ..plan.records import HostPlan
    from .machine import MachineIdentity


def approved(options: Mapping[str, Any], intent: str, campaign: str) -> FleetPlan | None:
    """Return the signed plan that the options name, if they do; refuses one that does not fit."""
    if not options.get("plan"):
        return None
    if not options.get("case"):
        raise ConfigError("plan: needs case, the folder of the journal that says what was begun")
    folder = options.get("plan_keys") or options.get("keys")
    path = Path(options["plan"])
    plan = read(path, keys.trusted(Path(folder) if folder else keys.default_folder()))
    check_usable(plan, utc_now(), where=str(path))
    check_intent(plan, intent, campaign, where=str(path))
    if options.get("run") not in (None, plan.run):
        raise RefusedError(
            f"{path}: is of the run {plan.run}, this is {options['run']}; leave the run out"
        )
    return plan


@dataclass(slots=True)
class HostChange:
    """One change of one host; ``record`` and ``admit`` are handed to what carries it out."""

    check: bool
    journal: Journal | None
    expected: ApprovedPlan | None
    admitted: bool = False
    life: Life = field(default_factory=Life)
    machine: MachineIdentity | None = None
    held: ExitStack = field(default_factory=ExitStack)  # what keeps others away until the end
    host: str = ""
    met: Path | None = None  # the folder that says which machines were met

    @classmethod
    def of(
        cls,
        host: str,
        run: str,
        options: Mapping[str, Any],
        plan: FleetPlan | None,
        secrets: Iterable[str],
        *,
        check: bool,
    ) -> HostChange:
        """Open the journal and look the host up in the plan; raises ``RefusedError``."""
        journal = None
        if options.get("case"):
            journal = Journal(Path(options["case"]), host, run, frozenset(secrets))
        expected = None
        if plan is not None:
            entry = plan.host(host)
            expected = ApprovedPlan(entry.plan, plan.digest, entry.reason)
        met = journal.path.parent if journal else invocation_folder(run)
        return cls(check, journal, expected, host=host, met=met)

    def prepare(self) -> None:
        """Make sure that the controller can keep what a change needs; raises ``ConfigError``."""
        if not self.check:
            state_folder("running")
            state_folder("lives")
        if self.journal is None:
            state_folder("checks")
            forget_invocations()

    def begin(
        self,
        intent: str,
        campaign: str,
        approvals: Mapping[str, Any],
        note: str | None = None,
        allowed: object = None,
        directive: Sequence[str] = (),
    ) -> None:
        """Say what is about to be done, by whom and with what.

        ``allowed``: exchange_allow_insecure as the operator wrote it; ``end`` says what was used.
        ``directive``: what the campaign's directive says of this change, in sentences.
        """
        known = knowledge()
        self.record(
            "begin",
            {
                "intent": intent,
                "campaign": campaign,
                "check": self.check,
                "approvals": dict(approvals),
                "note": note,
                "exchange_allow_insecure": allowed or [],
                "directive": list(directive),
                "plan": self.expected.digest if self.expected else None,
                "tool": {"name": "exchange.remediation", "version": VERSION},
                "catalogue": {"as_of": known.as_of, "sha256": known.sha256},
                "controller": {
                    "user": getpass.getuser(),
                    "host": socket.gethostname(),
                    "process": os.getpid(),
                },
            },
        )

    def record(self, event: str, data: dict[str, Any]) -> None:
        """Write one event; it is on the disk when this returns.

        :raises StalePlan: the event announces a change, and the approved plan admitted none. Whoever
            carries out changes announces each here first, so none can be made beside the plan.
        """
        if event == "intent" and self.expected is not None and not self.admitted:
            raise StalePlan(f"step {data.get('step')}: no change was admitted by the plan")
        if self.journal is not None:
            self.journal.record(event, data)

    def admit(self, found: HostPlan) -> None:
        """Note what would be done now; raises ``StalePlan`` unless the signed plan says the same."""
        self.record("plan", {"plan": plan_to_dict(found)})
        if self.expected is not None and self.journal is not None:
            self.expected.admit(found, self.journal, check=self.check)
            self.admitted = bool(found.steps) and not self.check

    @contextmanager
    def exclusively(self, place: str) -> Iterator[None]:
        """Keep other processes of this user away from the host, as far as it is changed.

        ``place``: its name in the inventory and where that is. From when it said which machine it
        is, they are kept away under every name.
        """
        with self.held:
            if not self.check:
                self.held.enter_context(alone(place))
                self.life = self.held.enter_context(alive())
            else:  # who only looks holds nothing, and has to know all the same whose life is over
                self.life = Life(ended=ended)
            yield

    def claim(self, machine: MachineIdentity) -> None:
        """Note which machine the host is.

        Raises ``RefusedError`` where another name has it, or this one led to another machine.
        """
        if self.machine is not None:
            machines.check_stays(self.host, self.machine, machine, "run again in a new case")
            machine = self.machine.filled(machine)
        if self.met is not None:
            machines.claim(self.met, self.host, machine)
        if not self.check and machine != self.machine:
            self.held.enter_context(alone(f"machine-{machine.digest}"))
        self.machine = machine

    def end(self, state: str, reason: str, **details: Any) -> None:
        """Say how it ended."""
        self.record("end", {"state": state, "reason": reason, **details})

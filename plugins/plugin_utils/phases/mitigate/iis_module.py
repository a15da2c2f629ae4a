# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the URL Rewrite module in a run: installed ahead of the rules, removed behind their undo."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...facts.read import rows
from ...iis_module import run as rewrite_module
from ...iis_module.jobs import INSTALL
from ...iis_module.models import IisModuleStatus
from ...iis_module.steps import ACTS, BASE
from ...plan.records import Refusal
from . import content
from .phase import UNMITIGATE

if TYPE_CHECKING:
    from ...change.session import HostSession
    from ...iis_module.models import IisModuleOutcome, IisModuleRuntime
    from ...plan.records import HostPlan, Step
    from .choose import MitigationSelection

INSTALLED = ACTS[INSTALL]


def is_module(step: Step) -> bool:
    """Whether a step is about the module and not about a mitigation."""
    return step.id.startswith(f"{BASE}/")


@dataclass(frozen=True, slots=True)
class ModulePart:
    """``tools`` is missing where the operator named no package store: then nothing is done."""

    session: HostSession
    runtime: IisModuleRuntime | None

    def ahead(
        self, selection: MitigationSelection
    ) -> tuple[MitigationSelection, IisModuleOutcome | None]:
        """What would be done before rules are written, and the choice in the light of it.

        Rules that have to wait for the module need its step; where it cannot be had they go.
        """
        rules = [s for s in selection.plan.steps if s.operation == content.RULES]
        if self.runtime is None or not rules:
            return selection, None
        outcome = rewrite_module.ensure(self.session, replace(self.runtime, check=True))
        if outcome.status is IisModuleStatus.PRESENT:
            return selection, None
        plan = selection.plan
        if outcome.status is IisModuleStatus.PLANNED:
            steps = tuple(
                replace(s, needs=(*s.needs, INSTALLED)) if s in rules else s for s in plan.steps
            )
            return replace(selection, plan=replace(plan, steps=steps)), outcome
        names = {str(step.parameters["mitigation"]) for step in rules}
        steps = tuple(s for s in plan.steps if s.parameters["mitigation"] not in names)
        refused = tuple(Refusal(name, outcome.reason) for name in sorted(names))
        plan = replace(plan, steps=steps, refusals=(*plan.refusals, *refused))
        return replace(selection, plan=plan), None

    def behind(self, plan: HostPlan, selection: MitigationSelection) -> HostPlan:
        """The plan with the removal of a module that came from here, after the rules are gone."""
        rewrite = any(one.mitigation.rules for one in selection.found)
        if self.runtime is None or plan.intent != UNMITIGATE or not rewrite:
            return plan
        undone = frozenset(
            str(row["file"]).casefold()
            for step in plan.steps
            for row in rows((step.after or {}).get("files"), "file").rows
            if row.get("rewrite") is False
        )
        runtime = replace(self.runtime, check=True, undone=undone)
        outcome = rewrite_module.remove(self.session, runtime)
        if outcome.status is IisModuleStatus.PLANNED:
            before = tuple(step.id for step in plan.steps)
            steps = tuple(replace(s, needs=(*s.needs, *before)) for s in outcome.steps)
            return replace(plan, steps=(*plan.steps, *steps))
        if outcome.status in (IisModuleStatus.ABSENT, IisModuleStatus.NOT_OURS):
            return plan
        note = f"URL Rewrite module: stays, {outcome.reason}"
        return replace(plan, notes=(*plan.notes, note))

    def act(self, intent: str) -> IisModuleOutcome:
        """Install it, or take it off, under the host lock."""
        assert self.runtime is not None  # noqa: S101 - without tools no such step is planned
        if intent == UNMITIGATE:
            return rewrite_module.remove(self.session, self.runtime)
        return rewrite_module.ensure(self.session, self.runtime)

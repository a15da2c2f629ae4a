# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the host what each step of a plan would do, without doing it.

The operations answer themselves (``check``), so that the plan shows what they will do and not
what we think they do. What the host refuses is taken out, with all that needs it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...base.errors import LanguageModeRefused, LockedByOther, ScriptError, ScriptIntegrityError
from ...facts.read import rows
from ...host.calls import mitigations
from ...plan.records import Refusal
from . import content
from .iis_module import INSTALLED

if TYPE_CHECKING:
    from ...change.session import HostSession
    from ...plan.records import HostPlan, Step
    from .choose import MitigationSelection

_UNDO = "Undo-Mitigation"


def preview(session: HostSession, selection: MitigationSelection) -> HostPlan:
    """The plan as the host would carry it out.

    Raises what the transport raises, and :class:`ScriptError` where not one step but the host
    itself is in the way.
    """
    view = _View(session, selection)
    for step in selection.plan.steps:
        view.look(step)
    plan = selection.plan
    steps = tuple(step for step in view.steps if mitigation_of(step) not in view.dropped)
    return replace(
        plan,
        steps=steps,
        refusals=(*plan.refusals, *view.refused),
        notes=(*plan.notes, *view.notes, *view.shared({mitigation_of(step) for step in steps})),
    )


def mitigation_of(step: Step) -> str:
    """The mitigation that a step is of."""
    return str(step.parameters["mitigation"])


class _View:
    """The steps that the host lets through so far."""

    def __init__(self, session: HostSession, selection: MitigationSelection) -> None:
        self.steps: list[Step] = []
        self.refused: list[Refusal] = []
        self.notes: list[str] = []
        self.dropped: set[str] = set()  # mitigations with a step that is refused
        self._session = session
        self._present = {one.mitigation.id: one.judged.present for one in selection.found}
        self._files: dict[
            str, str
        ] = {}  # file, folded -> the mitigation that is written there first
        self._services: dict[str, dict[str, Any]] = {}  # as the steps so far leave them
        self._kept: dict[str, set[str]] = {}  # what several undo records name -> by whom

    def look(self, step: Step) -> None:
        """Ask about one step."""
        name = mitigation_of(step)
        if name in self.dropped:
            return
        if INSTALLED in step.needs:
            self.steps.append(step)  # the host refuses rules as long as the module is missing
            return
        try:
            result = mitigations.preview(self._session, step.operation, step.parameters)
        except (LanguageModeRefused, LockedByOther, ScriptIntegrityError):
            raise
        except ScriptError as error:
            # One refused step drops its mitigation as a whole: half of one protects nobody, and
            # the others do not depend on it.
            self.dropped.add(name)
            self.refused.append(Refusal(name, str(error)))
            return
        shown = self._shown(step, result)
        if shown is not None:
            self.steps.append(shown)

    def _shown(self, step: Step, result: dict[str, Any]) -> Step | None:
        if step.operation == _UNDO:
            return self._undo(step, result)
        if step.operation == content.RULES:
            return self._rules(step, result)
        if step.operation == content.SERVICES:
            return self._stopped(step, result)
        return replace(step, before=result.get("before"), after=result.get("after"))

    def _undo(self, step: Step, result: dict[str, Any]) -> Step | None:
        name = mitigation_of(step)
        if result.get("undo") is None:
            if self._present.get(name):
                self.notes.append(
                    f"{name}: is there, and no record says that it was put there from here; what "
                    "was before is not known, so it is left alone"
                )
            return None
        for row in rows(result.get("kept"), "name").rows:
            self._kept.setdefault(str(row["name"]), set()).add(str(row.get("by")))
        return replace(step, before=result.get("before"), after=result.get("after"))

    def shared(self, planned: set[str]) -> list[str]:
        """What an undo leaves to another one: it comes back with the last, or is kept by others."""
        notes = []
        for name, by in sorted(self._kept.items()):
            staying = sorted(by - planned)
            words = "comes back with the last of them"
            if staying:
                words = f"stays as it is, because {', '.join(staying)} still needs it"
            notes.append(f"{name}: {words}")
        return notes

    def _rules(self, step: Step, result: dict[str, Any]) -> Step | None:
        """The first step of a file is bound to its hash; sites with one folder need one step."""
        before, after = result.get("before"), result.get("after")
        place = before.get("file") if isinstance(before, dict) else None
        file = str(place).casefold()
        if self._files.get(file) == mitigation_of(step):
            self.notes.append(f"{step.id}: the same file {place} as a step before")
            return None
        if result.get("changed") is not True:
            self.dropped.add(mitigation_of(step))
            why = (
                f"the rules stand in {place} as they should and do not hold all the same; look at "
                f"what takes them away. {step.reason}"
            )
            self.refused.append(Refusal(mitigation_of(step), why))
            return None
        digest = before.get("sha256") if isinstance(before, dict) else None
        bound = {} if file in self._files or not digest else {"file_sha256": digest}
        self._files.setdefault(file, mitigation_of(step))
        return replace(step, parameters={**step.parameters, **bound}, before=before, after=after)

    def _stopped(self, step: Step, result: dict[str, Any]) -> Step:
        """Two mitigations may stop one service: for the second one it is stopped already."""
        asked = {row["name"].casefold() for row in step.parameters["services"]}
        before, after = [], []
        for now, then in zip(
            rows(result.get("before")).rows, rows(result.get("after")).rows, strict=False
        ):
            name = str(then.get("name")).casefold()
            earlier = self._services.get(name)
            if earlier is not None and name not in asked:
                continue  # stopped only because it depends on one that is
            before.append(earlier or now)
            after.append(then)
            self._services[name] = then
        return replace(step, before=before, after=after)

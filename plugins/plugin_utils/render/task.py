# SPDX-License-Identifier: GPL-3.0-or-later
"""One rendering for one server, with the result that the module documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .files import folder_of, place
from .render import missing_records, render, with_shared
from .template import template, templates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What is asked for."""

    server: str
    template: str
    level: str
    values: Mapping[str, Any]
    shared: Mapping[str, Any]  # values for all templates; each takes those that it has
    dest: Path
    own: Path | None
    basis: str
    check: bool
    diff: bool


def render_task(request: RenderRequest) -> dict[str, Any]:
    """Render and place the files; returns ``{"changed", "folder", "files", "not_made", "diff"}``.

    :raises ConfigError: an unknown template or level, a wrong value, a folder that cannot be written.
    """
    entry = template(request.template, request.own)
    given = with_shared(
        entry, request.shared, request.values, templates(request.own).values(),
        f"{request.server}: shared_values",
    )  # fmt: skip
    values = {"server_name": request.server, **given}
    parts = render(
        entry, request.level, values, where=f"{request.server}: values", basis=request.basis
    )
    folder = folder_of(request.dest, str(values["server_name"]), entry.id, request.level)
    placed = place(folder, parts, check=request.check)
    result: dict[str, Any] = {
        "changed": any(file.changed for file in placed),
        "folder": str(folder),
        "files": {file.path.name: file.changed for file in placed},
        "not_made": {
            part: list(names)
            for part, names in missing_records(entry, request.level, values).items()
        },
    }
    if request.diff:
        result["diff"] = [
            {
                "before": file.before,
                "after": file.after,
                "before_header": str(file.path),
                "after_header": str(file.path),
            }
            for file in placed
            if file.changed
        ]
    return result

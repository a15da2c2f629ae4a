# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample values of each template, and what they give."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.render import (
    RenderedPart,
    render,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.template import templates

if TYPE_CHECKING:
    from collections.abc import Mapping

UNIT = Path(__file__).parents[1] / "unit" / "render"
GOLDEN = UNIT / "golden"


@cache
def samples() -> dict[tuple[str, str], dict[str, Any]]:
    """(template, level) -> values."""
    found = {}
    for name in templates():
        path = UNIT / "samples" / f"{name}.yml"
        data = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        for level, values in data.items():
            found[name, level] = values
    return found


def rendered(name: str, level: str, values: Mapping[str, Any]) -> tuple[RenderedPart, ...]:
    """What a template gives for values."""
    return render(templates()[name], level, values)


def part(name: str, level: str, which: str, **more: Any) -> str:
    """One text of a sample, with other values."""
    given = {**samples()[name, level], **more}
    return next(entry.text for entry in rendered(name, level, given) if entry.part == which)

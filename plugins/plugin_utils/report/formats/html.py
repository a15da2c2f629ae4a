# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report: one self-contained file, no script, nothing fetched, strict CSP.

The policy names the style sheet by its hash and allows nothing else, so even a failure of the
template's escaping could neither run nor load anything (Velociraptor CVE-2022-35630 was that bug).
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from ..document import compromise_of, group
from ..entries import (
    directive_lines,
    entries,
    hosts_of_the_run,
    merged,
    next_step,
    other_day,
    urgency,
    verdict_of,
)
from ..exit_code import exit_code, meaning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TEMPLATES = Path(__file__).parent / "templates"

GROUP_LABELS = {
    "findings": "with findings",
    "unknown": "not fully known",
    "unreached": "not reached",
    "nothing-found": "nothing found",
}


@cache
def _template() -> tuple[jinja2.Template, str, str]:
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        enable_async=False,
    )
    return environment.get_template("report.html.j2"), style, f"sha256-{digest}"


def html_parts(report: Mapping[str, Any]) -> Iterator[str]:
    """The page in parts, so that a large fleet is never one string in memory."""
    template, style, style_hash = _template()
    stream = template.stream(
        report=report,
        # Our own file, hashed into the policy: the one value that is not escaped.
        style=Markup(style),  # noqa: S704
        style_hash=style_hash,
        hosts=sorted(report["hosts"], key=urgency),
        numbers={host["host"]: number for number, host in enumerate(report["hosts"], 1)},
        groups=GROUP_LABELS,
        code=exit_code(report),
        code_meaning=meaning(exit_code(report)),
        other_day=other_day(report),
        compromise_of=compromise_of,
        directive_lines=directive_lines,
        entries=entries,
        hosts_of_the_run=hosts_of_the_run,
        merged=merged,
        group=group,
        next_step=next_step,
        verdict_of=verdict_of,
    )
    stream.enable_buffering(200)
    yield from stream


def html(report: Mapping[str, Any]) -> str:
    """The whole page as one string."""
    return "".join(html_parts(report))

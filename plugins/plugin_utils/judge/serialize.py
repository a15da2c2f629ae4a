# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn an assessment into JSON-able values and nothing else."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..base.model import Assessment, CveVerdict


def jsonable(value: object) -> Any:
    """Records become objects, enums their value, tuples lists; the rest stays."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: jsonable(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in an assessment")


def by_remedy(exposures: Iterable[CveVerdict]) -> list[dict[str, Any]]:
    """Group open CVEs by what closes them: ``[{"exposure", "action", "cves": [...]}]``.

    An old server has a hundred outside the campaign, and their reasons repeat what the action
    says: measured, they were two thirds of a host's entry.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for item in exposures:
        key = (item.exposure.value, item.action or item.reason)
        groups.setdefault(key, []).append(item.cve)
    return [
        {"exposure": exposure, "action": action, "cves": cves}
        for (exposure, action), cves in groups.items()
    ]


def assessment_to_dict(assessment: Assessment) -> dict[str, Any]:
    """The assessment as in ``hosts[].assessment`` of the report (report/report.schema.json)."""
    converted: dict[str, Any] = jsonable(replace(assessment, other_open_cves=()))
    return converted | {"other_open_cves": by_remedy(assessment.other_open_cves)}

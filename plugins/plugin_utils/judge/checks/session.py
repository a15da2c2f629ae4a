# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom the host was read: an unprivileged reader sees less and is not told so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...facts.read import flag
from .. import check as checks

if TYPE_CHECKING:
    from ...base.model import CheckResult
    from ...facts.read import Facts

_RIGHTS = (
    ("administrator", "not a member of the administrators"),
    ("elevated", "not elevated"),
    ("process_64bit", "a 32-bit process"),
)


def check_session(facts: Facts) -> CheckResult:
    """Judge ``session.elevated``."""
    check = "session.elevated"
    values = {key: flag(facts.value("session", key)) for key, _ in _RIGHTS}
    lacking = [words for key, words in _RIGHTS if values[key] is False]
    if lacking:
        return checks.finding(
            check,
            f"The session is {' and '.join(lacking)}: facts may be incomplete without an error.",
            "Use an account of the local administrators over WinRM, with a full 64-bit token.",
            evidence=values,
        )
    unread = [key for key, value in values.items() if value is None]
    if unread:
        why = facts.why("session")
        return checks.unknown(
            check, f"Could not be read: {', '.join(unread)} ({why}).", evidence=values
        )
    return checks.passed(check, "An elevated administrator in a 64-bit process.", evidence=values)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of an event are words of our own, that no secret is looked for in.

Only what is decided from, or compared, when a journal is read again. Whatever a host or an operator
has a part in (parameters, ids of steps with the names of sites, reasons, notes, results) is masked.
"""

from __future__ import annotations

from collections.abc import Mapping

# By the name of a member: the name is ours, and so is what stands there and is no mapping; of a
# mapping only what is named in turn. ``None``: the name is ours, and its content is of others.
Ours = Mapping[str, "Ours | None"]


def _of_others(names: str) -> Ours:
    return dict.fromkeys(names.split())


def _words(names: str) -> Ours:
    return {name: {} for name in names.split()}


_STEP: Ours = {
    **_words("operation clause"),
    **_of_others("id parameters reason before after needs"),
}
PLAN: Ours = {
    **_words("intent campaign rests_on"),
    "steps": _STEP,
    **_of_others("refused notes sections"),
}
EVENT: Ours = {
    "plan": PLAN,  # of begin and admitted: its digest
    "catalogue": _words("as_of sha256"),
    "tool": _words("name version"),
    **_words("intent campaign check state changed code operation key replayed script_sha256"),
    **_of_others("reason step parameters result note approvals exchange_allow_insecure controller"),
    **_of_others(
        "peer by job file sha256 owner run life purpose ttl_seconds takeover gone reapply"
    ),
}
# What an attempt of a script is known by (``microsoft.record``).
ATTEMPT: Ours = {
    **_words("schema job host run deadline_utc"),
    **_of_others("path arguments facts before verdict"),
}

# SPDX-License-Identifier: GPL-3.0-or-later
"""What our own questions say about a script of Microsoft: before it runs, and about what it left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....base.errors import RefusedError
from ....catalog.records.tools import ScriptIntent
from ....facts.read import Facts, rows, text
from ....host.calls import iis_module
from ....host.calls.front_end import probe
from ....judge.mitigations.state import MitigationState
from ..probes import Answers, questions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....judge.mitigations.state import JudgedMitigation
    from ....microsoft.attempt import Attempt
    from .answer import ByScriptResult


def refuse_download(attempt: Attempt) -> None:
    """Refuse where the script would not find the module that is there, and fetch it (I10).

    :raises RefusedError: it is not among the products by the words that the script looks for.
    """
    tool, options = attempt.script.identity.tool, attempt.request.options
    if options.intent is not ScriptIntent.MITIGATE or "backend-cookie" not in options.mitigations:
        return
    if not tool.url_rewrite_listed:
        return
    products = rows(iis_module.products(attempt.session, tool.url_rewrite_listed))
    if not any(text(product.get("version")) for product in products.rows):
        words = ", ".join(tool.url_rewrite_listed)
        raise RefusedError(
            f"{tool.file} is not run: no installed product has {words} in its name, so it "
            "would take URL Rewrite for missing and install it from the web, unverified, or "
            "fail; let the native role install the module, or use the native mitigation"
        )


def prove(attempt: Attempt, states: Mapping[str, JudgedMitigation], answer: ByScriptResult) -> None:
    """Send the requests that what holds must refuse, beside those to the health pages."""
    catalog = attempt.runtime.catalog
    held = [name for name, one in states.items() if one.state is MitigationState.HOLDS]
    wanted = [catalog.mitigation(name) for name in held]
    asking = questions(Facts.of(attempt.facts.result, attempt.facts.errors), wanted)
    answers = Answers(asking, probe(attempt.session, asking.probes()))
    for mitigation in wanted:
        answer.prove(mitigation.id, *answers.proof(mitigation))

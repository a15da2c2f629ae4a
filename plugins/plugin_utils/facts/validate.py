# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the facts of a host against ``facts.schema.json`` before anybody reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..base.errors import ReplySchemaError
from ..base.json_schema import compiled, place

SCHEMA = Path(__file__).with_name("facts.schema.json")


def validate(result: Any) -> None:
    """Accept the ``result`` of Get-ExchangeServerInfo, or raise `ReplySchemaError`.

    The message names the place (``facts.iis.sites[2].name``) and the rule that it breaks.
    """
    failure = compiled(SCHEMA)(result)
    if failure is not None:
        where, what = failure
        raise ReplySchemaError(
            f"{place('facts', where)} {what}; the host runs another script or answers "
            "in bad faith, so none of its facts is used"
        )

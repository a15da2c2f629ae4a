# SPDX-License-Identifier: GPL-3.0-or-later
"""An image whose bytes prove nothing goes to a server only on a person's word (I10)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import Action
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.choose import (
    choose_cu,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    Content,
)
from upgraded_host import AT, UpgradedHost, record

if TYPE_CHECKING:
    from pathlib import Path

SILENT = Content("a disk image (.iso)", ())
NAMED = Content("a disk image (.iso)", ("cumulative-update", "product"))


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"content": SILENT, "reason": None}, Action.STOP),
        ({"content": SILENT}, Action.STOP),  # a reason of nobody
        ({"content": SILENT, "reason_by": "ops"}, Action.INSTALL),
        ({"content": NAMED, "reason": None}, Action.INSTALL),
        ({}, Action.INSTALL),  # of an older release, which wanted a hash and a reason as well
    ],
)
def test_image_is_chosen_when_it_or_a_person_says_what_it_is(
    changes: dict[str, Any], action: Action
) -> None:
    package = replace(record(), **changes)
    store = PackageCatalogue("x", 1, AT, AT, (package,))
    chosen = choose_cu(load(), package.applies_to[-1], AT.date(), store, package.cu)
    assert chosen.action is action
    if action is Action.STOP:
        assert "nobody vouched for it" in chosen.reason
        assert chosen.package is None


def test_plan_of_an_upgrade_says_who_vouched(tmp_path: Path) -> None:
    package = replace(record(), content=SILENT, reason_by="ops")
    store = PackageCatalogue("x", 1, AT, AT, (package,))
    planned = UpgradedHost(tmp_path).upgrade(store=store, check=True).planned
    assert planned is not None
    (note,) = (note for note in planned.notes if package.file in note)
    assert "cumulative-update, product rest on ops" in note
    assert str(package.reason) in note

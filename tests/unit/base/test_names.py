# SPDX-License-Identifier: GPL-3.0-or-later
"""A name that would lead out of the case, or cannot be seen, names no folder of it (I6)."""

from __future__ import annotations

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import names
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError

EVIL = (
    *("", ".", "..", "/", "a/b", "../a", "a\\b", "..\\a", "\x00", "a\nb", "a\x1b[2J", "a\u202eb"),
    "a" * 201,
)


@pytest.mark.parametrize("name", EVIL)
def test_what_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^host .*cannot name a folder of the case"):
        names.case_name(name, "host")
    with pytest.raises(ConfigError, match=r"^run: .*cannot name a folder of the case"):
        names.run_name(name)


@pytest.mark.parametrize(
    "name", ["ex01", "EX01.contoso.com", "exch\u00e4nge 1", "fe80::1%2", ".hidden", "a" * 200]
)
def test_hosts_keep_the_names_that_an_inventory_may_give_them(name: str) -> None:
    assert names.case_name(name, "host") == name


@pytest.mark.parametrize("name", ["r", "2021-03-05T10:00:00+01:00", "a.b_c@d-1", "0" * 200])
def test_runs_that_had_a_name_keep_it(name: str) -> None:
    assert names.run_name(name) == name


@pytest.mark.parametrize("name", [".hidden", "-x", "a b", "\u00e4", "r\n"])
def test_a_run_stands_on_command_lines_too(name: str) -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        names.run_name(name)

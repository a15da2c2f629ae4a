# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded of packages whose bytes prove all that a server needs to know."""

from __future__ import annotations

from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    CU,
    KB,
    PRODUCT,
    SEASON,
    Content,
)

TITLE = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"
PROVEN = Content(
    f"a Windows Installer patch (.msp), '{TITLE}'", tuple(sorted((PRODUCT, KB, CU, SEASON)))
)

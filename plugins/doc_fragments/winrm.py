# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ansible-core's own winrm connection, of whichever version is installed."""

from __future__ import annotations

import yaml
from ansible.plugins.connection import winrm as stock


class ModuleDocFragment:
    """Pass on the stock options, so that ours can never lag behind them."""

    DOCUMENTATION = yaml.safe_dump({"options": yaml.safe_load(stock.DOCUMENTATION)["options"]})

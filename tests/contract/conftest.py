# SPDX-License-Identifier: GPL-3.0-or-later
from engine_fixtures import pwsh, shim_engine

__all__ = ["pwsh", "shim_engine"]

# SPDX-License-Identifier: GPL-3.0-or-later
from engine_fixtures import pwsh

__all__ = ["pwsh"]

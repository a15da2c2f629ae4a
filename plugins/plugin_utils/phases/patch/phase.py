# SPDX-License-Identifier: GPL-3.0-or-later
"""The intent of installing the security update for each exact build."""

from __future__ import annotations

INTENT = "patch"

# SPDX-License-Identifier: GPL-3.0-or-later
"""The one version that code reads; a test compares pyproject.toml, galaxy.yml and the changelog."""

from __future__ import annotations

VERSION = "0.1.0"

# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of whatever is delivered from the operator's package store."""

from __future__ import annotations


class ModuleDocFragment:
    """Where the packages are, whom to believe about them, and how they get to a server."""

    DOCUMENTATION = r"""
options:
  keys:
    description: The folder of the trusted public keys.
    type: path
  seen:
    description: The file that remembers the newest version of each package catalogue, against roll-back.
    type: path
  source:
    description:
      - A share or an address (C(\\\\server\\share), C(https://server/path)) with the same folders as the store. Servers fetch the packages from there.
      - Without it packages are pushed over WinRM.
    type: str
  store:
    description: The folder of the signed package catalogue that C(exchange-remediation package) keeps.
    type: path
  threshold:
    description: How many trusted keys must have signed the package catalogue.
    type: int
    default: 1
"""

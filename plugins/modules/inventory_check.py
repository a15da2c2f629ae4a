# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: inventory_check
short_description: Find wrong host settings before anything is sent
version_added: 0.1.0
author: exchange.remediation maintainers
description:
  - Looks at the variables of all hosts of a run on the controller and names each host that must not be contacted, with the variable and
    the cure. The same server under two names, variables of the wrong type, templates that fail, unknown safety rules.
  - Does not fail, so that one wrong host does not stop the others.
options:
  hosts:
    description:
      - The hosts to look at, usually C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode and does exactly the same, as it only reads.
    support: full
  diff_mode:
    description: Returns details on what has changed, which is nothing.
    support: none
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: posix
seealso:
  - module: exchange.remediation.exchange_server_info
"""

EXAMPLES = r"""
- name: Look for wrong settings
  exchange.remediation.inventory_check:
    hosts: "{{ ansible_play_hosts_all }}"
  register: inventory
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
refused:
  description: Host to the reason why it must not be contacted; empty if all is well.
  returned: success
  type: dict
  sample: {"exch02": "exch02: ansible_port must be a port number from 1 to 65535, not 'abc'; write it as a plain number such as 5986"}
"""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: render
short_description: Write isolation steps for a network device, load balancer or hypervisor
version_added: 0.1.0
author: exchange.remediation maintainers
description:
  - Renders a template for one server and a level, with steps to apply, to verify and to undo, and a text to read before.
  - Contacts nothing. Values are checked before they enter a device's language; a wrong or missing one is an error that names it.
  - The same values give the same bytes, so a second run changes nothing.
options:
  template:
    description:
      - Name of the template; C(exchange-remediation render list) shows all of them.
    type: str
    required: true
  level:
    description:
      - What is to be brought about; a template has some of these levels.
    type: str
    required: true
    choices: [pages-restricted, https-blocked, vpn-only, drained, out-of-service, disconnected, paused, memory-snapshot]
  values:
    description:
      - The values that the template needs; C(exchange-remediation render show TEMPLATE) lists them. V(server_name) is the host's name, if it is not set.
    type: dict
    default: {}
  shared_values:
    description:
      - Values for all templates of the host. A template takes those that it has; O(values) win over them.
    type: dict
    default: {}
  dest:
    description:
      - Folder of all that is rendered. The files go to C(<dest>/<server>/<template>/<level>).
      - An undo that is there already is never replaced by one of other values, and two servers never share a name on a device.
    type: path
    required: true
  own_templates:
    description:
      - Folder with templates of your own. One with the name of ours takes its place.
    type: path
  basis:
    description:
      - What the rendering rests on, such as the digest of a plan; it stands in the text to read before.
    type: str
    default: no plan
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without writing a file.
    support: full
  diff_mode:
    description: Returns what differs in each file.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Write how a router cuts the server off
  exchange.remediation.render:
    template: nftables
    level: disconnected
    values:
      servers: [192.0.2.10, 2001:db8::10]
      keep: [198.51.100.0/28]
      table: er_cut_ex01
    dest: cases/steps
"""

RETURN = r"""
folder:
  description: Where the files are.
  returned: success
  type: str
  sample: cases/steps/ex01.corp.example/nftables/disconnected
files:
  description: Name of each file, in the order in which they are used, and whether it changed.
  returned: success
  type: dict
  sample: {about.txt: true, apply.nft: true, verify.nft: true, undo.nft: true}
not_made:
  description: Parts that need values which were recorded before, with the names of those that are missing.
  returned: success
  type: dict
  sample: {undo: [recorded_state]}
"""

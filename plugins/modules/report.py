# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Write the report of a run over a fleet
version_added: 0.1.0
author: exchange.remediation maintainers
description:
  - Collects what M(exchange.remediation.exchange_server_info) registered for each host and writes one report in several formats.
  - Every host that is named gets an entry. One without a result is V(not-attempted), one whose task broke is V(error).
  - What detection tools found, and which scans are due, is taken from every C(detection.json) below O(cases), whatever run wrote it.
  - Runs on the controller and speaks to no host.
options:
  hosts:
    description:
      - The inventory of the run, usually C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  variable:
    description:
      - The variable that the hosts' tasks registered.
    type: str
    default: assess_result
  refused:
    description:
      - Hosts that were not asked because their settings are wrong, with the reason.
    type: dict
    default: {}
  campaign:
    description:
      - The campaign of the run.
    type: str
    default: proxylogon
  cases:
    description:
      - Folder of all case folders. The report goes to C(<cases>/<run>/report).
    type: path
    default: cases
  scan_start:
    description:
      - When the campaign began, in ISO 8601, for the scans that its directive orders. The directive's own day, if it is not set.
    type: str
  scan_first_due:
    description:
      - By when the first of these scans has to be done, in ISO 8601. As long after O(scan_start) as the directive gave, if it is not set.
    type: str
  run:
    description:
      - Name of the run. Without it one is made from the time and the campaign.
    type: str
  started:
    description:
      - When the run began, in ISO 8601.
    type: str
  directory:
    description:
      - Export of the directory's Exchange servers, CSV or LDIF. A server in it that is in no inventory is in the report as V(not-in-inventory).
    type: path
  attestations:
    description:
      - Folder of what persons attested, as C(exchange-remediation attest) writes it. A folder that does not exist holds nothing.
    type: path
    default: attestations
  keys:
    description:
      - Folder of the keys whose signatures under attestations count; the user's own, if it is not set.
    type: path
  formats:
    description:
      - Formats to write.
    type: list
    elements: str
    default: [html, json, csv, junit]
    choices: [html, json, csv, junit, text, runbook]
attributes:
  check_mode:
    description: >-
      Can run in check mode. The report is written in check mode too, because it is the run's output, lies below the case folder of the
      controller and changes no host.
    support: full
  diff_mode:
    description: Returns details on what has changed, which is nothing on any host.
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
- name: Write the report of the run
  exchange.remediation.report:
    hosts: "{{ ansible_play_hosts_all }}"
    formats: [html, json]
  register: report
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
run:
  description: Name of the run.
  returned: success
  type: str
  sample: 20210305T100000Z-proxylogon-1a2b
folder:
  description: Where the report is.
  returned: success
  type: str
  sample: /srv/cases/20210305T100000Z-proxylogon-1a2b/report
files:
  description: File name to path.
  returned: success
  type: dict
  sample: {report.json: /srv/cases/20210305T100000Z-proxylogon-1a2b/report/report.json}
totals:
  description: Hosts by state, by verdict and by what to do next.
  returned: success
  type: dict
exit_code:
  description: V(0) nothing found, V(1) findings, V(3) some host unknown or not reached.
  returned: success
  type: int
  sample: 1
meaning:
  description: The exit code in words.
  returned: success
  type: str
  sample: every host was assessed; some have findings
broken:
  description: Hosts whose task failed, which is not the same as having findings or not being reached.
  returned: success
  type: list
  elements: str
summary:
  description: The fleet table, line by line.
  returned: success
  type: list
  elements: str
"""

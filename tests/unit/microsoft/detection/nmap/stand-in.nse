-- SPDX-License-Identifier: GPL-3.0-or-later
-- A stand-in of our own: asks one address, and calls a server vulnerable that names a back end in its answer.
local http = require "http"
local shortport = require "shortport"
local vulns = require "vulns"

description = "Stand-in for tests"
author = "exchange.remediation"
license = "GPL-3.0-or-later"
categories = { "vuln" }
portrule = shortport.http

action = function(host, port)
  local report = vulns.Report:new(SCRIPT_NAME, host, port)
  local finding = { title = "Stand-in", state = vulns.STATE.NOT_VULN, IDS = { CVE = "CVE-2021-26855" } }
  local answer = http.generic_request(host, port, "GET", "/owa/auth/x.js", { header = { ["Cookie"] = "X-AnonResource=true" } })
  local target = answer.header["x-calculatedbetarget"]
  if target and target:find("localhost", 1, true) then
    finding.state = vulns.STATE.VULN
  end
  return report:make_output(finding)
end

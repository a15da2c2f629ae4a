#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# rehearse.sh CASES: simulated fleet up; search it for intruders and assess it over WinRM; print what was found, the fleet table,
# the report's path and a runbook; fleet down.
set -euo pipefail
cases=$1
state=$(mktemp -d)
trap 'exchange-remediation rehearse down --state "$state" >/dev/null || true; rm -rf "$state"' EXIT
started=$SECONDS
exchange-remediation rehearse up --state "$state" --port 0 --stop-after 15
# A stand-in for Microsoft's script, pinned by its hash in a signed store, as the real one would be.
tool=plugins/plugin_utils/rehearsal/stand_ins/Test-ProxyLogon.ps1
store=(--store "$state/store" --keys "$state/keys" --seen "$state/seen.json")
exchange-remediation package keys init --keys "$state/keys" >"$state/store.log"
exchange-remediation package add "$tool" --tool test-proxylogon --version 21.03.18.1900 --reason "a rehearsal" \
    --sha256 "$(sha256sum "$tool" | cut -d ' ' -f 1)" "${store[@]}" >>"$state/store.log"
echo
echo "Test-ProxyLogon runs on every server; what it leaves is collected and read ..."
run=$(date -u +detect-%Y%m%dT%H%M%SZ)
log=$cases/$run/ansible.log
mkdir -p "$cases/$run"
# Servers that are switched off, locked down or not elevated fail their task.
ansible-playbook exchange.remediation.detect --inventory "$state/inventory.yml" --forks 10 --extra-vars \
    "detect_confirm=true detect_run=$run detect_case=$cases/$run detect_store=$state/store detect_keys=$state/keys detect_seen=$state/seen.json" \
    >"$log" 2>&1 || [ $? -eq 2 ] || [ $? -eq 4 ] || { cat "$log"; exit 1; }
exchange-remediation detection show "$cases/$run" || [ $? -lt 4 ]
echo "$log"
echo
status=0
exchange-remediation assess --inventory "$state/inventory.yml" --cases "$cases" | tee "$state/assess.txt" || status=${PIPESTATUS[0]}
# 1 (findings) and 3 (hosts that were not reached) are what this fleet is made to show.
case $status in
0 | 1 | 3) ;;
*) exit "$status" ;;
esac
# The page is the last line. What the directive wants from one of the servers, for people to carry out and sign:
report=$(dirname "$(tail -n 1 "$state/assess.txt")")
server=ex2016-open
exchange-remediation report runbook "$report" --host "$server" --html >"$report/runbook-$server.html"
echo
exchange-remediation report runbook "$report" --host "$server" | head -n 60
echo "[...]"
echo "$report/runbook-$server.html"
echo
echo "Rehearsed in $((SECONDS - started)) s. The assessment's exit status was $status, as it would be on a real fleet like this."

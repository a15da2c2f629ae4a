#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Take the README's picture of the report: rehearse, then let a headless browser paint the page.
set -euo pipefail
cases=$(mktemp -d)
trap 'rm -rf "$cases"' EXIT
scripts/rehearse.sh "$cases" >/dev/null
page=$(echo "$cases"/*/report/report.html)
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking \
  --user-data-dir="$cases/profile" --window-size=1200,1150 --screenshot=docs/images/report.png "file://$page" 2>/dev/null
echo docs/images/report.png

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# venv.sh PYTHON FOLDER: make a virtual environment, also on a Debian that splits ensurepip off into its own package.
set -euo pipefail
python=$1
folder=$2
command -v "$python" >/dev/null || {
  echo "$python is missing: install Python 3.11 or newer, or say which one: make PYTHON=python3.12" >&2
  exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "$python is older than 3.11: install Python 3.11 or newer, or say which one: make PYTHON=python3.12" >&2
  exit 1
}
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
  else
    echo "$python has no ensurepip: install the package python3-venv (apt-get install python3-venv)" >&2
    exit 1
  fi
fi
"$python" -m venv "$folder"

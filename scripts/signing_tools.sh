#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Put each osslsigncode that this Debian can have, its own and that of its backports, into .cache/signing-tools/VERSION,
# so that the tests meet the reports of more than one. Nothing is installed. What cannot be had is missing there, and
# the test that wants it says so.
set -uo pipefail
cd "$(dirname "$0")/.."
target=$PWD/.cache/signing-tools
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || exit 0
# shellcheck disable=SC1091 # there is one on every Debian
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
# The mirror that this machine uses, whichever that is.
mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $codename" "Created-By: Packages" | head -1)
if [ -z "$codename" ] || [ -z "$mirror" ]; then
  echo "apt names no mirror of ${codename:-this system}: no other osslsigncode was fetched" >&2
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/parts" "$work/lists/partial" "$work/cache/archives/partial" "$work/deb" "$target"
key=$(find /usr/share/keyrings -name 'debian-archive-keyring.*' | head -1)
printf 'Types: deb\nURIs: %s\nSuites: %s %s-backports\nComponents: main\n%s\n' \
  "$mirror" "$codename" "$codename" "${key:+Signed-By: $key}" >"$work/parts/tools.sources"
options=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/parts"
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update -qq || exit 0
cd "$work/deb" || exit 1
for version in $(apt-cache "${options[@]}" madison osslsigncode | awk -F'|' '$3 ~ /Packages/ { gsub(/ /, "", $2); print $2 }'); do
  short=${version%%-*}
  [ -x "$target/$short/usr/bin/osslsigncode" ] && continue
  apt-get "${options[@]}" download -qq "osslsigncode=$version" &&
    dpkg-deb -x osslsigncode_*.deb "$target/$short"
  rm -f ./*.deb
done
ls "$target"

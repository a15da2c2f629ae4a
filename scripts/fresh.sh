#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# fresh.sh [COMMAND...]: run the README's commands (`make rehearse`, `make test`) as a machine would that has nothing
# but Debian 12, Python, git and make. Whoever develops has more than he knows of; a fresh machine shows what is missing.
#
# A minimal root is made with mmdebstrap, the last commit is cloned into it, and the commands run there in namespaces of
# their own, so that nothing they start survives them. How to reach packages (apt, pip, certificates, proxy) is taken
# from this machine when it runs, and is in no file of the project. Needs root. FRESH_ROOT=FOLDER keeps the root, and
# takes it again if it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- 'make rehearse' 'make test'

if [ "$(id -u)" != 0 ]; then
  echo "fresh.sh makes a root file system and changes into it: run it as root" >&2
  exit 2
fi
for tool in mmdebstrap unshare chroot git; do
  command -v "$tool" >/dev/null || {
    echo "$tool is missing: apt-get install mmdebstrap util-linux coreutils git" >&2
    exit 2
  }
done

if [ -n "${FRESH_ROOT:-}" ]; then
  root=$FRESH_ROOT
else
  root=$(mktemp -d -p "${TMPDIR:-/var/tmp}" fresh.XXXXXX)
  trap 'rm -rf --one-file-system "$root"' EXIT
fi

# The sources of this machine, if it is a Debian 12 too; else mmdebstrap's own default.
sources=()
if grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release; then
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list; do
    if [ -s "$file" ]; then sources+=("$file"); fi
  done
fi
if [ ! -e "$root/etc/debian_version" ]; then
  echo "=== a root of Debian 12 in $root"
  mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,git,make,ca-certificates \
    bookworm "$root" "${sources[@]}"
fi
cp -a /etc/apt/apt.conf.d /etc/apt/auth.conf.d "$root/etc/apt/" 2>/dev/null || true
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
# Both, so that installing a package that rebuilds the bundle does not lose this machine's authorities. What is there
# are absolute links, which lead out of the root from here: never write through them.
rm -rf "$root/etc/ssl/certs" "$root/usr/local/share/ca-certificates"
cp -a /usr/local/share/ca-certificates "$root/usr/local/share/"
cp -aL /etc/ssl/certs "$root/etc/ssl/"
mkdir -p "$root/root/.config/pip"
settings=()
for file in /etc/pip.conf /root/.config/pip/pip.conf; do
  if [ -s "$file" ]; then
    cp "$file" "$root$file"
    settings+=("$file")
  fi
done

checkout=$root/srv/exchange.remediation
rm -rf --one-file-system "$checkout"
git clone --quiet --no-hardlinks "file://$PWD" "$checkout"
[ -z "$(git status --porcelain)" ] || echo "what is not committed is not tried" >&2

# What pip's settings name on this disk (an index, a folder of wheels), and the engine beside the checkout.
folders=()
while read -r place; do
  if [ -d "$place" ]; then folders+=("$place"); fi
done < <({ cat "${settings[@]}" /dev/null; env | grep '^PIP_' || true; } | grep -oE '/[A-Za-z0-9._/-]+' |
  grep -vE '^/(etc|usr|root|tmp|$)' | sed 's|/simple/*$||' | sort -u)
shared=$(realpath -q "$PWD/../shared" || true)
[ -d "$shared" ] || shared=

variables=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}")
while read -r pair; do
  variables+=("$pair")
done < <(env | grep -iE '^(PIP_[A-Z_]+|(http|https|no|all)_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SWEEP_SEED)=')

# Everything below runs in the namespaces; the mounts and processes end with them.
inside() {
  FRESH_INSIDE_ROOT=$root FRESH_FOLDERS=$(printf '%s\n' "${folders[@]}") FRESH_SHARED=$shared \
    unshare --mount --pid --fork --kill-child bash -c '
    set -euo pipefail
    root=$FRESH_INSIDE_ROOT
    mount --make-rprivate /
    # A root that is no mount is not among the drives of PowerShell, which then loses its way to files.
    mount --bind "$root" "$root"
    bind() { mkdir -p "$root$2" && mount --rbind "$1" "$root$2"; }
    mount -t proc proc "$root/proc"
    bind /dev /dev
    bind /sys /sys
    mount -t tmpfs tmpfs "$root/tmp"
    for folder in $FRESH_FOLDERS; do bind "$folder" "$folder"; done
    if [ -n "$FRESH_SHARED" ]; then bind "$FRESH_SHARED" /srv/shared; fi
    exec chroot "$root" /usr/bin/env -i "$@"' bash "${variables[@]}" "$@"
}

versions() {
  # shellcheck disable=SC2016 # dpkg-query reads its own variables
  inside dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' \
    python3.11 git make ca-certificates osslsigncode msitools chromium libkrb5-3 libicu72 2>/dev/null |
    sed -n 's/^installed /  /p' || true
}

echo "=== Debian $(cat "$root/etc/debian_version"), $(git log -1 --format='%h %s')"
versions
status=0
summary=()
for command in "$@"; do
  began=$SECONDS
  echo "=== $command"
  result=ok
  inside bash -c "cd /srv/exchange.remediation &&
    if [ -x /srv/shared/pwsh/pwsh ]; then export EXCHANGE_REMEDIATION_PWSH=/srv/shared/pwsh/pwsh; fi
    $command" </dev/null || {
    result=FAILED
    status=1
  }
  summary+=("$(printf '%-6s %5d s  %s' "$result" $((SECONDS - began)) "$command")")
done
echo "=== fresh Debian $(cat "$root/etc/debian_version") at the end"
versions
printf '%s\n' "${summary[@]}"
exit $status

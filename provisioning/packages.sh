#!/bin/sh
# Installs the Debian packages named as arguments that are not there yet.
set -eu

missing=""
for package in "$@"; do
    # Debian 13 gave some libraries the suffix t64 (64-bit time).
    dpkg-query -W -f='${db:Status-Status}\n' "$package" "${package}t64" 2>/dev/null |
        grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "needed and not found:$missing. This is no Debian: install them by hand." >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "needed:$missing. Run as root: apt-get install$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi
echo "installing Debian packages:$missing" >&2
$as_root apt-get update -q >&2
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2

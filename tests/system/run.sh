#!/bin/sh
# `make test-system`: the units as they are installed, under a real systemd with its journal, in a
# container of Debian bookworm (systemd-nspawn; needs root), with Mosquitto beside it. The tree is
# made on the first run (3 minutes, 0.7 GB) and kept below var/. TREE=DIR keeps it elsewhere.
set -eu
cd "$(dirname "$0")/../.."
tree=${TREE:-$PWD/var/system-tree}
target=test-system
. tests/tree.sh

need systemd-container mosquitto
# Read before Python: `make` may have been called from an environment of its own.
python=${PYTHON:-$PWD/.venv/bin/python}

if [ ! -e "$tree/made" ]; then
    echo "test-system: making $tree" >&2
    rm -rf "$tree"
    mkdir -p "$tree"
    mmdebstrap --quiet --variant=minbase --mode=root \
        --include=systemd-sysv,systemd,udev,dbus,procps,iproute2,ca-certificates \
        --include=python3,python3-venv,python3-dev,gcc,libc6-dev,libsystemd-dev,libzbar0,pkg-config \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        bookworm "$tree" || skip "Debian bookworm cannot be fetched, see above"
    mkdir -p "$tree/src" "$tree/opt/kiosk" "$tree/var/log/journal"
    chroot "$tree" python3 -m venv /opt/kiosk/venv
    chroot "$tree" ln -s /opt/kiosk/venv /opt/venv
    cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt chroot "$tree" /opt/venv/bin/pip install \
        --quiet --disable-pip-version-check setuptools wheel
    touch "$tree/made"
fi
fill "$tree" '/src[reader]'
# The firmware itself anew each time; its requirements stay.
PIP_CERT=/etc/ssl/certs/ca-certificates.crt chroot "$tree" /opt/kiosk/venv/bin/pip install \
    --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall /src
TREE=$tree PYTHONPATH=. exec "$python" -m pytest --timeout=300 tests/system "$@"

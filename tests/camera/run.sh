#!/bin/sh
# `make test-camera`: our camera driver on the real picamera2 and the real libcamera, whose
# virtual camera shows pictures with codes. Both come with Debian trixie, so the tests run in
# a small trixie of their own, made on the first run (1 minute, 0.9 GB) and kept below var/.
# TREE=DIR keeps it elsewhere.
set -eu
cd "$(dirname "$0")/../.."
tree=${TREE:-$PWD/var/camera-tree}

skip() {
    echo "test-camera: SKIPPED, nothing was tested: $1" >&2
    exit 0
}
[ "$(id -u)" -eq 0 ] || skip "needs root, to make a Debian tree and enter it (chroot)"
command -v apt-get >/dev/null || skip "needs Debian's mmdebstrap, and this is no Debian"
sh provisioning/packages.sh mmdebstrap debian-archive-keyring ||
    skip "mmdebstrap cannot be installed, see above"
unshare --mount true 2>/dev/null || skip "this machine allows no mount namespaces"

if [ ! -e "$tree/made" ]; then
    echo "test-camera: making $tree" >&2
    rm -rf "$tree"
    mkdir -p "$tree"
    mmdebstrap --quiet --variant=minbase --mode=root --include=python3,python3-venv,python3-dev \
        --include=python3-libcamera,libcamera-ipa,python3-numpy,python3-pil \
        --include=gcc,libc6-dev,libcap-dev,libsystemd-dev,pkg-config,libzbar0,ca-certificates \
        trixie "$tree" || skip "Debian trixie cannot be fetched, see above"
    mkdir -p "$tree/src"
    chroot "$tree" python3 -m venv --system-site-packages /opt/venv
    touch "$tree/made"
fi
# Whom this machine trusts, which may include the authority of a proxy.
cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"

rm -rf "$tree/src/"*
cp -r setup.py pyproject.toml kiosk drivers config systemd tests "$tree/src/"
if ! cmp -s setup.py "$tree/installed"; then
    echo "test-camera: installing picamera2 and what the firmware needs" >&2
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt chroot "$tree" /opt/venv/bin/pip install \
        --quiet --disable-pip-version-check picamera2 '/src[demo,test]'
    cp setup.py "$tree/installed"
fi
exec unshare --mount sh -c '
    mount -t proc proc "$1/proc"
    exec chroot "$1" env -i PATH=/usr/bin:/bin HOME=/root LIBCAMERA_LOG_LEVELS="*:ERROR" \
        PYTHONPATH=/src PYTHONDONTWRITEBYTECODE=1 CAMERA_TREE=1 \
        /opt/venv/bin/python -m pytest -p no:cacheprovider --rootdir=/src /src/tests/camera
' sh "$tree"

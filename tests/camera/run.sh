#!/bin/sh
# `make test-camera`: our camera driver on the real picamera2 and the real libcamera, whose
# virtual camera shows pictures with codes. Both come with Debian trixie, so the tests run in
# a small trixie of their own, made on the first run (1 minute, 0.9 GB) and kept below var/.
# TREE=DIR keeps it elsewhere.
set -eu
cd "$(dirname "$0")/../.."
tree=${TREE:-$PWD/var/camera-tree}
target=test-camera
. tests/tree.sh

need
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
fill "$tree" picamera2 '/src[demo]' pytest pytest-timeout
exec unshare --mount sh -c '
    mount -t proc proc "$1/proc"
    exec chroot "$1" env -i PATH=/usr/bin:/bin HOME=/root LIBCAMERA_LOG_LEVELS="*:ERROR" \
        PYTHONPATH=/src PYTHONDONTWRITEBYTECODE=1 CAMERA_TREE=1 \
        /opt/venv/bin/python -m pytest -p no:cacheprovider --rootdir=/src /src/tests/camera
' sh "$tree"

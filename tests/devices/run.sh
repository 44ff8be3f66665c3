#!/bin/sh
# `make test-devices`: drivers for devices that plug in, on Debian's kernel with its virtual
# camera (vivid) and virtual keyboards (uinput), in an emulated machine (qemu; needs neither KVM
# nor modules of this machine's kernel). Its Debian trixie is made on the first run (2 minutes,
# 0.5 GB) and kept below var/; it is all unpacked into the machine's memory, which takes 2 GB.
# TREE=DIR keeps it elsewhere.
set -eu
cd "$(dirname "$0")/../.."
tree=${TREE:-$PWD/var/devices-tree}
target=test-devices
. tests/tree.sh

[ "$(uname -m)" = x86_64 ] || skip "the emulated machine is a PC, and this is none"
need qemu-system-x86

if [ ! -e "$tree/made" ]; then
    echo "test-devices: making $tree" >&2
    rm -rf "$tree"
    mkdir -p "$tree"
    mmdebstrap --quiet --variant=minbase --mode=root \
        --include=python3,python3-venv,python3-systemd,python3-evdev,libzbar0,ca-certificates \
        --include=v4l-utils,kmod,cpio \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        trixie "$tree" || skip "Debian trixie cannot be fetched, see above"
    # The kernel is unpacked, not installed: that would make an initrd, in vain.
    chroot "$tree" sh -eu -c '
        apt-get update -q >/dev/null
        package=$(apt-cache depends linux-image-amd64 | sed -n "s/^ *Depends: //p" | head -n 1)
        cd /tmp
        apt-get download -q "$package" >/dev/null
        dpkg-deb -x "$package"_*.deb /kernel
        rm "$package"_*.deb
        version=$(ls /kernel/usr/lib/modules)
        depmod -b /kernel/usr "$version"
        modprobe -d /kernel/usr -S "$version" --show-depends -a vivid uinput evdev |
            while read -r _insmod file _; do
                mkdir -p "$(dirname "${file#/kernel}")"
                cp "$file" "${file#/kernel}"
            done
        cp "/kernel/usr/lib/modules/$version"/modules.builtin* \
            "/kernel/usr/lib/modules/$version/modules.order" "/usr/lib/modules/$version"
        depmod "$version"
        cp /kernel/boot/vmlinuz-* /boot/vmlinuz
        rm -rf /kernel /var/lib/apt/lists /var/cache/apt
        python3 -m venv --system-site-packages /opt/venv
    ' || skip "Debian's kernel cannot be fetched, see above"
    mkdir -p "$tree/src"
    touch "$tree/made"
fi
fill "$tree" '/src[webcam,reader,demo]' pytest pytest-timeout
chroot "$tree" /opt/venv/bin/python -m compileall -q /src
cp tests/devices/init "$tree/init"
chmod +x "$tree/init"

memory=$tree.cpio
trap 'rm -f "$memory"' EXIT
chroot "$tree" sh -c 'find . -xdev -path ./boot -prune -o -print0 | cpio -0 -o -H newc --quiet' \
    >"$memory"
echo "test-devices: starting the machine" >&2
status=0
timeout 1200 qemu-system-x86_64 -M q35 -cpu max -smp 2 -accel tcg,thread=multi -m 2048 \
    -nodefaults -display none -serial stdio -no-reboot \
    -device isa-debug-exit,iobase=0xf4,iosize=1 \
    -kernel "$tree/boot/vmlinuz" -initrd "$memory" \
    -append 'console=ttyS0 panic=-1 rdinit=/init quiet' </dev/null || status=$?
# `init` says 16 plus the status of pytest; anything else is the machine's own end.
if [ "$status" -lt 33 ] || [ "$status" -eq 124 ]; then
    echo "test-devices: the machine ended before the tests did (qemu: $status)" >&2
    exit 1
fi
exit $(((status - 33) / 2))

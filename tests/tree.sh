# Sourced by camera/run.sh and devices/run.sh, which test in a Debian tree of their own. $target
# says which; the project's folder is the working directory.

skip() {
    echo "$target: SKIPPED, nothing was tested: $1" >&2
    exit 0
}

# What it takes to make a tree, and the packages named as arguments.
need() {
    [ "$(id -u)" -eq 0 ] || skip "needs root, to make a Debian tree and enter it (chroot)"
    command -v apt-get >/dev/null || skip "needs Debian's mmdebstrap, and this is no Debian"
    sh provisioning/packages.sh mmdebstrap debian-archive-keyring "$@" ||
        skip "mmdebstrap${1:+ or $1} cannot be installed, see above"
}

# Puts the project into the tree $1, and by pip the requirements that follow into its
# environment, when they may have changed.
fill() {
    tree=$1
    shift
    # Whom this machine trusts, which may include the authority of a proxy.
    cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
    rm -rf "$tree/src/"*
    cp -r setup.py pyproject.toml kiosk drivers provisioning demo config systemd tests "$tree/src/"
    cmp -s setup.py "$tree/installed" && return
    echo "$target: installing what the firmware needs" >&2
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt chroot "$tree" /opt/venv/bin/pip install \
        --quiet --disable-pip-version-check --no-cache-dir "$@"
    cp setup.py "$tree/installed"
}

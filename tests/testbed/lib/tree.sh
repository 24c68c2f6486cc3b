# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
# The recipe of the sandbox's tree. The cached tree is named after a hash of this file and of tree/ beside it: a change here makes it anew.

PACKAGES=virtualbox,acl,openssh-server,procps,python3,sudo,tini
FLEET=50

make_tree() {
    local tree=$1 mirror=$2 settings=$3
    install_debian "$tree" "$mirror" "$settings"
    # Every instance has a host key of its own.
    rm -f "$tree"/etc/ssh/ssh_host_*
    cp -R --preserve=mode "$HERE/lib/tree/." "$tree"
    chmod 0440 "$tree/etc/sudoers.d/sandbox"
    printf '127.0.0.1 localhost vbox-sandbox\n' >"$tree/etc/hosts"
    add_users "$tree" vbox
    # shellcheck disable=SC2046
    add_users "$tree" $(fleet 1 "$FLEET")
    check_bindings "$tree"
}

install_debian() {
    local tree=$1 mirror=$2 settings=$3
    # Valid-Until is not checked: a mirror may lag, and so may the clock. Signatures are.
    mmdebstrap --mode=root --variant=minbase --components=main,contrib --include="$PACKAGES" \
        --aptopt="$settings" \
        --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='Acquire::Languages "none"' \
        --aptopt='APT::Sandbox::User "root"' \
        --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        sid "$tree" "$mirror"
}

# fleet FIRST LAST: the fleet's user names, vbox01 and on
fleet() {
    local number
    for ((number = $1; number <= $2; number++)); do
        printf 'vbox%02d\n' "$number"
    done
}

# add_users ROOT NAME…
add_users() {
    local root=$1 name
    shift
    for name; do
        chroot "$root" useradd --create-home --shell /bin/bash --groups vboxusers --password '*' "$name"
    done
}

check_bindings() {
    chroot "$1" python3 -c 'import vboxapi'
}

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors

# What an administrator's shell script does with VBoxManage, without a process more than that takes.
#   usage: each.sh showvminfo UUID…              read each of these machines
#          each.sh facts                          list the machines and read each
#          each.sh converge BALLOON on|off        list the machines, read each, and change those that differ
set -euo pipefail
vbox=/usr/lib/virtualbox/VBoxManage

uuids() { "$vbox" list vms | grep -o '[0-9a-f-]\{36\}'; }

facts() { for uuid in "$@"; do "$vbox" showvminfo "$uuid" --machinereadable; done; }

converge() {
    local balloon=$1 large_pages=$2 uuid info
    for uuid in $(uuids); do
        info=$("$vbox" showvminfo "$uuid" --machinereadable)
        [[ $info == *$'\n'"GuestMemoryBalloon=$balloon"$'\n'* && $info == *$'\nlargepages="'"$large_pages"\"$'\n'* && $info == *$'\npagefusion="off"\n'* ]] ||
            "$vbox" modifyvm "$uuid" --guestmemoryballoon "$balloon" --largepages "$large_pages"
    done
}

case $1 in
    showvminfo) facts "${@:2}" ;;
    facts) mapfile -t all < <(uuids) && facts "${all[@]}" ;;
    converge) converge "$2" "$3" ;;
esac

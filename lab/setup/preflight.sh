#!/bin/sh
# Says in one line what this machine lacks for the lab, and exits 2; says nothing when it has all.
set -eu

lacks() {
    printf 'lab: %s\n' "$*" >&2
    exit 2
}

[ "$(id -u)" = 0 ] || lacks "the lab needs root; run it with sudo"

for program in debootstrap ip nsenter unshare setsid ssh-keygen sysctl; do
    command -v "$program" >/dev/null ||
        lacks "the lab needs the program $program; bash lab/setup/host.sh installs it"
done

unshare --mount --uts --ipc --net --pid --cgroup --fork true 2>/dev/null ||
    lacks "the lab needs to make namespaces, and this machine refuses; a container would have to be privileged"

state=/var/lib/lvsfleet-lab
mkdir -p "$state"
try=$(mktemp -d "$state/.preflight.XXXXXX")
trap 'rm -rf "$try"' EXIT
mkdir "$try/lower" "$try/upper" "$try/work" "$try/root"
# shellcheck disable=SC2016 # expanded by the inner shell
unshare --mount sh -c 'cd "$1" && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root' \
    sh "$try" 2>/dev/null ||
    lacks "the lab needs overlayfs in $state; its file system must be an ordinary one (ext4, xfs), not itself an overlay"

unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
[ -n "$unified" ] ||
    lacks "the lab needs a cgroup to delegate, and no cgroup2 is mounted; mount one on /sys/fs/cgroup/unified"
{ mkdir "$unified/lvslab-preflight.$$" && rmdir "$unified/lvslab-preflight.$$"; } 2>/dev/null ||
    lacks "the lab needs a cgroup to delegate, and $unified is read-only; a container would have to be privileged"

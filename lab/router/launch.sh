#!/bin/sh
# Joins a router's cgroup and network, and leaves what boots it behind as PID 1 of the other namespaces.
# Standard input is the lab's lock: held until the router can be found by its cgroup, so whoever
# takes the lab down after a crash finds it.
#   $1  its cgroup   $2  its network namespace   $3  its folder   $4  boot.sh or machine.sh
set -eu
here=$(dirname "$0")
echo 0 >"$1/cgroup.procs"
# The first child after unshare --pid is PID 1 there; the shell that starts it has no part in it.
# shellcheck disable=SC2016 # expanded by the inner shell
exec setsid nsenter --net="$2" \
    unshare --mount --uts --ipc --cgroup --pid --propagation private \
    /bin/sh -c '/bin/sh "$0" "$1" &' "$here/$4" "$3"

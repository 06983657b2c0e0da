# shellcheck shell=sh
# A run on the router: its folder, its one state, and what survives a reboot in the middle of it.
# The state is the name of one empty file, so that one rename moves it: armed, then either claimed
# (being saved) and done, or reverting and reverted.

recovery=lvsfleet-recover.service
units=/etc/systemd/system

# hold DIR SECONDS: wait until no other step of the run is at work; then keep others out.
hold() {
    exec 9<"$1"
    if have flock; then flock -w "$2" 9; fi
}

# move DIR FROM TO: win the state FROM, or fail because another step did.
move() { mv "$1/$2" "$1/$3" 2>/dev/null && sync "$1"; }

# install_recovery DIR: from now on a boot finishes or takes back this run before filters are loaded.
install_recovery() {
    [ -d /run/systemd/system ] || return 0
    cat >"$units/$recovery" <<END &&
[Unit]
Description=Finish or take back the lvsfleet change that a reboot interrupted
DefaultDependencies=no
RequiresMountsFor=$home $units
After=local-fs.target
Before=network-pre.target firewalld.service netfilter-persistent.service iptables.service
Before=ip6tables.service nftables.service shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/bin/sh $1/recover.sh - boot
END
        mkdir -p "$units/sysinit.target.wants" &&
        ln -sf "../$recovery" "$units/sysinit.target.wants/$recovery" &&
        sync "$units/$recovery" "$units/sysinit.target.wants"
}

remove_recovery() { rm -f "$units/sysinit.target.wants/$recovery" "$units/$recovery"; }

# finish DIR STATE: the run is over; nothing of it waits any more.
finish() {
    mv "$1"/claimed "$1/$2" 2>/dev/null || mv "$1"/reverting "$1/$2" || return
    remove_recovery
    rm -f "$lock"
    sync "$1"
}

# disarm RUN: the timer has lost; the service it may have started is left to notice that itself.
disarm() { systemctl stop "lvsfleet-$1.timer" 2>/dev/null; }

# prune: of the runs that are over, the ten newest are kept; names begin with the time.
prune() {
    _over=
    for _d in "$home"/runs/*; do
        if [ -e "$_d/done" ] || [ -e "$_d/reverted" ]; then _over="$_d $_over"; fi
    done
    _n=0
    for _d in $_over; do
        _n=$((_n + 1))
        if [ "$_n" -gt 10 ]; then rm -rf "$_d"; fi
    done
}
